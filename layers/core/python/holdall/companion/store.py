"""Records of companion tokens."""

from datetime import datetime

from pynamodb.attributes import UTCDateTimeAttribute

from holdall.companion.model import CompanionToken
from holdall.platform.table import BatchGet, Pending, Record, Transaction


class CompanionTokenRecord(Record, discriminator="companion-token"):
    expires_at = UTCDateTimeAttribute()


def put(tx: Transaction, token: CompanionToken, expires_at: datetime) -> None:
    """Add a token."""
    tx.put_new(CompanionTokenRecord(*_key(token), expires_at=expires_at, ttl=int(expires_at.timestamp())))


def get_expiry(batch: BatchGet, token: CompanionToken) -> Pending[datetime]:
    """Read the time when a token expires."""
    return batch.get(CompanionTokenRecord, *_key(token), lambda record: record.expires_at)


def _key(token: CompanionToken) -> tuple[str, str]:
    return f"COMPANION#{token.sha256}", "COMPANION"
