"""Letters that were promised and are not on their way yet. They hold secrets of links, so only `auth` reads them."""

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from holdall.emails.model import Email, EmailKind
from holdall.platform import clock, ids
from holdall.platform.errors import Conflict
from holdall.platform.table import CredentialRecord, Transaction

_SHARDS = 4
SHARDS = range(_SHARDS)


class OutboxRecord(CredentialRecord, discriminator="email-outbox"):
    kind = UnicodeAttribute()
    to = UnicodeAttribute()
    name = UnicodeAttribute()
    detail = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()


def add(tx: Transaction, email: Email) -> None:
    """Promise a letter."""
    values = {name: getattr(email, name) for name in ("to", "name", "detail")}
    record = OutboxRecord(_pk(email.id), email.id, kind=email.kind.value, created_at=clock.now(), **values)
    tx.put_new(record, error=Conflict("The email already exists.", code="email_exists"))


def delete_sent(email: Email) -> None:
    """Forget a letter that is on its way. Raises Unavailable."""
    try:
        with Transaction() as write:
            write.delete(
                OutboxRecord(_pk(email.id), email.id), error=Conflict("The email was already sent.", code="email_sent")
            )
    except Conflict:
        return


def list_pending(shard: int, before: datetime) -> list[Email]:
    """Letters of a shard that were promised before a moment and are not on their way. Raises Unavailable."""
    records = OutboxRecord.query_prefix(f"OUTBOX#{shard}")
    return [
        Email(record.sk, EmailKind(record.kind), record.to, record.name, record.detail)
        for record in records
        if record.created_at < before
    ]


def _pk(email_id: str) -> str:
    return f"OUTBOX#{ids.shard(email_id, _SHARDS)}"
