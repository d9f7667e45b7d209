"""What a user is, what a session is, and the rules of both."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from holdall.errors import Unauthenticated
from holdall.shape import Shown

IDLE = timedelta(days=7)
LONGEST = timedelta(days=30)
SAME_SUCCESSOR = timedelta(seconds=10)  # how long a client whose answer was lost gets the same one again


class User(Shown):
    """Somebody with an account."""

    id: str
    email: str
    name: str
    status: Literal["active", "disabled"]
    roles: list[str]
    created_at: datetime


@dataclass(frozen=True)
class Claims:
    """What an access token says, once it was verified."""

    user_id: str
    session_id: str


@dataclass(frozen=True)
class Session:
    """One sign-in and the family of refresh tokens that comes of it. All secrets are digests."""

    id: str
    user_id: str
    generation: int  # of the user's sessions: one of another generation is ended
    family: str
    current: str
    previous: str | None
    successor: str | None  # the current rotation's secret, sealed under the previous one
    rotated_at: datetime
    created_at: datetime
    expires_at: datetime
    ended: bool

    def live(self, now: datetime) -> bool:
        """Whether it still counts."""
        return not self.ended and now < self.expires_at


def expiry(session_born: datetime, used: datetime) -> datetime:
    """When a session ends that was last used at this moment."""
    return min(used + IDLE, session_born + LONGEST)


def invalid_token() -> Unauthenticated:
    """One failure for every way in which a token may be wrong."""
    return Unauthenticated("invalid_token", "This token is not valid, or no longer. Sign in again.")
