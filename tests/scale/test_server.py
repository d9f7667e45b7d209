"""The server that judges: what it is made of, who reaches it, and what it cannot judge."""

import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pynamodb.attributes import NumberAttribute

from holdall.errors import Conflict
from holdall.table import Record, Transaction, items
from infra.local import dynamodb
from infra.local.dynamodb import DynamoDBLocal
from infra.local.progress import Trouble

_THREADS, _EACH = 32, 10


class TallyRecord(Record, discriminator="tally"):
    """Something that many change."""

    number = NumberAttribute(default=0)


def test_it_listens_on_one_address_of_this_machine(server: DynamoDBLocal) -> None:
    def reached(address: str) -> bool:
        with socket.socket() as visitor:
            return visitor.connect_ex((address, server.port)) == 0

    assert reached("127.0.0.1")
    assert not reached("127.0.0.2")  # whoever listens on every address answers here too


def test_what_is_run_is_what_was_listed(server: DynamoDBLocal) -> None:
    assert dynamodb.not_as_listed(dynamodb._JARS, dynamodb._SUMS) == []


@pytest.mark.parametrize("harm", ["changed", "missing", "added"])
def test_another_jar_than_the_listed_ones_is_found(harm: str, tmp_path: Path, server: DynamoDBLocal) -> None:
    jars = tmp_path / "lib"
    shutil.copytree(dynamodb._JARS, jars)
    jar = jars / "DynamoDBLocal-3.0.0.jar"
    if harm == "changed":
        jar.write_bytes(jar.read_bytes() + b"x")
    elif harm == "missing":
        jar.unlink()
    else:
        jar = jars / "more.jar"
        jar.touch()

    assert dynamodb.not_as_listed(jars, dynamodb._SUMS) == [jar.name]


def test_a_machine_without_java_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Trouble, match=r"JDK of Java 17.*apt-get install default-jdk-headless"):
        dynamodb.ensure()


def test_it_takes_transactions_one_by_one_and_never_answers_a_conflict(said: Counter[str]) -> None:
    # So a conflict is injected where its meaning is asked for. Should this server learn it, the tests of races may ask it.
    with Transaction() as write:
        write.create(TallyRecord("TALLY", "TALLY"), otherwise=Conflict("there", ""))

    def count(_: int) -> None:
        for _ in range(_EACH):
            with Transaction() as write:
                write.update(TallyRecord("TALLY", "TALLY"), [TallyRecord.number.add(1)], otherwise=Conflict("gone", ""))

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(count, range(_THREADS)))

    found = TallyRecord.find("TALLY", "TALLY")
    assert found is not None
    assert found.number == _THREADS * _EACH
    assert said == {"done": 1 + _THREADS * _EACH}


@pytest.fixture
def said(tables: None) -> Iterator[Counter[str]]:
    """What the server said to transactions: done, or why each part of one was not."""
    heard: Counter[str] = Counter()

    def hear(parsed: dict[str, Any], **_: Any) -> None:
        reasons = [reason["Code"] for reason in parsed.get("CancellationReasons", [])]
        heard.update(reasons or [parsed.get("Error", {}).get("Code", "done")])

    events = items.connection.client.meta.events
    events.register("after-call.dynamodb.TransactWriteItems", hear)
    yield heard
    events.unregister("after-call.dynamodb.TransactWriteItems", hear)
