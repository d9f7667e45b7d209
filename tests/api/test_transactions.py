"""Writes and reads that happen together: which failure is told, what is tried again, and what silence means."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pynamodb.attributes import NumberAttribute

from holdall import clock
from holdall.errors import Conflict, Unavailable
from holdall.page import PageRequest
from holdall.table import ByOwner, Reading, Record, Transaction, page_of
from holdall.table.items import connection
from tests.api import faults


class NoteRecord(Record, discriminator="note"):
    """Something to write."""

    number = NumberAttribute(default=0)


def note(key: str, **values: Any) -> NoteRecord:
    return NoteRecord(f"NOTE#{key}", "NOTE", **values)


def number(key: str) -> int | None:
    found = NoteRecord.find(f"NOTE#{key}", "NOTE")
    return int(found.number) if found else None


@pytest.fixture(autouse=True)
def _one_note() -> None:
    with Transaction() as write:
        write.create(note("there", number=1), otherwise=Conflict("x", ""))


def failed(code: str) -> Conflict:
    return Conflict(code, "")


def together(*writes: Callable[[Transaction], None]) -> None:
    with Transaction() as write:
        for each in writes:
            each(write)


def test_each_unmet_condition_is_told_by_its_own_name() -> None:
    def create(write: Transaction, *, fine: bool) -> None:
        write.create(note("new" if fine else "there"), otherwise=failed("create"))

    def update(write: Transaction, *, fine: bool) -> None:
        key = "second" if fine else "absent"
        write.update(note(key), [NoteRecord.number.add(1)], otherwise=failed("update"))

    def delete(write: Transaction, *, fine: bool) -> None:
        key = "third" if fine else "absent too"
        write.delete(note(key), otherwise=failed("delete"))

    def check(write: Transaction, *, fine: bool) -> None:
        write.check(
            NoteRecord, "NOTE#fourth", "NOTE", NoteRecord.number == (0 if fine else 9), otherwise=failed("check")
        )

    for bad in (create, update, delete, check):
        with Transaction() as write:
            for key in ("second", "third", "fourth"):
                write.create(note(key), or_when=NoteRecord.pk.exists(), otherwise=failed("unseen"))
        with pytest.raises(Conflict) as told:
            together(*(partial(each, fine=each is not bad) for each in (create, update, delete, check)))
        assert told.value.code == bad.__name__
        assert (number("new"), number("second"), number("third")) == (None, 0, 0)


def test_what_is_told_first_is_told_before_the_rest() -> None:
    def taken(write: Transaction, *, first: bool) -> None:
        write.create(note("there", number=2), otherwise=failed("first" if first else "second"), first=first)

    def other(write: Transaction) -> None:
        write.create(note("other"), otherwise=failed("second"))

    with Transaction() as write:
        other(write)
    for writes in ((other, partial(taken, first=True)), (partial(taken, first=True), other)):
        with pytest.raises(Conflict) as told:
            together(*writes)
        assert told.value.code == "first"


def test_nothing_is_written_when_the_block_fails() -> None:
    def fail(_: Transaction) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        together(lambda write: write.create(note("new"), otherwise=failed("create")), fail)
    assert number("new") is None


def test_what_is_not_there_is_not_made_by_a_change() -> None:
    with pytest.raises(Conflict):
        together(lambda write: write.update(note("absent"), [NoteRecord.number.add(1)], otherwise=failed("gone")))
    with pytest.raises(Conflict):
        together(lambda write: write.delete(note("absent"), otherwise=failed("gone")))

    assert number("absent") is None


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
        return faults.Head(400), {"Error": error, "CancellationReasons": reasons, "ResponseMetadata": metadata}

    monkeypatch.setattr(clock, "pause", lambda seconds: None)
    connection.client.meta.events.register_first("before-call", answer)
    yield state
    connection.client.meta.events.unregister("before-call", answer)


@pytest.mark.parametrize("many", [1, 7])
def test_a_transaction_in_anothers_way_is_tried_again(conflicts: list[int], many: int) -> None:
    conflicts[0] = many
    with Transaction() as write:
        write.update(note("there"), [NoteRecord.number.add(1)], otherwise=failed("gone"))

    assert conflicts == [0, many + 1]
    assert number("there") == 2


def test_it_is_not_tried_for_ever(conflicts: list[int]) -> None:
    conflicts[0] = 100
    with pytest.raises(Unavailable) as told, Transaction() as write:
        write.update(note("there"), [NoteRecord.number.add(1)], otherwise=failed("gone"))

    assert (told.value.code, conflicts[1]) == ("busy", 32)
    assert number("there") == 1


@pytest.mark.parametrize("mode", ["refused", "busy", "silent"])
def test_silence_is_told_as_such(monkeypatch: pytest.MonkeyPatch, mode: faults.Mode) -> None:
    asked: dict[str, Callable[[], Any]] = {
        "write": _write,
        "find": lambda: NoteRecord.find("NOTE#there", "NOTE"),
        "read": _read,
        "parts": lambda: NoteRecord.parts("NOTE#there"),
        "page": lambda: page_of(NoteRecord, ByOwner, "x", PageRequest(1)),
    }
    for name, ask in asked.items():
        with faults.injected(monkeypatch, 0, mode) as seen, pytest.raises(Unavailable):
            ask()
        assert len(seen.calls) == 1, name


def _write() -> None:
    with Transaction() as write:
        write.update(note("there"), [NoteRecord.number.set(5)], otherwise=failed("gone"))


def _read() -> None:
    with Reading() as read:
        read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: record)


def test_a_reading_finds_what_is_there_and_says_what_is_not() -> None:
    with Reading() as read:
        there = read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: int(record.number))
        twice = read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: -int(record.number))
        absent = read.get(NoteRecord, "NOTE#absent", "NOTE", lambda record: int(record.number))
        with pytest.raises(RuntimeError):
            _ = there.value

    assert (there.value, twice.value, absent.value) == (1, -1, None)


def test_a_reading_of_more_than_a_hundred_keys_takes_another_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    with Transaction() as write:
        for each in (0, 100):
            write.put(note(f"{each}", number=each))

    with faults.injected(monkeypatch) as injected, Reading() as read:
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
        return faults.Head(200), {"Responses": {}, "UnprocessedKeys": keys, "ResponseMetadata": {"HTTPStatusCode": 200}}

    monkeypatch.setattr(clock, "pause", lambda seconds: None)
    connection.client.meta.events.register_first("before-call", answer)
    try:
        if times < 8:
            with Reading() as read:
                found = read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: int(record.number))
            assert found.value == 1
        else:
            with pytest.raises(Unavailable), Reading() as read:
                read.get(NoteRecord, "NOTE#there", "NOTE", lambda record: record)
    finally:
        connection.client.meta.events.unregister("before-call", answer)
