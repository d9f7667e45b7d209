"""DynamoDB Local: its files, its address, and its lack of transaction conflicts."""

import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pynamodb.attributes import NumberAttribute

from holdall.platform.table import Record, Transaction, records
from infra.local import dynamodb
from infra.local.dynamodb import DynamoDBLocal
from infra.local.progress import UserError

_THREADS, _UPDATES_PER_THREAD = 32, 10


class CounterRecord(Record, discriminator="tally"):
    value = NumberAttribute(default=0)


def test_server_listens_on_one_loopback_address(dynamodb_local: DynamoDBLocal) -> None:
    def is_reachable(address: str) -> bool:
        with socket.socket() as client:
            return client.connect_ex((address, dynamodb_local.port)) == 0

    assert is_reachable("127.0.0.1")
    assert not is_reachable("127.0.0.2")  # a server that listens on all addresses would be


def test_jars_have_the_listed_checksums(dynamodb_local: DynamoDBLocal) -> None:
    assert dynamodb.find_mismatches(dynamodb.ensure(), dynamodb.CHECKSUMS) == []


@pytest.mark.parametrize("tampering", ["changed", "missing", "added"])
def test_jar_that_is_not_as_listed_is_found(tampering: str, tmp_path: Path, dynamodb_local: DynamoDBLocal) -> None:
    jars = tmp_path / "lib"
    shutil.copytree(dynamodb.ensure(), jars)
    jar = jars / "DynamoDBLocal-3.0.0.jar"
    if tampering == "changed":
        jar.write_bytes(jar.read_bytes() + b"x")
    elif tampering == "missing":
        jar.unlink()
    else:
        jar = jars / "more.jar"
        jar.touch()

    assert dynamodb.find_mismatches(jars, dynamodb.CHECKSUMS) == [jar.name]


def test_missing_java_is_reported_with_a_solution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UserError, match=r"JDK of Java 17.*apt-get install default-jdk-headless"):
        dynamodb.ensure()


def test_server_serializes_transactions_and_never_reports_a_conflict(transaction_results: Counter[str]) -> None:
    # So tests need the conflict simulator. If the server reports conflicts one day, they can use it instead.
    with Transaction() as tx:
        tx.put_new(CounterRecord("COUNTER", "COUNTER"))

    def count(_: int) -> None:
        for _ in range(_UPDATES_PER_THREAD):
            with Transaction() as tx:
                tx.update(CounterRecord("COUNTER", "COUNTER"), [CounterRecord.value.add(1)])

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(count, range(_THREADS)))

    record = CounterRecord.get_or_none("COUNTER", "COUNTER")
    assert record is not None
    assert record.value == _THREADS * _UPDATES_PER_THREAD
    assert transaction_results == {"done": 1 + _THREADS * _UPDATES_PER_THREAD}


@pytest.fixture
def transaction_results(tables: None) -> Iterator[Counter[str]]:
    """Count transactions by their result: `done`, or the code of an error or of a reason."""
    results: Counter[str] = Counter()

    def record(parsed: dict[str, Any], **_: Any) -> None:
        reasons = [reason["Code"] for reason in parsed.get("CancellationReasons", [])]
        results.update(reasons or [parsed.get("Error", {}).get("Code", "done")])

    events = records.connection.client.meta.events
    events.register("after-call.dynamodb.TransactWriteItems", record)
    yield results
    events.unregister("after-call.dynamodb.TransactWriteItems", record)
