"""Whether our own judge of conflicts says what DynamoDB says: of two transactions with one item, the later is refused."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from infra.local.conflicts import Conflicts
from infra.local.dynamodb import DynamoDBLocal
from infra.local.waiting import until

_LONG = 2  # seconds that a transaction takes; a refusal takes half of them


def test_what_touches_an_item_of_a_transaction_under_way_is_refused(client: Any) -> None:
    conflicts, mine, other = Conflicts(seconds=_LONG), _key(), _key()
    conflicts.attach(client.meta.events)
    first = threading.Thread(target=lambda: _transact(client, _put(), _add(mine)))
    first.start()
    until(lambda: conflicts.sent == 1, 5, lambda: AssertionError("It was never sent."))

    with pytest.raises(ClientError) as failure:
        client.update_item(**_add(mine)["Update"])
    assert failure.value.response["Error"]["Code"] == "TransactionConflictException"
    client.get_item(TableName="main", Key=mine)  # readers are let through
    client.update_item(**_add(other)["Update"])
    assert _refused(client, _put(), _add(mine)) == ["None", "TransactionConflict"]
    assert _refused(client, _check(mine), _add(other)) == ["TransactionConflict", "None"]

    first.join()
    assert _count(client, mine) == 1
    _transact(client, _put(), _add(mine))
    client.update_item(**_add(mine)["Update"])
    assert _count(client, mine) == 3
    assert _count(client, other) == 1
    assert (conflicts.sent, conflicts.refused) == (4, 2)


def test_one_that_is_refused_for_no_reason_writes_nothing(client: Any) -> None:
    conflicts, mine, made = Conflicts(chance=1), _key(), _put()
    conflicts.attach(client.meta.events)

    assert _refused(client, made, _add(mine)) == ["None", "TransactionConflict"]

    for key in (mine, made["Put"]["Item"]):
        assert "Item" not in client.get_item(TableName="main", Key=key)


def test_an_item_is_free_again_after_a_transaction_whose_condition_was_unmet(client: Any) -> None:
    mine = _key()
    Conflicts().attach(client.meta.events)

    assert _refused(client, _check(mine), _put()) == ["ConditionalCheckFailed", "None"]

    _transact(client, _add(mine))
    assert _count(client, mine) == 1


@pytest.fixture
def client(server: DynamoDBLocal, tables: None) -> Iterator[Any]:
    """A client of one's own."""
    made = server.client()
    yield made
    made.close()


def _transact(client: Any, *items: dict[str, Any]) -> None:
    client.transact_write_items(TransactItems=items)


def _refused(client: Any, *items: dict[str, Any]) -> list[str]:
    """The reasons for which a transaction is cancelled."""
    with pytest.raises(client.exceptions.TransactionCanceledException) as failure:
        _transact(client, *items)
    return [reason["Code"] for reason in failure.value.response["CancellationReasons"]]


def _key() -> dict[str, Any]:
    return {"pk": {"S": f"COUNTER#{uuid4().hex}"}, "sk": {"S": "COUNTER"}}


def _put() -> dict[str, Any]:
    return {"Put": {"TableName": "main", "Item": _key()}}


def _add(key: dict[str, Any]) -> dict[str, Any]:
    values = {":one": {"N": "1"}}
    names = {"#count": "count"}
    said = {"UpdateExpression": "ADD #count :one", "ExpressionAttributeNames": names}
    return {"Update": {"TableName": "main", "Key": key, **said, "ExpressionAttributeValues": values}}


def _check(key: dict[str, Any]) -> dict[str, Any]:
    return {"ConditionCheck": {"TableName": "main", "Key": key, "ConditionExpression": "attribute_exists(pk)"}}


def _count(client: Any, key: dict[str, Any]) -> int:
    return int(client.get_item(TableName="main", Key=key, ConsistentRead=True)["Item"]["count"]["N"])
