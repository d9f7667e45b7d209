"""Who is asking: the shapes that routes hand to services."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClientInfo:
    """Somebody at the door, of whom only the way in is known."""

    ip: str  # of the viewer's network
    user_agent: str
    request_id: str


@dataclass(frozen=True)
class Caller(ClientInfo):
    """Somebody who proved who they are, with the rights that they hold where they asked."""

    user_id: str
    session_id: str  # empty for an API key
    global_permissions: frozenset[str]  # held in the whole installation, by role
    project_id: str | None = None  # where the request takes place
    project_role: str | None = None
    csrf_token: str | None = None  # of the cookie that they came with, if it was one
    idempotency_key: "IdempotencyKey | None" = None
    api_key_id: str | None = None  # of the API key that they came with; `user_id` is who made it

    @property
    def principal_id(self) -> str:
        """Who is counted and remembered: a key by itself, apart from whoever made it."""
        return self.api_key_id or self.user_id


@dataclass(frozen=True)
class IdempotencyKey:
    """The wish that a request sent twice be done once: the Idempotency-Key, and a digest of what was asked."""

    key_sha256: str
    body_sha256: str
