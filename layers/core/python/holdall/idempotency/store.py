"""Records of requests with an Idempotency-Key."""

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from holdall.idempotency.model import RETENTION, DuplicateRequest, StoredResult
from holdall.platform import clock
from holdall.platform.table import EphemeralRecord, Transaction


class IdempotencyRecord(EphemeralRecord, discriminator="idempotency"):
    body_sha256 = UnicodeAttribute()
    result = UnicodeAttribute()
    expires_at = UTCDateTimeAttribute()


def save(tx: Transaction, key_sha256: str, result: StoredResult) -> None:
    """Save the result of a request. The transaction raises DuplicateRequest if there is one.

    It raises DuplicateRequest before all other errors, because the first request may have taken the name or used up the quota
    that the duplicate asks for.
    """
    now = clock.now()
    expires_at = now + RETENTION
    record = IdempotencyRecord(
        *_key(key_sha256), expires_at=expires_at, ttl=int(expires_at.timestamp()), **vars(result)
    )
    tx.put_new(record, or_condition=IdempotencyRecord.expires_at <= now, error=DuplicateRequest, priority=True)


def get_or_none(key_sha256: str) -> StoredResult | None:
    """Return the result of a request in the last 24 hours. Raises ServiceUnavailable."""
    record = IdempotencyRecord.get_or_none(*_key(key_sha256))
    if record is None or record.expires_at <= clock.now():
        return None
    return StoredResult(record.body_sha256, record.result)


def _key(key_sha256: str) -> tuple[str, str]:
    return f"IDEMPOTENCY#{key_sha256}", "IDEMPOTENCY"
