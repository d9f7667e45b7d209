"""Writes and reads that happen together: which failure is told, what is tried again, and what silence means."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pynamodb.attributes import NumberAttribute

from holdall.platform import clock
from holdall.platform.errors import Conflict, ServiceUnavailable
from holdall.platform.pagination import PageRequest
from holdall.platform.table import GSI1, BatchGet, Record, Transaction, query_page
from holdall.platform.table.records import connection
from tests.support import faults


class NoteRecord(Record, discriminator="note"):
    """Something to write."""

    number = NumberAttribute(default=0)


def make_note(key: str, **values: Any) -> NoteRecord:
    return NoteRecord(f"NOTE#{key}", "NOTE", **values)


def get_number_or_none(key: str) -> int | None:
    found = NoteRecord.get_or_none(f"NOTE#{key}", "NOTE")
    return int(found.number) if found else None


@pytest.fixture(autouse=True)
def _one_note() -> None:
    with Transaction() as write:
        write.put_new(make_note("there", number=1), error=Conflict("", code="x"))


def make_conflict(code: str) -> Conflict:
    return Conflict("", code=code)


def write_together(*writes: Callable[[Transaction], None]) -> None:
    with Transaction() as write:
        for each in writes:
            each(write)


def test_each_unmet_condition_is_told_by_its_own_name() -> None:
    def create(write: Transaction, *, fine: bool) -> None:
        write.put_new(make_note("new" if fine else "there"), error=make_conflict("create"))

    def update(write: Transaction, *, fine: bool) -> None:
        key = "second" if fine else "absent"
        write.update(make_note(key), [NoteRecord.number.add(1)], error=make_conflict("update"))

    def delete(write: Transaction, *, fine: bool) -> None:
        key = "third" if fine else "absent too"
        write.delete(make_note(key), error=make_conflict("delete"))

    def check(write: Transaction, *, fine: bool) -> None:
        write.condition_check(
            NoteRecord, "NOTE#fourth", "NOTE", NoteRecord.number == (0 if fine else 9), error=make_conflict("check")
        )

    for bad in (create, update, delete, check):
        with Transaction() as write:
            for key in ("second", "third", "fourth"):
                write.put_new(make_note(key), or_condition=NoteRecord.pk.exists(), error=make_conflict("unseen"))
        with pytest.raises(Conflict) as told:
            write_together(*(partial(each, fine=each is not bad) for each in (create, update, delete, check)))
        assert told.value.code == bad.__name__
        assert (get_number_or_none("new"), get_number_or_none("second"), get_number_or_none("third")) == (None, 0, 0)


def test_what_is_told_first_is_told_before_the_rest() -> None:
    def taken(write: Transaction, *, first: bool) -> None:
        write.put_new(make_note("there", number=2), error=make_conflict("first" if first else "second"), priority=first)

    def other(write: Transaction) -> None:
        write.put_new(make_note("other"), error=make_conflict("second"))

    with Transaction() as write:
        other(write)
    for writes in ((other, partial(taken, first=True)), (partial(taken, first=True), other)):
        with pytest.raises(Conflict) as told:
            write_together(*writes)
        assert told.value.code == "first"


def test_nothing_is_written_when_the_block_fails() -> None:
    def fail(_: Transaction) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_together(lambda write: write.put_new(make_note("new"), error=make_conflict("create")), fail)
    assert get_number_or_none("new") is None


def test_what_is_not_there_is_not_made_by_a_change() -> None:
    with pytest.raises(Conflict):
        write_together(
            lambda write: write.update(make_note("absent"), [NoteRecord.number.add(1)], error=make_conflict("gone"))
        )
    with pytest.raises(Conflict):
        write_together(lambda write: write.delete(make_note("absent"), error=make_conflict("gone")))

    assert get_number_or_none("absent") is None


@pytest.fixture
def conflicts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """So many transactions are in another's way; the attempts are counted. moto has no such answer."""
    state = [0, 0]
    tokens = set()

    def answer(params: dict[str, Any], model: Any, **_: Any) -> Any:
        if model.name != "TransactWriteItems":
            return None
        state[1] += 1
        tokens.add(str(params["body"]).partition("ClientRequestToken")[2][:40])
        assert len(tokens) == 1, "each attempt must carry the same token"
        if state[0] == 0:
            return None
        state[0] -= 1
        reasons = [{"Code": "TransactionConflict", "Message": ""}]
        error = {"Code": "TransactionCanceledException", "Message": ""}
        metadata = {"HTTPStatusCode": 400, "HTTPHeaders": {}}
        return faults.StubResponse(400), {"Error": error, "CancellationReasons": reasons, "ResponseMetadata": metadata}

    monkeypatch.setattr(clock, "sleep", lambda seconds: None)
    connection.client.meta.events.register_first("before-call", answer)
    yield state
    connection.client.meta.events.unregister("before-call", answer)


@pytest.mark.parametrize("many", [1, 7])
def test_a_transaction_in_anothers_way_is_tried_again(conflicts: list[int], many: int) -> None:
    conflicts[0] = many
    with Transaction() as write:
        write.update(make_note("there"), [NoteRecord.number.add(1)], error=make_conflict("gone"))

    assert conflicts == [0, many + 1]
    assert get_number_or_none("there") == 2


def test_it_is_not_tried_for_ever(conflicts: list[int]) -> None:
    conflicts[0] = 100
    with pytest.raises(ServiceUnavailable) as told, Transaction() as write:
        write.update(make_note("there"), [NoteRecord.number.add(1)], error=make_conflict("gone"))

    assert (told.value.code, conflicts[1]) == ("busy", 32)
    assert get_number_or_none("there") == 1


@pytest.mark.parametrize("mode", ["refused", "throttled", "timeout"])
def test_silence_is_told_as_such(monkeypatch: pytest.MonkeyPatch, mode: faults.FaultMode) -> None:
    asked: dict[str, Callable[[], Any]] = {
        "write": _write,
        "find": lambda: NoteRecord.get_or_none("NOTE#there", "NOTE"),
        "read": _read,
        "parts": lambda: NoteRecord.query_prefix("NOTE#there"),
        "page": lambda: query_page(NoteRecord, GSI1, "x", PageRequest(1)),
    }
    for name, ask in asked.items():
        with faults.inject_faults(monkeypatch, 0, mode) as seen, pytest.raises(ServiceUnavailable):
            ask()
        assert len(seen.calls) == 1, name


def _write() -> None:
    with Transaction() as write:
        write.update(make_note("there"), [NoteRecord.number.set(5)], error=make_conflict("gone"))


def _read() -> None:
    with BatchGet() as read:
        read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: record)


def test_a_reading_finds_what_is_there_and_says_what_is_not() -> None:
    with BatchGet() as read:
        there = read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: int(record.number))
        twice = read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: -int(record.number))
        absent = read.get(NoteRecord, "NOTE#absent", "NOTE", lambda record: int(record.number))
        with pytest.raises(RuntimeError):
            _ = there.value

    assert (there.value, twice.value, absent.value) == (1, -1, None)


def test_a_reading_of_more_than_a_hundred_keys_takes_another_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    with Transaction() as write:
        for each in (0, 100):
            write.put(make_note(f"{each}", number=each))

    with faults.inject_faults(monkeypatch) as injected, BatchGet() as read:
        found = [read.get(NoteRecord, f"NOTE#{each}", "NOTE", lambda record: int(record.number)) for each in range(101)]

    assert [each.value for each in found] == [0, *[None] * 99, 100]
    assert injected.calls == ["dynamodb.BatchGetItem"] * 2


@pytest.mark.parametrize("times", [1, 7, 8])
def test_keys_that_were_not_answered_are_asked_for_again_and_never_absent(
    monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    left = [times]

    def answer(params: dict[str, Any], model: Any, **_: Any) -> Any:
        if model.name != "BatchGetItem" or left[0] == 0:
            return None
        left[0] -= 1
        keys = {"main": {"ConsistentRead": True, "Keys": [{"pk": {"S": "NOTE#there"}, "sk": {"S": "NOTE"}}]}}
        return faults.StubResponse(200), {
            "Responses": {},
            "UnprocessedKeys": keys,
            "ResponseMetadata": {"HTTPStatusCode": 200},
        }

    monkeypatch.setattr(clock, "sleep", lambda seconds: None)
    connection.client.meta.events.register_first("before-call", answer)
    try:
        if times < 8:
            with BatchGet() as read:
                found = read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: int(record.number))
            assert found.value == 1
        else:
            with pytest.raises(ServiceUnavailable), BatchGet() as read:
                read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: record)
    finally:
        connection.client.meta.events.unregister("before-call", answer)
