"""Records of the last use of sessions and API keys."""

from datetime import datetime

from pynamodb.attributes import UTCDateTimeAttribute

from holdall.platform.table import BatchGet, Pending, Record, Transaction


class AlreadyUpdated(Exception):
    """Another request updated the time first. Only the service sees this error."""


class LastUseRecord(Record, discriminator="last-use"):
    used_at = UTCDateTimeAttribute()


def get(batch: BatchGet, credential_id: str) -> Pending[datetime]:
    """Read the time of the last use of a session or an API key."""
    return batch.get(LastUseRecord, *_key(credential_id), lambda record: record.used_at)


def put(
    tx: Transaction, credential_id: str, used_at: datetime, *, if_before: datetime, expires_at: datetime | None
) -> None:
    """Set the time of the last use. The record may expire with the credential.

    The transaction raises AlreadyUpdated if there is a time that is not before `if_before`.
    """
    ttl = int(expires_at.timestamp()) if expires_at else None
    record = LastUseRecord(*_key(credential_id), used_at=used_at, ttl=ttl)
    tx.put_new(record, or_condition=LastUseRecord.used_at < if_before, error=AlreadyUpdated)


def delete_if_exists(tx: Transaction, credential_id: str) -> None:
    """Delete the time of the last use."""
    tx.delete_if_exists(LastUseRecord(*_key(credential_id)))


def _key(credential_id: str) -> tuple[str, str]:
    return f"SEEN#{credential_id}", "SEEN"
