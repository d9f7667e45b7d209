"""Thousands of rows, as stores write them."""

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
    """Writes the rows that stores put, in batches, because 10,000 transactions take a minute.

    It leaves out conditions, updates and deletions.
    """

    created: Sequence[Item] = ()

    def _commit(self) -> None:
        self.created = [record for record, _, _ in self._puts]
        batches = [self.created[start : start + _BATCH_SIZE] for start in range(0, len(self.created), _BATCH_SIZE)]
        with ThreadPoolExecutor(_THREADS) as writers:
            assert not any(writers.map(_batch_write, batches))


@dataclass(frozen=True)
class RowFactory:
    """How row `number` of an owner is added. The rows of `record_type` are listed, and all have the same size."""

    add: Callable[[Transaction, str, int], object]
    record_type: type[Item]
    new_owner_id: Callable[[], str] = ids.new_id


@dataclass
class Partition:
    """The rows of one owner."""

    factory: RowFactory
    owner_id: str
    size: int = 0
    records: list[Item] = field(default_factory=list)

    def grow(self, size: int) -> None:
        """Add rows until there are `size`."""
        with BatchWriter() as tx:
            for number in range(self.size, size):
                self.factory.add(tx, self.owner_id, number)
        self.records += [record for record in tx.created if isinstance(record, self.factory.record_type)]
        self.size = size

    def sort_keys(self, attribute: str, prefix: str) -> list[str]:
        """Return the values of a sort key that have a prefix, in the order of an index."""
        return sorted(key for record in self.records if (key := getattr(record, attribute)).startswith(prefix))


def _batch_write(batch: Sequence[Item]) -> Any:
    request: dict[str, list[Any]] = {}
    for record in batch:
        request.setdefault(record.Meta.table_name, []).append({"PutRequest": {"Item": record.serialize()}})
    return connection.dispatch("BatchWriteItem", {"RequestItems": request}).get("UnprocessedItems")
