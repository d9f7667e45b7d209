"""The records of requests that carried an Idempotency-Key."""

from datetime import timedelta

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from holdall import clock
from holdall.errors import Failure
from holdall.idempotency.model import Kept
from holdall.table import EphemeralRecord, Transaction

_KEPT = timedelta(hours=24)


class OnceRecord(EphemeralRecord, discriminator="once"):
    request = UnicodeAttribute()
    outcome = UnicodeAttribute()
    expires_at = UTCDateTimeAttribute()


def add(write: Transaction, key: str, request: str, outcome: str, *, otherwise: Failure) -> None:
    """Keep the outcome of a request that was not made before within a day."""
    now = clock.now()
    until = now + _KEPT
    record = OnceRecord(
        _key(key), "ONCE", request=request, outcome=outcome, expires_at=until, ttl=int(until.timestamp())
    )
    # Told before all other failures: a repetition may also find its name taken and its quota used, by itself.
    write.create(record, or_when=OnceRecord.expires_at <= now, otherwise=otherwise, first=True)


def find(key: str) -> Kept | None:
    """What was kept within a day. Raises Unavailable."""
    record = OnceRecord.find(_key(key), "ONCE")
    if record is None or record.expires_at <= clock.now():
        return None
    return Kept(request=record.request, outcome=record.outcome)


def _key(key: str) -> str:
    return f"ONCE#{key}"
