"""What an API key is: a way into one project for a program, with less than its maker may do."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from holdall import clock
from holdall.projects.model import Name
from holdall.shape import Distinct, Moment, Said, Shown

USED = timedelta(minutes=1)  # how often the last use is written, at the most


def _text(said: object) -> object:
    if not isinstance(said, str):
        raise ValueError("must be a time with its offset, as 2030-01-01T12:00:00Z (RFC 3339)")  # noqa: TRY004  # for pydantic
    return said


def _ahead(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must lie before the year 10000 in UTC") from error
    if moment <= clock.now():
        raise ValueError("must lie in the future")
    return moment


Scopes = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    Field(min_length=1, max_length=50),
    Distinct,
]


class NewKey(Said):
    """What a client says to make a key."""

    name: Name
    scopes: Scopes
    # A text in JSON, so the strictness of the rest would refuse it; without that a number would be taken for seconds.
    expires_at: Annotated[Moment, Field(strict=False), AfterValidator(_ahead), BeforeValidator(_text)] | None = None


class ChangeKey(Said):
    """What a client says to switch a key on or off."""

    enabled: bool


@dataclass(frozen=True)
class ApiKey:
    """A key. Its id begins with its project's and goes on with its maker's, so one read tells what it is worth."""

    id: str
    project_id: str
    name: str
    scopes: frozenset[str]
    enabled: bool
    digest: str
    membership: str  # of its maker when it was made: the key ends with it, even if they join again
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None

    def live(self, now: datetime) -> bool:
        """Whether it counts by itself, its maker apart."""
        return self.enabled and (self.expires_at is None or now < self.expires_at)


class KeyView(Shown):
    """A key as members see it."""

    id: str
    name: str
    scopes: list[str]
    enabled: bool  # false as well when its maker has left the project
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class KeyMade(KeyView):
    """A key with its secret, which is shown this once."""

    key: str
