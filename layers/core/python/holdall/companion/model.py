"""The tokens of upload clients that speak the contract of Uppy Companion. Some send no credentials but the path of a URL."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import Field

from holdall.api_keys.model import ApiKeyId
from holdall.iam.tokens import TokenKind, format_token, parse
from holdall.platform import ids
from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound, Unauthenticated
from holdall.platform.schemas import RequestModel, ResponseModel

MAX_LIFETIME = timedelta(hours=24)
_SESSION, _API_KEY = "s", "k"


class EndpointNotFound(NotFound):
    """The token is unknown or expired, or who requested it left, signed out, or lost the API key. All look alike."""

    detail = "This upload endpoint is unknown or has expired. Request a new one."


class CreateEndpointRequest(RequestModel):
    """The project to upload to."""

    project_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class CompanionEndpoint(ResponseModel):
    """The `endpoint` of @uppy/aws-s3. Who has the URL can upload to the project until `expires_at`, so treat it as a secret.

    It ends earlier with the session or the API key that requested it.
    """

    endpoint: str
    expires_at: datetime


@dataclass(frozen=True)
class CompanionToken:
    """The token `hu_{project}-{user}-{s|k}{session or key}_{secret}` in the path of an endpoint.

    It names every record that authorization reads, so one round trip is enough. Only its digest is stored, so all of it counts.
    """

    project_id: str
    user_id: str  # of an API key, its creator
    session_id: str | None
    api_key_id: ApiKeyId | None
    secret: str

    @classmethod
    def create(cls, caller: Caller, project_id: str) -> Self:
        """Return a new token for a caller."""
        api_key_id = ApiKeyId.parse(caller.api_key_id, project_id) if caller.api_key_id else None
        return cls(project_id, caller.user_id, caller.session_id, api_key_id, ids.new_secret())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a token. Raises EndpointNotFound."""
        try:
            lookup_id, secret = parse(TokenKind.COMPANION, text)
        except Unauthenticated:
            raise EndpointNotFound from None
        project_id, user_id, principal = lookup_id.split("-")
        kind, id_ = principal[0], principal[1:]
        if kind == _SESSION:
            return cls(project_id, user_id, id_, None, secret)
        return cls(project_id, user_id, None, ApiKeyId(project_id, user_id, id_), secret)

    def __str__(self) -> str:
        principal = f"{_API_KEY}{self.api_key_id.ulid}" if self.api_key_id else f"{_SESSION}{self.session_id}"
        return format_token(TokenKind.COMPANION, f"{self.project_id}-{self.user_id}-{principal}", self.secret)

    @property
    def sha256(self) -> str:
        return ids.sha256_hex(str(self))
