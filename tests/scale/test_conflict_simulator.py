"""The conflict simulator rejects the same writes as DynamoDB: of two transactions with the same item, the later one."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from infra.local.conflict_simulator import ConflictSimulator
from infra.local.dynamodb import DynamoDBLocal
from infra.local.waiting import wait_until

_TRANSACTION_SECONDS = 4  # a rejection takes half of it, and a busy machine needs much of the rest


def test_write_to_an_item_of_a_transaction_in_progress_is_rejected(client: Any) -> None:
    simulator, key, other = ConflictSimulator(transaction_seconds=_TRANSACTION_SECONDS), _new_key(), _new_key()
    simulator.attach(client.meta.events)
    first = threading.Thread(target=lambda: _transact_write(client, _put_item(), _increment(key)))
    first.start()
    wait_until(lambda: simulator.transaction_count == 1, 5, lambda: AssertionError("The transaction was not sent."))

    with pytest.raises(ClientError) as failure:
        client.update_item(**_increment(key)["Update"])
    assert failure.value.response["Error"]["Code"] == "TransactionConflictException"
    client.get_item(TableName="main", Key=key)  # reads are allowed
    client.update_item(**_increment(other)["Update"])
    assert _cancellation_reasons(client, _put_item(), _increment(key)) == ["None", "TransactionConflict"]
    assert _cancellation_reasons(client, _condition_check(key), _increment(other)) == ["TransactionConflict", "None"]

    first.join()
    assert _read_count(client, key) == 1
    _transact_write(client, _put_item(), _increment(key))
    client.update_item(**_increment(key)["Update"])
    assert _read_count(client, key) == 3
    assert _read_count(client, other) == 1
    assert (simulator.transaction_count, simulator.conflict_count) == (4, 2)


def test_injected_conflict_writes_nothing(client: Any) -> None:
    key, put = _new_key(), _put_item()
    ConflictSimulator(conflict_probability=1).attach(client.meta.events)

    assert _cancellation_reasons(client, put, _increment(key)) == ["None", "TransactionConflict"]

    for each in (key, put["Put"]["Item"]):
        assert "Item" not in client.get_item(TableName="main", Key=each)


def test_item_is_unlocked_after_a_failed_condition(client: Any) -> None:
    key = _new_key()
    ConflictSimulator().attach(client.meta.events)

    assert _cancellation_reasons(client, _condition_check(key), _put_item()) == ["ConditionalCheckFailed", "None"]

    _transact_write(client, _increment(key))
    assert _read_count(client, key) == 1


@pytest.fixture
def client(dynamodb_local: DynamoDBLocal, tables: None) -> Iterator[Any]:
    client = dynamodb_local.client()
    yield client
    client.close()


def _transact_write(client: Any, *items: dict[str, Any]) -> None:
    client.transact_write_items(TransactItems=items)


def _cancellation_reasons(client: Any, *items: dict[str, Any]) -> list[str]:
    """Send a transaction that is canceled, and return the codes of the reasons."""
    with pytest.raises(client.exceptions.TransactionCanceledException) as failure:
        _transact_write(client, *items)
    return [reason["Code"] for reason in failure.value.response["CancellationReasons"]]


def _new_key() -> dict[str, Any]:
    return {"pk": {"S": f"COUNTER#{uuid4().hex}"}, "sk": {"S": "COUNTER"}}


def _put_item() -> dict[str, Any]:
    return {"Put": {"TableName": "main", "Item": _new_key()}}


def _increment(key: dict[str, Any]) -> dict[str, Any]:
    expression = {
        "UpdateExpression": "ADD #count :one",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    return {"Update": {"TableName": "main", "Key": key, **expression}}


def _condition_check(key: dict[str, Any]) -> dict[str, Any]:
    return {"ConditionCheck": {"TableName": "main", "Key": key, "ConditionExpression": "attribute_exists(pk)"}}


def _read_count(client: Any, key: dict[str, Any]) -> int:
    return int(client.get_item(TableName="main", Key=key, ConsistentRead=True)["Item"]["count"]["N"])
