"""Reads that happen together."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from holdall.platform import clock, ids
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.table.records import Item, connection, translate_dynamodb_errors

_MAX_KEYS = 100  # keys of one BatchGetItem, whatever their tables (AWS API reference, BatchGetItem)
_ATTEMPTS = 8
_BACKOFF = 0.02  # seconds before the second attempt, at most; doubles

T = TypeVar("T")
Key = tuple[str, str, str]  # the table, and both parts of the key there


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
        awaited: Pending[T] = Pending()

        def settle(raw: dict[str, Any] | None) -> None:
            awaited.set(None if raw is None else convert(record_type.from_raw_data(raw)))

        self._requests.setdefault((record_type.Meta.table_name, pk, sk), []).append(settle)
        return awaited

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_type is None:
            self._fetch()

    def _fetch(self) -> None:
        wanted, found = list(self._requests), dict[Key, dict[str, Any]]()
        for start in range(0, len(wanted), _MAX_KEYS):
            found.update(_batch_get_items(wanted[start : start + _MAX_KEYS]))
        for key, settles in self._requests.items():
            for settle in settles:
                settle(found.get(key))


def _batch_get_items(batch_keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
    """What is there of a hundred keys at most. Raises Unavailable."""
    request: dict[str, Any] = {}
    for table, pk, sk in batch_keys:
        keys = request.setdefault(table, {"ConsistentRead": True, "Keys": []})["Keys"]
        keys.append({"pk": {"S": pk}, "sk": {"S": sk}})
    found: dict[Key, dict[str, Any]] = {}
    for attempt in range(_ATTEMPTS):
        with translate_dynamodb_errors(), _wrap_sdk_errors():
            answer = connection.dispatch("BatchGetItem", {"RequestItems": request})
        for table, items in answer["Responses"].items():
            found.update({(table, item["pk"]["S"], item["sk"]["S"]): item for item in items})
        request = answer.get("UnprocessedKeys") or {}
        if not request:
            return found
        clock.sleep(ids.jitter(_BACKOFF * 2**attempt))
    raise ServiceUnavailable


@contextmanager
def _wrap_sdk_errors() -> Iterator[None]:
    # `dispatch` is below the methods of pynamodb that wrap errors of the SDK; its own batch_get knows one table only.
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise PynamoDBException(str(error), error) from error
