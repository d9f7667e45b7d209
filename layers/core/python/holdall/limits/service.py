"""Limits: counted before the work that they bound, exactly, however many come at once."""

import json
from dataclasses import dataclass
from functools import cache

from holdall import clock
from holdall.config import settings
from holdall.limits import store
from holdall.limits.model import Allowance, Limit, TooMany
from holdall.table import Transaction

__all__ = ["Taken", "TooMany", "give_back", "take"]


@dataclass(frozen=True)
class Taken:
    """One request that was counted, and what is left."""

    allowance: Allowance
    subject: str
    window: int


def take(name: str, subject: str) -> Taken:
    """Count a request of somebody against a limit of the stage. One round trip. Raises TooMany, KeyError and Unavailable."""
    limit = _limits()[name]
    now = int(clock.now().timestamp())
    window = now // limit.seconds
    ends = (window + 1) * limit.seconds
    taken = store.take(name, subject, window, until=ends + limit.seconds)
    allowance = Allowance(limit, max(0, limit.requests - taken), ends - now)
    if taken > limit.requests:
        raise TooMany(allowance)
    return Taken(allowance, subject, window)


def give_back(write: Transaction, taken: Taken) -> None:
    """Uncount a request that turned out to be welcome, such as a login that succeeded."""
    store.give_back(write, taken.allowance.limit.name, taken.subject, taken.window)


@cache
def _limits() -> dict[str, Limit]:
    said: dict[str, list[int]] = json.loads(settings().limits)
    return {name: Limit(name, requests, seconds) for name, (requests, seconds) in said.items()}
