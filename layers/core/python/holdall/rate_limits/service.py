"""Limits: counted before the work that they bound, exactly, however many come at once."""

import json
from dataclasses import dataclass
from functools import cache

from holdall.platform import clock
from holdall.platform.config import settings
from holdall.platform.table import Transaction
from holdall.rate_limits import store
from holdall.rate_limits.model import RateLimit, RateLimitStatus, TooManyRequests

__all__ = ["Hit", "TooManyRequests", "hit", "refund"]


@dataclass(frozen=True)
class Hit:
    """One request that was counted, and what is left."""

    rate_limit: RateLimitStatus
    subject: str
    window: int


def hit(name: str, subject: str) -> Hit:
    """Count a request of somebody against a limit of the stage. One round trip. Raises TooMany, KeyError and Unavailable."""
    limit = _rate_limits()[name]
    now = int(clock.now().timestamp())
    window = now // limit.window_seconds
    ends = (window + 1) * limit.window_seconds
    taken = store.hit(name, subject, window, ttl=ends + limit.window_seconds)
    allowance = RateLimitStatus(limit, max(0, limit.max_requests - taken), ends - now)
    if taken > limit.max_requests:
        raise TooManyRequests(allowance)
    return Hit(allowance, subject, window)


def refund(tx: Transaction, counted: Hit) -> None:
    """Uncount a request that turned out to be welcome, such as a login that succeeded."""
    store.refund(tx, counted.rate_limit.limit.name, counted.subject, counted.window)


@cache
def _rate_limits() -> dict[str, RateLimit]:
    said: dict[str, list[int]] = json.loads(settings().rate_limits)
    return {name: RateLimit(name, requests, seconds) for name, (requests, seconds) in said.items()}
