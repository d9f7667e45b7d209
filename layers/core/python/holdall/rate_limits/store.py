"""Counters of rate limits. Each subject has a record per window, so a new window starts at zero."""

from pynamodb.attributes import NumberAttribute

from holdall.platform.table import EphemeralRecord, Transaction, translate_aws_errors


class RateLimitRecord(EphemeralRecord, discriminator="rate-limit"):
    hits = NumberAttribute(default=0)


def hit(name: str, subject: str, window: int, *, ttl: int) -> int:
    """Count a request, and return the number of requests in the window. One atomic update. Raises ServiceUnavailable."""
    record = RateLimitRecord(*_key(name, subject, window))
    with translate_aws_errors():
        # The first update creates the record, so it has to write the discriminator too.
        record_type = RateLimitRecord.record_type.set(RateLimitRecord)
        record.update([RateLimitRecord.hits.add(1), RateLimitRecord.ttl.set(ttl), record_type])
    return int(record.hits)


def refund(tx: Transaction, name: str, subject: str, window: int) -> None:
    """Take back a counted request."""
    tx.update(RateLimitRecord(*_key(name, subject, window)), [RateLimitRecord.hits.add(-1)])


def _key(name: str, subject: str, window: int) -> tuple[str, str]:
    return f"RATE_LIMIT#{name}#{subject}#{window}", "RATE_LIMIT"
