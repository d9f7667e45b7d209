"""Transactions and batch reads: errors of conditions, retries after conflicts, and a table that does not respond."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pynamodb.attributes import NumberAttribute

from holdall.platform import clock
from holdall.platform.errors import Conflict, InvariantViolation, NotFound, ServiceUnavailable
from holdall.platform.pagination import PageRequest
from holdall.platform.table import GSI1, BatchGet, Record, Transaction, query_page
from holdall.platform.table.records import connection
from holdall.platform.table.transaction import TooManyConflicts
from tests.support import faults


class NoteRecord(Record, discriminator="note"):
    number = NumberAttribute(default=0)


class PutFailed(Conflict):
    pass


class UpdateFailed(Conflict):
    pass


class DeleteFailed(Conflict):
    pass


class CheckFailed(Conflict):
    pass


Write = Callable[[Transaction], None]


def make_note(key: str, **values: Any) -> NoteRecord:
    return NoteRecord(f"NOTE#{key}", "NOTE", **values)


def get_number_or_none(key: str) -> int | None:
    note = NoteRecord.get_or_none(f"NOTE#{key}", "NOTE")
    return int(note.number) if note else None


@pytest.fixture(autouse=True)
def _existing_note() -> None:
    with Transaction() as tx:
        tx.put_new(make_note("existing", number=1))


def commit(*writes: Write) -> None:
    with Transaction() as tx:
        for write in writes:
            write(tx)


def put(tx: Transaction, *, fail: bool) -> None:
    tx.put_new(make_note("existing" if fail else "new"), error=PutFailed)


def update(tx: Transaction, *, fail: bool) -> None:
    tx.update(make_note("absent" if fail else "updated"), [NoteRecord.number.add(1)], error=UpdateFailed)


def delete(tx: Transaction, *, fail: bool) -> None:
    tx.delete(make_note("absent too" if fail else "deleted"), error=DeleteFailed)


def check(tx: Transaction, *, fail: bool) -> None:
    condition = NoteRecord.number == (9 if fail else 0)
    tx.condition_check(NoteRecord, "NOTE#checked", "NOTE", condition, error=CheckFailed)


@pytest.mark.parametrize(
    ("failing", "error"), [(put, PutFailed), (update, UpdateFailed), (delete, DeleteFailed), (check, CheckFailed)]
)
def test_transaction_raises_the_error_of_the_condition_that_failed(
    failing: Callable[..., None], error: type[Exception]
) -> None:
    with Transaction() as tx:
        for key in ("updated", "deleted", "checked"):
            tx.put_new(make_note(key))

    with pytest.raises(error):
        commit(*(partial(each, fail=each is failing) for each in (put, update, delete, check)))
    assert [get_number_or_none(key) for key in ("new", "updated", "deleted")] == [None, 0, 0]


def test_condition_without_an_error_raises_invariant_violation() -> None:
    for write in (
        lambda tx: tx.put_new(make_note("existing")),
        lambda tx: tx.update(make_note("absent"), [NoteRecord.number.add(1)]),
        lambda tx: tx.delete(make_note("absent")),
    ):
        with pytest.raises(InvariantViolation):
            commit(write)


def test_every_raise_is_of_a_new_error() -> None:
    raised = []
    for _ in range(2):
        with pytest.raises(PutFailed) as info:
            commit(partial(put, fail=True))
        raised.append(info.value)

    assert raised[0] is not raised[1]


def test_error_may_be_made_by_a_function() -> None:
    with pytest.raises(Conflict, match="Number 7"):
        commit(lambda tx: tx.put_new(make_note("existing"), error=lambda: Conflict("Number 7 exists.")))


def test_error_of_a_write_with_priority_is_raised_first() -> None:
    def put_with_priority(tx: Transaction) -> None:
        tx.put_new(make_note("existing", number=2), error=UpdateFailed, priority=True)

    def put_other(tx: Transaction) -> None:
        tx.put_new(make_note("other"), error=PutFailed)

    commit(put_other)
    for writes in ((put_other, put_with_priority), (put_with_priority, put_other)):
        with pytest.raises(UpdateFailed):
            commit(*writes)


def test_nothing_is_written_if_the_block_raises() -> None:
    def fail(_: Transaction) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        commit(partial(put, fail=False), fail)
    assert get_number_or_none("new") is None


def test_update_and_delete_require_an_existing_record() -> None:
    with pytest.raises(UpdateFailed):
        commit(partial(update, fail=True))
    with pytest.raises(DeleteFailed):
        commit(partial(delete, fail=True))

    assert get_number_or_none("absent") is None


def test_functions_are_called_after_the_commit_only() -> None:
    numbers: list[int | None] = []

    def write(tx: Transaction, *, fail: bool) -> None:
        put(tx, fail=fail)
        tx.on_commit(lambda: numbers.append(get_number_or_none("new")))

    with pytest.raises(PutFailed):
        commit(partial(write, fail=True))
    assert numbers == []
    commit(partial(write, fail=False))
    assert numbers == [0]


@pytest.fixture
def conflicts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count down the conflicts in the first item, and count the attempts in the second. Moto never answers with a conflict."""
    state = [0, 0]
    tokens = set()

    def respond(params: dict[str, Any], model: Any, **_: Any) -> Any:
        if model.name != "TransactWriteItems":
            return None
        state[1] += 1
        tokens.add(str(params["body"]).partition("ClientRequestToken")[2][:40])
        assert len(tokens) == 1, "all attempts must have the same token"
        if state[0] == 0:
            return None
        state[0] -= 1
        reasons = [{"Code": "TransactionConflict", "Message": ""}]
        error = {"Code": "TransactionCanceledException", "Message": ""}
        metadata = {"HTTPStatusCode": 400, "HTTPHeaders": {}}
        return faults.StubResponse(400), {"Error": error, "CancellationReasons": reasons, "ResponseMetadata": metadata}

    monkeypatch.setattr(clock, "sleep", lambda seconds: None)
    connection.client.meta.events.register_first("before-call", respond)
    yield state
    connection.client.meta.events.unregister("before-call", respond)


def increment(tx: Transaction) -> None:
    tx.update(make_note("existing"), [NoteRecord.number.add(1)])


@pytest.mark.parametrize("count", [1, 7])
def test_transaction_is_retried_after_conflicts(conflicts: list[int], count: int) -> None:
    conflicts[0] = count
    commit(increment)

    assert conflicts == [0, count + 1]
    assert get_number_or_none("existing") == 2


def test_retries_after_conflicts_are_bounded(conflicts: list[int]) -> None:
    conflicts[0] = 100
    with pytest.raises(TooManyConflicts):
        commit(increment)

    assert conflicts[1] == 32
    assert get_number_or_none("existing") == 1


def read_existing() -> None:
    with BatchGet() as batch:
        batch.get(NoteRecord, "NOTE#existing", "NOTE", lambda record: record)


@pytest.mark.parametrize("mode", ["refused", "throttled", "timeout"])
@pytest.mark.parametrize(
    "call",
    [
        lambda: commit(increment),
        lambda: NoteRecord.get_or_none("NOTE#existing", "NOTE"),
        read_existing,
        lambda: NoteRecord.query_prefix("NOTE#existing"),
        lambda: query_page(NoteRecord, GSI1, "x", PageRequest(1)),
    ],
    ids=["transaction", "get", "batch-get", "query-prefix", "query-page"],
)
def test_table_that_does_not_respond_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any], mode: faults.FaultMode
) -> None:
    with faults.inject_faults(monkeypatch, 0, mode) as injected, pytest.raises(ServiceUnavailable):
        call()

    assert len(injected.calls) == 1


def test_batch_get_returns_existing_records_and_none() -> None:
    with BatchGet() as batch:
        existing = batch.get(NoteRecord, "NOTE#existing", "NOTE", lambda record: int(record.number))
        again = batch.get(NoteRecord, "NOTE#existing", "NOTE", lambda record: -int(record.number))
        absent = batch.get(NoteRecord, "NOTE#absent", "NOTE", lambda record: int(record.number))
        with pytest.raises(RuntimeError):
            _ = existing.value

    assert (existing.value, again.value, absent.value) == (1, -1, None)
    assert existing.require(NotFound) == 1
    with pytest.raises(NotFound):
        absent.require(NotFound)


def test_batch_get_of_more_than_a_hundred_keys_takes_two_round_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    with Transaction() as tx:
        for number in (0, 100):
            tx.put(make_note(f"{number}", number=number))

    with faults.inject_faults(monkeypatch) as injected, BatchGet() as batch:
        notes = [
            batch.get(NoteRecord, f"NOTE#{each}", "NOTE", lambda record: int(record.number)) for each in range(101)
        ]

    assert [each.value for each in notes] == [0, *[None] * 99, 100]
    assert injected.calls == ["dynamodb.BatchGetItem"] * 2


@pytest.mark.parametrize("count", [1, 7, 8])
def test_unprocessed_keys_are_requested_again_and_never_read_as_absent(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    remaining = [count]

    def respond(params: dict[str, Any], model: Any, **_: Any) -> Any:
        if model.name != "BatchGetItem" or remaining[0] == 0:
            return None
        remaining[0] -= 1
        keys = {"main": {"ConsistentRead": True, "Keys": [{"pk": {"S": "NOTE#existing"}, "sk": {"S": "NOTE"}}]}}
        body = {"Responses": {}, "UnprocessedKeys": keys, "ResponseMetadata": {"HTTPStatusCode": 200}}
        return faults.StubResponse(200), body

    monkeypatch.setattr(clock, "sleep", lambda seconds: None)
    connection.client.meta.events.register_first("before-call", respond)
    try:
        if count < 8:
            with BatchGet() as batch:
                note = batch.get(NoteRecord, "NOTE#existing", "NOTE", lambda record: int(record.number))
            assert note.value == 1
        else:
            with pytest.raises(ServiceUnavailable):
                read_existing()
    finally:
        connection.client.meta.events.unregister("before-call", respond)
