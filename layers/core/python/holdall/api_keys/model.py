"""What an API key is: a way into one project for a program, with less than its maker may do."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from holdall.platform import clock
from holdall.platform.schemas import RequestModel, ResponseModel, Rfc3339DateTime, UniqueItems
from holdall.projects.model import Name

LAST_USED_INTERVAL = timedelta(minutes=1)  # how often the last use is written, at the most


def _require_string(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time with an offset, for example 2030-01-01T12:00:00Z")  # noqa: TRY004  # for pydantic
    return value


def _require_future(value: datetime) -> datetime:
    try:
        value = value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be before the year 10000 in UTC") from error
    if value <= clock.now():
        raise ValueError("must be in the future")
    return value


Scopes = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    Field(min_length=1, max_length=50),
    UniqueItems,
]


class CreateApiKeyRequest(RequestModel):
    """What a client says to make a key."""

    name: Name
    scopes: Scopes
    # A text in JSON, so the strictness of the rest would refuse it; without that a number would be taken for seconds.
    expires_at: (
        Annotated[
            Rfc3339DateTime, Field(strict=False), AfterValidator(_require_future), BeforeValidator(_require_string)
        ]
        | None
    ) = None


class UpdateApiKeyRequest(RequestModel):
    """What a client says to switch a key on or off."""

    enabled: bool


@dataclass(frozen=True)
class StoredApiKey:
    """A key. Its id begins with its project's and goes on with its maker's, so one read tells what it is worth."""

    id: str
    project_id: str
    name: str
    scopes: frozenset[str]
    enabled: bool
    secret_sha256: str
    membership_id: str  # of its maker when it was made: the key ends with it, even if they join again
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    def is_active(self, now: datetime) -> bool:
        """Whether it counts by itself, its maker apart."""
        return self.enabled and (self.expires_at is None or now < self.expires_at)


class ApiKey(ResponseModel):
    """A key as members see it."""

    id: str
    name: str
    scopes: list[str]
    enabled: bool  # false as well when its maker has left the project
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ApiKeyWithSecret(ApiKey):
    """A key with its secret, which is shown this once."""

    key: str
