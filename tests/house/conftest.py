"""AWS in this process, by moto, and the calls that Holdall makes to it, counted."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from holdall import aws
from holdall.iam import signing_keys
from holdall.table import items
from tests.api.cloud import Cloud
from tests.house.scene import Scene


# For one file and not for the session: another suite in this process may have an AWS of its own, and moto has one for all.
@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """Tables, buckets and queues: our own, or those that another suite of this process has open."""
    with mock_aws():
        found = _there() or Cloud.build()
        _forget_keys()
        yield found
        _emptied(found)
        _forget_keys()


@pytest.fixture(scope="module")
def calls(cloud: Cloud) -> Iterator[Counter[str]]:
    """How often each service of AWS is asked, retries included, by whatever Holdall does: `clear` it, then look."""
    seen: Counter[str] = Counter()

    def tell(event_name: str, **_: Any) -> None:
        seen[event_name.split(".")[1]] += 1

    clients = [items.connection.client, *(aws.client(service) for service in ("s3", "sqs", "ssm", "sesv2"))]
    for client in clients:
        # First, and at the narrower name: moto answers on "before-send", and whoever answers ends the round.
        client.meta.events.register_first(f"before-send.{client.meta.service_model.service_id.hyphenize()}", tell)
    yield seen
    for client in clients:
        client.meta.events.unregister(f"before-send.{client.meta.service_model.service_id.hyphenize()}", tell)


@pytest.fixture(scope="module")
def transactions(cloud: Cloud) -> Iterator[list[set[str]]]:
    """The transactions that are sent, each by the tables that it writes to: `clear` it, then look."""
    seen: list[set[str]] = []

    def tell(request: Any, **_: Any) -> None:
        actions = [action for item in json.loads(request.body)["TransactItems"] for action in item.items()]
        seen.append({action["TableName"] for kind, action in actions if kind != "ConditionCheck"})

    events, name = items.connection.client.meta.events, "before-send.dynamodb.TransactWriteItems"
    events.register_first(name, tell)
    yield seen
    events.unregister(name, tell)


@pytest.fixture
def scene(cloud: Cloud) -> Scene:
    """Somebody with a project, and nobody else."""
    return Scene.new(cloud)


def _there() -> Cloud | None:
    found = Cloud.found()
    return found if found.queues else None


def _forget_keys() -> None:
    """Keys are remembered by the process, and belong to an AWS: another one has others."""
    signing_keys._private.cache_clear()
    signing_keys._known.clear()
    signing_keys._loaded_at = float("-inf")


def _emptied(cloud: Cloud) -> None:
    """Leave no message behind for a test of another suite to find."""
    for queue in cloud.queues:
        while cloud.waiting(queue):
            pass
