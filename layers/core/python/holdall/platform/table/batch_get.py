"""Reads that are made together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from holdall.platform import clock, ids
from holdall.platform.aws import translate_aws_errors
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.table.records import Item, connection

_MAX_KEYS = 100  # of one BatchGetItem, in all tables (AWS API reference, BatchGetItem)
_ATTEMPTS = 8
_BACKOFF = 0.02  # seconds before the second attempt, at most; doubles

T = TypeVar("T")
Key = tuple[str, str, str]  # table, pk, sk


@dataclass
class Pending(Generic[T]):
    """A result of a BatchGet. `value` raises RuntimeError before the block has ended."""

    _value: T | None = None
    _read: bool = False

    @property
    def value(self) -> T | None:
        """The result, or None if the record does not exist."""
        if not self._read:
            raise RuntimeError("The batch has not been fetched yet.")
        return self._value

    def require(self, error: Callable[[], Exception]) -> T:
        """Return the result, or raise the error if the record does not exist."""
        if self.value is None:
            raise error()
        return self.value

    def set(self, value: T | None) -> None:
        """Set the result."""
        self._value, self._read = value, True


class BatchGet:
    """Strongly consistent reads, made together when the block ends: one BatchGetItem for each hundred keys.

        with BatchGet() as batch:
            user = users.get(batch, user_id)
            project = projects.get(batch, project_id)
        user.require(NotFound), project.value

    Raises ServiceUnavailable if DynamoDB did not process every key: a key that was not read is never taken for absent.
    """

    def __init__(self) -> None:
        self._requests: dict[Key, list[Callable[[Any], None]]] = {}

    def get(self, record_type: type[Item], pk: str, sk: str, convert: Callable[[Any], T]) -> Pending[T]:
        """Read the record with this key. `convert` makes the result from it."""
        pending: Pending[T] = Pending()

        def set_result(item: dict[str, Any] | None) -> None:
            pending.set(None if item is None else convert(record_type.from_raw_data(item)))

        self._requests.setdefault((record_type.Meta.table_name, pk, sk), []).append(set_result)
        return pending

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_type is None:
            self._fetch()

    def _fetch(self) -> None:
        keys, found = list(self._requests), dict[Key, dict[str, Any]]()
        for start in range(0, len(keys), _MAX_KEYS):
            found.update(_batch_get_items(keys[start : start + _MAX_KEYS]))
        for key, callbacks in self._requests.items():
            for set_result in callbacks:
                set_result(found.get(key))


def _batch_get_items(batch_keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
    """Return the items that exist, of at most 100 keys. Raises ServiceUnavailable."""
    request: dict[str, Any] = {}
    for table, pk, sk in batch_keys:
        keys = request.setdefault(table, {"ConsistentRead": True, "Keys": []})["Keys"]
        keys.append({"pk": {"S": pk}, "sk": {"S": sk}})
    found: dict[Key, dict[str, Any]] = {}
    for attempt in range(_ATTEMPTS):
        with translate_aws_errors():
            # Below `batch_get` of pynamodb, which reads one table only.
            response = connection.dispatch("BatchGetItem", {"RequestItems": request})
        for table, items in response["Responses"].items():
            found.update({(table, item["pk"]["S"], item["sk"]["S"]): item for item in items})
        request = response.get("UnprocessedKeys") or {}
        if not request:
            return found
        clock.sleep(ids.jitter(_BACKOFF * 2**attempt))
    raise ServiceUnavailable
