"""Rows by the thousand, as the stores write them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from holdall import ids
from holdall.table import Item, Transaction
from holdall.table.items import connection

_BATCH = 25  # AWS API reference, BatchWriteItem
_WRITERS = 4


class Sheaf(Transaction):
    """Puts what stores create in it, without their conditions, in batches: ten thousand transactions take a minute.

    What they change or check beside that is left out.
    """

    created: Sequence[Item] = ()

    def _commit(self) -> None:
        self.created = [record for record, _, _ in self._creates]
        batches = [self.created[start : start + _BATCH] for start in range(0, len(self.created), _BATCH)]
        with ThreadPoolExecutor(_WRITERS) as writers:
            assert not any(writers.map(_put, batches))


@dataclass(frozen=True)
class Filling:
    """How row `number` of an owner is added, from 0 on; those of `kind` are listed, and as large as each other."""

    add: Callable[[Transaction, str, int], object]
    kind: type[Item]
    new_owner: Callable[[], str] = ids.new_id


@dataclass
class Field:
    """The rows of one owner, as many as it was grown to."""

    filling: Filling
    owner: str
    size: int = 0
    records: list[Item] = field(default_factory=list)

    def grow(self, size: int) -> None:
        """Add rows until there are so many."""
        with Sheaf() as write:
            for number in range(self.size, size):
                self.filling.add(write, self.owner, number)
        self.records += [record for record in write.created if isinstance(record, self.filling.kind)]
        self.size = size

    def keys(self, name: str, beginning: str) -> list[str]:
        """The values of a sort key that begin so, in the order of an index."""
        return sorted(key for record in self.records if (key := getattr(record, name)).startswith(beginning))


def _put(batch: Sequence[Item]) -> Any:
    request: dict[str, list[Any]] = {}
    for record in batch:
        request.setdefault(record.Meta.table_name, []).append({"PutRequest": {"Item": record.serialize()}})
    return connection.dispatch("BatchWriteItem", {"RequestItems": request}).get("UnprocessedItems")
