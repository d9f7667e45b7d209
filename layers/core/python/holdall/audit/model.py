"""What an audit row says: who did what to what, with which outcome, and from where; and which rows somebody asks for."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator

from holdall.errors import Invalid
from holdall.shape import Shown

Outcome = Literal["success", "denied", "failed"]

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _moment(text: object) -> object:
    """Pydantic alone would take a number for seconds, and a time of no place for one of ours."""
    if isinstance(text, str) and not _RFC_3339.fullmatch(text):
        raise ValueError("must be a time with its offset, as 2026-11-20T13:00:00Z (RFC 3339)")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


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
