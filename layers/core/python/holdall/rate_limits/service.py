"""Rate limits. A request is counted before the work that the limit protects, and parallel requests are counted exactly."""

from dataclasses import dataclass

from holdall.platform import clock
from holdall.platform.config import settings
from holdall.platform.table import Transaction
from holdall.rate_limits import store
from holdall.rate_limits.model import RateLimit, RateLimitStatus, TooManyRequests

__all__ = ["Hit", "TooManyRequests", "hit", "refund"]


@dataclass(frozen=True)
class Hit:
    """A counted request, and what its subject has left."""

    rate_limit: RateLimitStatus
    subject: str
    window: int


def hit(name: str, subject: str) -> Hit:
    """Count a request of a subject against a limit of the stage. One round trip.

    Raises TooManyRequests, ServiceUnavailable, and KeyError for an unknown limit.
    """
    limit = RateLimit(name, *settings().rate_limits[name])
    now = int(clock.now().timestamp())
    window = now // limit.window_seconds
    window_end = (window + 1) * limit.window_seconds
    hits = store.hit(name, subject, window, ttl=window_end + limit.window_seconds)
    status = RateLimitStatus(limit, max(0, limit.max_requests - hits), window_end - now)
    if hits > limit.max_requests:
        raise TooManyRequests(status)
    return Hit(status, subject, window)


def refund(tx: Transaction, counted: Hit) -> None:
    """Take back a request that the limit is not meant for, such as a login that succeeded."""
    store.refund(tx, counted.rate_limit.limit.name, counted.subject, counted.window)
