"""Writes that are committed together."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from holdall.platform import clock, ids
from holdall.platform.aws import RETRYABLE_CODES, is_unavailable
from holdall.platform.errors import InvariantViolation, ServiceUnavailable
from holdall.platform.table.records import Item, Record, connection

ErrorFactory = Callable[[], Exception]  # an error class, or a function that makes a new error

_ATTEMPTS = 32
_BACKOFF = 0.02  # seconds before the second attempt, at most; doubles up to the maximum
_MAX_BACKOFF = 0.2


class TooManyConflicts(ServiceUnavailable):
    """Other transactions were in the way at every attempt."""

    code, detail = "busy", "Too many changes at the same time. Try again."


class Transaction:
    """Writes that are committed together or not at all. Each names the error to raise if its condition fails.

        with Transaction() as tx:
            store.put(tx, project)
            audit.log(tx, caller, "projects.create", project.id)

    The function that opens the block commits, when the block ends. A function that takes `tx` only adds writes. `error` is an
    error class, or a function that makes an error, so that every raise is of a new instance; the default is for conditions
    that cannot fail. The end of the block raises the error of the first condition that failed, or ServiceUnavailable.
    """

    def __init__(self) -> None:
        # The token makes the request idempotent if it is sent again, so `ADD` does not count twice
        # (AWS API reference, TransactWriteItems, ClientRequestToken).
        self._token = ids.new_id()
        self._checks: list[tuple[type[Item], str, str, Condition, ErrorFactory]] = []
        self._deletes: list[tuple[Item, Condition | None, ErrorFactory]] = []
        self._puts: list[tuple[Item, Condition | None, ErrorFactory]] = []
        self._updates: list[tuple[Item, list[Action], Condition | None, ErrorFactory]] = []
        self._on_commit: list[Callable[[], object]] = []

    def put_new(
        self,
        record: Item,
        *,
        or_condition: Condition | None = None,
        error: ErrorFactory = InvariantViolation,
        priority: bool = False,
    ) -> None:
        """Write a record that must not exist, or, with `or_condition`, one that may replace a record that meets it.

        If several conditions fail, the error of a `priority` write is raised before all others.
        """
        absent = type(record).pk.does_not_exist()
        condition = absent if or_condition is None else absent | or_condition
        self._puts.insert(0 if priority else len(self._puts), (record, condition, error))

    def put(self, record: Item) -> None:
        """Write a record, whether or not it exists."""
        self._puts.append((record, None, InvariantViolation))

    def delete_if_exists(self, record: Item) -> None:
        """Delete a record, whether or not it exists."""
        self._deletes.append((record, None, InvariantViolation))

    def update(
        self,
        record: Item,
        actions: Sequence[Action],
        *,
        condition: Condition | None = None,
        error: ErrorFactory = InvariantViolation,
    ) -> None:
        """Update a record that must exist and meet the condition."""
        exists = type(record).pk.exists()
        self._updates.append((record, list(actions), exists if condition is None else exists & condition, error))

    def upsert(
        self,
        record: Record,
        actions: Sequence[Action],
        *,
        condition: Condition | None = None,
        error: ErrorFactory = InvariantViolation,
    ) -> None:
        """Update a record, which the first update creates. An existing record must meet the condition."""
        record_type = type(record)
        # DynamoDB creates the item at the first update, which therefore has to write the discriminator too.
        with_type = [*actions, record_type.record_type.set(record_type)]
        absent = record_type.pk.does_not_exist()
        self._updates.append((record, with_type, None if condition is None else absent | condition, error))

    def delete(
        self, record: Item, *, condition: Condition | None = None, error: ErrorFactory = InvariantViolation
    ) -> None:
        """Delete a record that must exist and meet the condition."""
        exists = type(record).pk.exists()
        self._deletes.append((record, exists if condition is None else exists & condition, error))

    def condition_check(
        self,
        record_type: type[Item],
        pk: str,
        sk: str,
        condition: Condition,
        *,
        error: ErrorFactory = InvariantViolation,
    ) -> None:
        """Require a condition of a record that the transaction does not write."""
        self._checks.append((record_type, pk, sk, condition, error))

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call a function after the commit, such as one that sends a message. A transaction that fails does not call it."""
        self._on_commit.append(callback)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_type is None:
            self._commit()
            for callback in self._on_commit:
                callback()

    def _commit(self) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._send()
            except TransactWriteError as error:
                codes = [reason.code if reason else "None" for reason in error.cancellation_reasons]
                if not _is_conflict(codes) and error.cause_response_code != "TransactionInProgressException":
                    raise self._translate(codes, error) from error
            else:
                return
            if attempt + 1 < _ATTEMPTS:
                clock.sleep(ids.jitter(min(_BACKOFF * 2**attempt, _MAX_BACKOFF)))
        raise TooManyConflicts

    def _send(self) -> None:
        writes = TransactWrite(connection=connection, client_request_token=self._token)
        for record_type, pk, sk, condition, _ in self._checks:
            writes.condition_check(record_type, pk, sk, condition=condition)
        for record, record_condition, _ in self._deletes:
            writes.delete(record, condition=record_condition)
        for record, record_condition, _ in self._puts:
            writes.save(record, condition=record_condition)
        for record, actions, record_condition, _ in self._updates:
            writes.update(record, actions, condition=record_condition)
        writes._commit()  # noqa: SLF001  # the end of pynamodb's own block calls it once; here it is called for each attempt

    def _translate(self, codes: Sequence[str], failure: TransactWriteError) -> Exception:
        # PynamoDB sends the writes in this order, and DynamoDB reports the reasons in the order of the writes.
        errors: list[ErrorFactory] = [
            *(error for *_, error in self._checks),
            *(error for *_, error in self._deletes),
            *(error for *_, error in self._puts),
            *(error for *_, error in self._updates),
        ]
        for code, error in zip(codes, errors, strict=False):
            if code == "ConditionalCheckFailed":
                return error()
        if is_unavailable(failure.cause) or RETRYABLE_CODES & set(codes):
            return ServiceUnavailable()
        return failure


def _is_conflict(codes: Sequence[str]) -> bool:
    """Return whether another transaction was in the way, so that the same one may succeed in a moment."""
    return "TransactionConflict" in codes
