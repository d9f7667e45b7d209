"""The records of requests that carried an Idempotency-Key."""

from datetime import timedelta

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from holdall.idempotency.model import StoredResult
from holdall.platform import clock
from holdall.platform.errors import HoldallError
from holdall.platform.table import EphemeralRecord, Transaction

_RETENTION = timedelta(hours=24)


class IdempotencyRecord(EphemeralRecord, discriminator="idempotency"):
    body_sha256 = UnicodeAttribute()
    result = UnicodeAttribute()
    expires_at = UTCDateTimeAttribute()


def save(tx: Transaction, key_sha256: str, body_sha256: str, result: str, *, error: HoldallError) -> None:
    """Keep the outcome of a request that was not made before within a day."""
    now = clock.now()
    until = now + _RETENTION
    record = IdempotencyRecord(
        _key(key_sha256),
        "IDEMPOTENCY",
        body_sha256=body_sha256,
        result=result,
        expires_at=until,
        ttl=int(until.timestamp()),
    )
    # Told before all other failures: a repetition may also find its name taken and its quota used, by itself.
    tx.put_new(record, or_condition=IdempotencyRecord.expires_at <= now, error=error, priority=True)


def find(key_sha256: str) -> StoredResult | None:
    """What was kept within a day. Raises Unavailable."""
    record = IdempotencyRecord.get_or_none(_key(key_sha256), "IDEMPOTENCY")
    if record is None or record.expires_at <= clock.now():
        return None
    return StoredResult(body_sha256=record.body_sha256, result=record.result)


def _key(key_sha256: str) -> str:
    return f"IDEMPOTENCY#{key_sha256}"
