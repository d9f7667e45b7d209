"""Writes that happen together."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from botocore.exceptions import BotoCoreError
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from holdall import clock, ids
from holdall.errors import Conflict, Failure, Unavailable
from holdall.table.items import BUSY, Item, Record, connection

_ATTEMPTS = 32
_PAUSE = 0.02  # seconds before the second attempt, at most; doubles up to the longest
_LONGEST_PAUSE = 0.2
_UNASKED = Conflict("unasked", "Nothing was asked of this write, so nothing of it was unmet.")


class Transaction:
    """Writes that happen together or not at all. Each names the failure that its unmet condition means.

        with Transaction() as write:
            projects.store.add(write, project)
            audit.service.record(write, caller, "projects.create", project.id)

    Whoever opens it commits, by leaving the block; whoever is handed `write` only adds to it. Leaving raises the failure of
    the first unmet condition, or Unavailable when the tables did not answer.
    """

    def __init__(self) -> None:
        # The token makes DynamoDB take a write that was sent again once, so `ADD` does not count twice
        # (AWS API reference, TransactWriteItems, ClientRequestToken).
        self._token = ids.new_id()
        self._checks: list[tuple[type[Item], str, str, Condition, Failure]] = []
        self._deletes: list[tuple[Item, Condition | None, Failure]] = []
        self._creates: list[tuple[Item, Condition | None, Failure]] = []
        self._updates: list[tuple[Item, list[Action], Condition | None, Failure]] = []

    def create(
        self, record: Item, *, otherwise: Failure, or_when: Condition | None = None, first: bool = False
    ) -> None:
        """Write a record that must not exist yet, or, `or_when` given, one that may replace what fulfils it.

        The failure of one added as `first` is told before those of others.
        """
        absent = type(record).pk.does_not_exist()
        self._creates.insert(
            0 if first else len(self._creates), (record, absent if or_when is None else absent | or_when, otherwise)
        )

    def put(self, record: Item) -> None:
        """Write a record, whether or not one is there."""
        self._creates.append((record, None, _UNASKED))

    def forget(self, record: Item) -> None:
        """Remove a record, if it is there."""
        self._deletes.append((record, None, _UNASKED))

    def update(
        self, record: Item, actions: Sequence[Action], *, when: Condition | None = None, otherwise: Failure
    ) -> None:
        """Change a record that exists and fulfils `when`."""
        there = type(record).pk.exists()
        self._updates.append((record, list(actions), there if when is None else there & when, otherwise))

    def count(
        self, record: Record, actions: Sequence[Action], *, within: Condition | None = None, otherwise: Failure
    ) -> None:
        """Move counters of a record that its first move makes; `within` holds of one that is there."""
        kind = type(record)
        # The first update makes the item, and nobody else tells it what kind it is.
        named = [*actions, kind.record_kind.set(kind)]
        absent = kind.pk.does_not_exist()
        self._updates.append((record, named, None if within is None else absent | within, otherwise))

    def delete(self, record: Item, *, when: Condition | None = None, otherwise: Failure) -> None:
        """Remove a record that exists and fulfils `when`."""
        there = type(record).pk.exists()
        self._deletes.append((record, there if when is None else there & when, otherwise))

    def check(self, kind: type[Item], pk: str, sk: str, when: Condition, *, otherwise: Failure) -> None:
        """Hold only while an item that is not written fulfils `when`."""
        self._checks.append((kind, pk, sk, when, otherwise))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._commit()

    def _commit(self) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._send()
            except TransactWriteError as error:
                codes = [reason.code if reason else "None" for reason in error.cancellation_reasons]
                if not _passes(codes) and error.cause_response_code != "TransactionInProgressException":
                    raise self._meaning(codes, error) from error
            else:
                return
            if attempt + 1 < _ATTEMPTS:
                clock.pause(ids.jitter(min(_PAUSE * 2**attempt, _LONGEST_PAUSE)))
        raise Unavailable("busy", "Too many changes at once. Try again.")

    def _send(self) -> None:
        writes = TransactWrite(connection=connection, client_request_token=self._token)
        for kind, pk, sk, when, _ in self._checks:
            writes.condition_check(kind, pk, sk, condition=when)
        for record, condition, _ in self._deletes:
            writes.delete(record, condition=condition)
        for record, condition, _ in self._creates:
            writes.save(record, condition=condition)
        for record, actions, condition, _ in self._updates:
            writes.update(record, actions, condition=condition)
        writes._commit()  # noqa: SLF001  # what leaving its own `with` does; here it can be done again

    def _meaning(self, codes: Sequence[str], error: TransactWriteError) -> Failure | PynamoDBException:
        # PynamoDB sends, and so reports, checks, deletions, creations and updates in this order, whatever that of the calls.
        writes = (*self._checks, *self._deletes, *self._creates, *self._updates)
        for code, (*_, failure) in zip(codes, writes, strict=False):
            if code == "ConditionalCheckFailed" and isinstance(failure, Failure):
                return failure
        silent = isinstance(error.cause, BotoCoreError) or error.cause_response_code in BUSY or BUSY & set(codes)
        return Unavailable() if silent else error


def _passes(codes: Sequence[str]) -> bool:
    """Whether a cancelled transaction was only in another's way, so that the same one may succeed in a moment."""
    return "TransactionConflict" in codes
