"""Who is asking: the shapes that routes hand to services."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Visitor:
    """Somebody at the door, of whom only the way in is known."""

    address: str  # of the viewer's network
    agent: str
    request_id: str


@dataclass(frozen=True)
class Caller(Visitor):
    """Somebody who proved who they are, with the rights that they hold where they asked."""

    user_id: str
    session_id: str  # empty for an API key
    permissions: frozenset[str]  # held in the whole installation, by role
    project_id: str | None = None  # where the request takes place
    project_role: str | None = None
    csrf: str | None = None  # of the cookie that they came with, if it was one
    once: "Once | None" = None
    key_id: str | None = None  # of the API key that they came with; `user_id` is who made it

    @property
    def principal(self) -> str:
        """Who is counted and remembered: a key by itself, apart from whoever made it."""
        return self.key_id or self.user_id


@dataclass(frozen=True)
class Once:
    """The wish that a request sent twice be done once: the Idempotency-Key, and a digest of what was asked."""

    key: str
    request: str
