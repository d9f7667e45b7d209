"""Letters that were promised and are not on their way yet. They hold secrets of links, so only `auth` reads them."""

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from holdall import clock, ids
from holdall.errors import Conflict
from holdall.letters.model import Kind, Letter
from holdall.table import CredentialRecord, Transaction

_SHARDS = 4
SHARDS = range(_SHARDS)


class LetterRecord(CredentialRecord, discriminator="letter"):
    kind = UnicodeAttribute()
    to = UnicodeAttribute()
    name = UnicodeAttribute()
    detail = UnicodeAttribute()
    written_at = UTCDateTimeAttribute()


def add(write: Transaction, letter: Letter) -> None:
    """Promise a letter."""
    values = {name: getattr(letter, name) for name in ("to", "name", "detail")}
    record = LetterRecord(_key(letter.id), letter.id, kind=letter.kind.value, written_at=clock.now(), **values)
    write.create(record, otherwise=Conflict("letter_exists", "This letter was written already."))


def sent(letter: Letter) -> None:
    """Forget a letter that is on its way. Raises Unavailable."""
    try:
        with Transaction() as write:
            write.delete(LetterRecord(_key(letter.id), letter.id), otherwise=Conflict("letter_sent", "It was sent."))
    except Conflict:
        return


def waiting(shard: int, before: datetime) -> list[Letter]:
    """Letters of a shard that were promised before a moment and are not on their way. Raises Unavailable."""
    records = LetterRecord.parts(f"LETTERS#{shard}")
    return [
        Letter(record.sk, Kind(record.kind), record.to, record.name, record.detail)
        for record in records
        if record.written_at < before
    ]


def _key(letter_id: str) -> str:
    return f"LETTERS#{ids.shard(letter_id, _SHARDS)}"
