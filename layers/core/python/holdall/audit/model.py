"""Entries of the audit log, and the filters of its list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from holdall.platform.errors import ValidationFailed
from holdall.platform.schemas import ResponseModel

SHARDS = 4  # of a day, of an action and of the whole log: one partition of DynamoDB takes about 1000 writes per second
Outcome = Literal["success", "denied", "failed"]


class UnsupportedFilter(ValidationFailed):
    """No index has entries by more than one of these."""

    code, detail = "unsupported_combination", "Filter by actor, action or target, but only one of them."


class InvalidTimeRange(ValidationFailed):
    """The time range ends before it begins."""

    code, detail = "invalid_time_range", "`from` must not be later than `to`."
    pointer = "query/from"


class AuditEntry(ResponseModel):
    """An action of a principal."""

    id: str
    created_at: datetime  # the time in the ID
    actor: str  # a user ID, or "anonymous"
    api_key_id: str | None  # of the API key that the actor used
    share_id: str | None = None  # of the share that a stranger used; the actor is "anonymous"
    action: str
    target: str
    outcome: Outcome
    client_ip: str
    user_agent: str
    request_id: str


@dataclass(frozen=True)
class AuditFilter:
    """Entries of an actor, an action or a target, or all entries, at or after `since` and before `until`."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def validate(self) -> None:
        """Raise UnsupportedFilter or InvalidTimeRange if the filter is not valid."""
        if sum(each is not None for each in (self.actor, self.action, self.target)) > 1:
            raise UnsupportedFilter
        if self.since and self.until and self.since > self.until:
            raise InvalidTimeRange

    def cursor_scope(self) -> list[str | None]:
        """Return the values that a cursor of this list is tagged with."""
        times = [each.isoformat() if each else None for each in (self.since, self.until)]
        return [self.actor, self.action, self.target, *times]
