"""Reads that happen together."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from holdall import clock, ids
from holdall.errors import Unavailable
from holdall.table.items import Item, answering, connection

_AT_ONCE = 100  # keys of one BatchGetItem, whatever their tables (AWS API reference, BatchGetItem)
_ATTEMPTS = 8
_PAUSE = 0.02  # seconds before the second attempt, at most; doubles

Value = TypeVar("Value")
Key = tuple[str, str, str]  # the table, and both parts of the key there


@dataclass
class Awaited(Generic[Value]):
    """What a Reading will have found. Raises RuntimeError when asked before that."""

    _value: Value | None = None
    _read: bool = False

    @property
    def value(self) -> Value | None:
        """The thing, or None where there is none."""
        if not self._read:
            raise RuntimeError("The reading has not been fetched yet.")
        return self._value

    def settle(self, value: Value | None) -> None:
        """Say what was found."""
        self._value, self._read = value, True


class Reading:
    """Reads that happen together, strongly consistent: one BatchGetItem for each hundred keys.

        with Reading() as read:
            user = iam.store.wanted(read, user_id)
            project = projects.store.wanted(read, project_id)
        user.value, project.value

    Leaving the block fetches. Raises Unavailable when not every key was answered: what was not read is never "absent".
    """

    def __init__(self) -> None:
        self._wanted: dict[Key, list[Callable[[Any], None]]] = {}

    def get(self, kind: type[Item], pk: str, sk: str, then: Callable[[Any], Value]) -> Awaited[Value]:
        """Ask for the item with this key; `then` makes of it what the asker wants."""
        awaited: Awaited[Value] = Awaited()

        def settle(raw: dict[str, Any] | None) -> None:
            awaited.settle(None if raw is None else then(kind.from_raw_data(raw)))

        self._wanted.setdefault((kind.Meta.table_name, pk, sk), []).append(settle)
        return awaited

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._fetch()

    def _fetch(self) -> None:
        wanted, found = list(self._wanted), dict[Key, dict[str, Any]]()
        for start in range(0, len(wanted), _AT_ONCE):
            found.update(_batch(wanted[start : start + _AT_ONCE]))
        for key, settles in self._wanted.items():
            for settle in settles:
                settle(found.get(key))


def _batch(wanted: Sequence[Key]) -> dict[Key, dict[str, Any]]:
    """What is there of a hundred keys at most. Raises Unavailable."""
    request: dict[str, Any] = {}
    for table, pk, sk in wanted:
        keys = request.setdefault(table, {"ConsistentRead": True, "Keys": []})["Keys"]
        keys.append({"pk": {"S": pk}, "sk": {"S": sk}})
    found: dict[Key, dict[str, Any]] = {}
    for attempt in range(_ATTEMPTS):
        with answering(), _as_pynamodb():
            answer = connection.dispatch("BatchGetItem", {"RequestItems": request})
        for table, items in answer["Responses"].items():
            found.update({(table, item["pk"]["S"], item["sk"]["S"]): item for item in items})
        request = answer.get("UnprocessedKeys") or {}
        if not request:
            return found
        clock.pause(ids.jitter(_PAUSE * 2**attempt))
    raise Unavailable


@contextmanager
def _as_pynamodb() -> Iterator[None]:
    # `dispatch` is below the methods of pynamodb that wrap errors of the SDK; its own batch_get knows one table only.
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise PynamoDBException(str(error), error) from error
