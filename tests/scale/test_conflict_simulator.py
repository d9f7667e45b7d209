"""Whether our own judge of conflicts says what DynamoDB says: of two transactions with one item, the later is refused."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from infra.local.conflict_simulator import ConflictSimulator
from infra.local.dynamodb import DynamoDBLocal
from infra.local.waiting import wait_until

_TRANSACTION_SECONDS = 2  # seconds that a transaction takes; a refusal takes half of them


def test_write_to_an_item_of_a_transaction_in_progress_is_rejected(client: Any) -> None:
    conflicts, mine, other = ConflictSimulator(transaction_seconds=_TRANSACTION_SECONDS), _new_key(), _new_key()
    conflicts.attach(client.meta.events)
    first = threading.Thread(target=lambda: _transact_write(client, _put_item(), _increment(mine)))
    first.start()
    wait_until(lambda: conflicts.transaction_count == 1, 5, lambda: AssertionError("It was never sent."))

    with pytest.raises(ClientError) as failure:
        client.update_item(**_increment(mine)["Update"])
    assert failure.value.response["Error"]["Code"] == "TransactionConflictException"
    client.get_item(TableName="main", Key=mine)  # readers are let through
    client.update_item(**_increment(other)["Update"])
    assert _cancellation_reasons(client, _put_item(), _increment(mine)) == ["None", "TransactionConflict"]
    assert _cancellation_reasons(client, _condition_check(mine), _increment(other)) == ["TransactionConflict", "None"]

    first.join()
    assert _read_count(client, mine) == 1
    _transact_write(client, _put_item(), _increment(mine))
    client.update_item(**_increment(mine)["Update"])
    assert _read_count(client, mine) == 3
    assert _read_count(client, other) == 1
    assert (conflicts.transaction_count, conflicts.conflict_count) == (4, 2)


def test_injected_conflict_writes_nothing(client: Any) -> None:
    conflicts, mine, made = ConflictSimulator(conflict_probability=1), _new_key(), _put_item()
    conflicts.attach(client.meta.events)

    assert _cancellation_reasons(client, made, _increment(mine)) == ["None", "TransactionConflict"]

    for key in (mine, made["Put"]["Item"]):
        assert "Item" not in client.get_item(TableName="main", Key=key)


def test_item_is_unlocked_after_a_failed_condition(client: Any) -> None:
    mine = _new_key()
    ConflictSimulator().attach(client.meta.events)

    assert _cancellation_reasons(client, _condition_check(mine), _put_item()) == ["ConditionalCheckFailed", "None"]

    _transact_write(client, _increment(mine))
    assert _read_count(client, mine) == 1


@pytest.fixture
def client(dynamodb_local: DynamoDBLocal, tables: None) -> Iterator[Any]:
    """A client of one's own."""
    made = dynamodb_local.client()
    yield made
    made.close()


def _transact_write(client: Any, *items: dict[str, Any]) -> None:
    client.transact_write_items(TransactItems=items)


def _cancellation_reasons(client: Any, *items: dict[str, Any]) -> list[str]:
    """The reasons for which a transaction is cancelled."""
    with pytest.raises(client.exceptions.TransactionCanceledException) as failure:
        _transact_write(client, *items)
    return [reason["Code"] for reason in failure.value.response["CancellationReasons"]]


def _new_key() -> dict[str, Any]:
    return {"pk": {"S": f"COUNTER#{uuid4().hex}"}, "sk": {"S": "COUNTER"}}


def _put_item() -> dict[str, Any]:
    return {"Put": {"TableName": "main", "Item": _new_key()}}


def _increment(key: dict[str, Any]) -> dict[str, Any]:
    values = {":one": {"N": "1"}}
    names = {"#count": "count"}
    said = {"UpdateExpression": "ADD #count :one", "ExpressionAttributeNames": names}
    return {"Update": {"TableName": "main", "Key": key, **said, "ExpressionAttributeValues": values}}


def _condition_check(key: dict[str, Any]) -> dict[str, Any]:
    return {"ConditionCheck": {"TableName": "main", "Key": key, "ConditionExpression": "attribute_exists(pk)"}}


def _read_count(client: Any, key: dict[str, Any]) -> int:
    return int(client.get_item(TableName="main", Key=key, ConsistentRead=True)["Item"]["count"]["N"])
