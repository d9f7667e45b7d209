"""Rows by the thousand, as the stores write them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from holdall.platform import ids
from holdall.platform.table import Item, Transaction
from holdall.platform.table.records import connection

_BATCH_SIZE = 25  # AWS API reference, BatchWriteItem
_THREADS = 4


class BatchWriter(Transaction):
    """Puts what stores create in it, without their conditions, in batches: ten thousand transactions take a minute.

    What they change or check beside that is left out.
    """

    created: Sequence[Item] = ()

    def _commit(self) -> None:
        self.created = [record for record, _, _ in self._puts]
        batches = [self.created[start : start + _BATCH_SIZE] for start in range(0, len(self.created), _BATCH_SIZE)]
        with ThreadPoolExecutor(_THREADS) as writers:
            assert not any(writers.map(_batch_write, batches))


@dataclass(frozen=True)
class RowFactory:
    """How row `number` of an owner is added, from 0 on; those of `kind` are listed, and as large as each other."""

    add: Callable[[Transaction, str, int], object]
    record_type: type[Item]
    new_owner_id: Callable[[], str] = ids.new_id


@dataclass
class Partition:
    """The rows of one owner, as many as it was grown to."""

    factory: RowFactory
    owner_id: str
    size: int = 0
    records: list[Item] = field(default_factory=list)

    def grow(self, size: int) -> None:
        """Add rows until there are so many."""
        with BatchWriter() as write:
            for number in range(self.size, size):
                self.factory.add(write, self.owner_id, number)
        self.records += [record for record in write.created if isinstance(record, self.factory.record_type)]
        self.size = size

    def sort_keys(self, attribute: str, prefix: str) -> list[str]:
        """The values of a sort key that begin so, in the order of an index."""
        return sorted(key for record in self.records if (key := getattr(record, attribute)).startswith(prefix))


def _batch_write(batch: Sequence[Item]) -> Any:
    request: dict[str, list[Any]] = {}
    for record in batch:
        request.setdefault(record.Meta.table_name, []).append({"PutRequest": {"Item": record.serialize()}})
    return connection.dispatch("BatchWriteItem", {"RequestItems": request}).get("UnprocessedItems")
