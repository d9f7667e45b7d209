"""Rate limits. A request is counted before the work that the limit protects, and parallel requests are counted exactly."""

import ipaddress
from dataclasses import dataclass

from holdall.platform import clock, ids
from holdall.platform.config import settings
from holdall.platform.table import Transaction
from holdall.rate_limits import store
from holdall.rate_limits.model import RateLimit, RateLimitStatus, TooManyRequests

__all__ = ["Hit", "TooManyRequests", "hit", "hit_network", "refund"]
_SITE_FACTOR = 16  # of the limit of a network


@dataclass(frozen=True)
class Hit:
    """A counted request, and what its subject has left."""

    rate_limit: RateLimitStatus
    subject: str
    window: int


def hit(name: str, subject: str, *, factor: int = 1) -> Hit:
    """Count a request of a subject against a limit of the stage, or a multiple of it. One round trip.

    Raises TooManyRequests, ServiceUnavailable, and KeyError for an unknown limit.
    """
    max_requests, window_seconds = settings().rate_limits[name]
    limit = RateLimit(name, max_requests * factor, window_seconds)
    now = int(clock.now().timestamp())
    window = now // limit.window_seconds
    window_end = (window + 1) * limit.window_seconds
    hits = store.hit(name, subject, window, ttl=window_end + limit.window_seconds)
    status = RateLimitStatus(limit, max(0, limit.max_requests - hits), window_end - now)
    if hits > limit.max_requests:
        raise TooManyRequests(status)
    return Hit(status, subject, window)


def hit_network(name: str, network: str, *, account: str | None = None) -> list[Hit]:
    """Count a request of a network, or of a network to an account. One round trip, and two for IPv6.

    A network of IPv6 is a /64, and a site may have 65,536 of them (RFC 6177), so its /48 is counted too, with a higher limit.
    Raises as `hit` does.
    """
    hits = [hit(name, _subject(network, account))]
    if network.endswith("/64"):
        site = str(ipaddress.IPv6Network(network).supernet(new_prefix=48))
        hits.append(hit(name, _subject(site, account), factor=_SITE_FACTOR))
    return hits


def _subject(network: str, account: str | None) -> str:
    return network if account is None else ids.sha256_hex(f"{account} {network}")


def refund(tx: Transaction, counted: Hit) -> None:
    """Take back a request that the limit is not meant for, such as a login that succeeded."""
    store.refund(tx, counted.rate_limit.limit.name, counted.subject, counted.window)
