"""The outbox: emails that are not in the queue yet. It is in the table of credentials, because emails contain secrets."""

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from holdall.emails.model import Email
from holdall.platform import clock, ids
from holdall.platform.table import CredentialRecord, Transaction

_SHARDS = 4
SHARDS = range(_SHARDS)


class OutboxRecord(CredentialRecord, discriminator="email-outbox"):
    message = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()


def add(tx: Transaction, email: Email) -> None:
    """Add an email to the outbox."""
    tx.put_new(OutboxRecord(_pk(email.id), email.id, message=email.to_json(), created_at=clock.now()))


def delete(email: Email) -> None:
    """Delete an email that is in the queue. Another process may have deleted it before. Raises ServiceUnavailable."""
    with Transaction() as tx:
        tx.delete_if_exists(OutboxRecord(_pk(email.id), email.id))


def list_pending(shard: int, before: datetime) -> list[Email]:
    """Return the emails of a shard that were added before a time. Raises ServiceUnavailable."""
    records = OutboxRecord.query_prefix(f"OUTBOX#{shard}")
    return [Email.from_json(record.message) for record in records if record.created_at < before]


def _pk(email_id: str) -> str:
    return f"OUTBOX#{ids.shard(email_id, _SHARDS)}"
