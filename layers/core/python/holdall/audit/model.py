"""What an audit row says: who did what to what, with which outcome, and from where; and which rows somebody asks for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from holdall.platform.errors import ValidationFailed
from holdall.platform.schemas import ResponseModel

Outcome = Literal["success", "denied", "failed"]


class AuditEntry(ResponseModel):
    """One thing that a principal did."""

    id: str
    created_at: datetime  # as the id says
    actor: str  # a user's id, or "anonymous"
    api_key_id: str | None  # the API key that they used, if it was one
    action: str
    target: str
    outcome: Outcome
    client_ip: str
    user_agent: str
    request_id: str


@dataclass(frozen=True)
class AuditFilter:
    """Which rows are asked for: of all, of an actor, of an action or of a target, from `since` on and before `until`."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def validate(self) -> None:
        """Raises Invalid for what no index answers, and for a time that ends before it begins."""
        if sum(each is not None for each in (self.actor, self.action, self.target)) > 1:
            raise ValidationFailed(
                "Filter by actor, action or target, but only one of them.", code="unsupported_combination"
            )
        if self.since and self.until and self.since > self.until:
            raise ValidationFailed(
                "`from` must not be later than `to`.", code="invalid_time_range", pointer="query/from"
            )

    def cursor_scope(self) -> list[str | None]:
        """What a cursor of these rows is tagged with."""
        moments = [each.isoformat() if each else None for each in (self.since, self.until)]
        return [self.actor, self.action, self.target, *moments]
