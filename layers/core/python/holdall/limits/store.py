"""The counters of limits. One item per subject and window, so that a count begins anew without anybody's help."""

from pynamodb.attributes import NumberAttribute

from holdall.errors import Conflict
from holdall.table import EphemeralRecord, Transaction, answering


class CounterRecord(EphemeralRecord, discriminator="counter"):
    taken = NumberAttribute(default=0)


def take(name: str, subject: str, window: int, *, until: int) -> int:
    """Count one request, and tell how many there are now. One atomic update. Raises Unavailable."""
    record = CounterRecord(_key(name, subject, window), "COUNTER")
    with answering():
        # The first update makes the item, and nobody else tells it what kind it is.
        kind = CounterRecord.record_kind.set(CounterRecord)
        record.update([CounterRecord.taken.add(1), CounterRecord.ttl.set(until), kind])
    return int(record.taken)


def give_back(write: Transaction, name: str, subject: str, window: int) -> None:
    """Uncount one request in the transaction of what it came to."""
    write.update(
        CounterRecord(_key(name, subject, window), "COUNTER"),
        [CounterRecord.taken.add(-1)],
        otherwise=Conflict("no_counter", "Nothing was counted."),
    )


def _key(name: str, subject: str, window: int) -> str:
    return f"LIMIT#{name}#{subject}#{window}"
