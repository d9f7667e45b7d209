"""What an audit row says: who did what to what, with which outcome, and from where; and which rows somebody asks for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from holdall.errors import Invalid
from holdall.shape import Shown

Outcome = Literal["success", "denied", "failed"]


class Entry(Shown):
    """One thing that a principal did."""

    id: str
    at: datetime  # as the id says
    actor: str  # a user's id, or "anonymous"
    key: str | None  # the API key that they used, if it was one
    action: str
    target: str
    outcome: Outcome
    address: str
    agent: str
    request_id: str


@dataclass(frozen=True)
class Filter:
    """Which rows are asked for: of all, of an actor, of an action or of a target, from `since` on and before `until`."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def check(self) -> None:
        """Raises Invalid for what no index answers, and for a time that ends before it begins."""
        if sum(each is not None for each in (self.actor, self.action, self.target)) > 1:
            raise Invalid(
                "unsupported_combination", "Ask for an actor, an action or a target, and for one of them alone."
            )
        if self.since and self.until and self.since > self.until:
            raise Invalid("ends_before_it_begins", "`from` must not be later than `to`.", pointer="query/from")

    def names(self) -> list[str | None]:
        """What a cursor of these rows is tagged with."""
        moments = [each.isoformat() if each else None for each in (self.since, self.until)]
        return [self.actor, self.action, self.target, *moments]
