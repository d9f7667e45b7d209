"""The counters of limits. One item per subject and window, so that a count begins anew without anybody's help."""

from pynamodb.attributes import NumberAttribute

from holdall.platform.errors import Conflict
from holdall.platform.table import EphemeralRecord, Transaction, translate_dynamodb_errors


class RateLimitRecord(EphemeralRecord, discriminator="rate-limit"):
    hits = NumberAttribute(default=0)


def hit(name: str, subject: str, window: int, *, ttl: int) -> int:
    """Count one request, and tell how many there are now. One atomic update. Raises Unavailable."""
    record = RateLimitRecord(_key(name, subject, window), "RATE_LIMIT")
    with translate_dynamodb_errors():
        # The first update makes the item, and nobody else tells it what kind it is.
        kind = RateLimitRecord.record_type.set(RateLimitRecord)
        record.update([RateLimitRecord.hits.add(1), RateLimitRecord.ttl.set(ttl), kind])
    return int(record.hits)


def refund(tx: Transaction, name: str, subject: str, window: int) -> None:
    """Uncount one request in the transaction of what it came to."""
    tx.update(
        RateLimitRecord(_key(name, subject, window), "RATE_LIMIT"),
        [RateLimitRecord.hits.add(-1)],
        error=Conflict("This request was not counted.", code="rate_limit_not_found"),
    )


def _key(name: str, subject: str, window: int) -> str:
    return f"RATE_LIMIT#{name}#{subject}#{window}"
