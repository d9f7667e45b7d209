"""The client and the caller of a request, as routes pass them to services."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from holdall.platform import ids
from holdall.platform.errors import InvariantViolation


@dataclass(frozen=True)
class ClientInfo:
    """The client of a request without credentials."""

    ip: str  # of the viewer; of an IPv6 address the /64 network
    user_agent: str
    request_id: str
    origin: str | None = field(default=None, kw_only=True)  # of the page that sent the request


@dataclass(frozen=True)
class IdempotencyKey:
    """The Idempotency-Key of a request, as SHA-256 digests."""

    key_sha256: str  # of the principal, the path and the header
    body_sha256: str  # keyed by the header
    former_body_sha256: str | None = None  # of the body alone, as the last release stored it

    @classmethod
    def create(cls, principal_id: str, path: str, key: str, body: str) -> Self:
        """Return the digests of a request.

        A body may contain a password. Who reads the table must not test guesses of it, so its digest is an HMAC (RFC 2104) by
        the header, which only the client knows.
        """
        keyed = hmac.new(key.encode(), body.encode(), "sha256").hexdigest()
        return cls(ids.sha256_hex(f"{principal_id} {path} {key}"), keyed, ids.sha256_hex(body))


@dataclass(frozen=True)
class Caller(ClientInfo):
    """A user, or an API key that acts for the user who created it."""

    user_id: str
    session_id: str | None  # None for an API key
    global_permissions: frozenset[str]  # in the whole installation, by role
    project_role: str | None = None  # in the project of the request
    csrf_token: str | None = None  # of the session cookie
    idempotency_key: IdempotencyKey | None = None
    api_key_id: str | None = None
    api_key_scopes: frozenset[str] | None = None  # that its creator still has
    share_id: str | None = None  # of a stranger, who acts with the rights of the user who shared
    credentials_expire_at: datetime | None = None  # None for an API key without an end

    def require_session_id(self) -> str:
        """Return the session ID. The guards of the routes that need one do not admit API keys."""
        if self.session_id is None:
            raise InvariantViolation
        return self.session_id
