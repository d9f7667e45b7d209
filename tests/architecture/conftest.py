"""AWS in this process, by moto, and the calls that Holdall makes to it, counted."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from holdall.iam import signing_keys
from holdall.platform import aws
from holdall.platform.table import records
from tests.support.aws import FakeAws
from tests.support.scenario import Scenario


# For one file and not for the session: another suite in this process may have an AWS of its own, and moto has one for all.
@pytest.fixture(scope="module")
def fake_aws() -> Iterator[FakeAws]:
    """Tables, buckets and queues: our own, or those that another suite of this process has open."""
    with mock_aws():
        found = _find_existing() or FakeAws.create()
        _clear_signing_key_cache()
        yield found
        _drain_queues(found)
        _clear_signing_key_cache()


@pytest.fixture(scope="module")
def aws_calls(fake_aws: FakeAws) -> Iterator[Counter[str]]:
    """How often each service of AWS is asked, retries included, by whatever Holdall does: `clear` it, then look."""
    seen: Counter[str] = Counter()

    def tell(event_name: str, **_: Any) -> None:
        seen[event_name.split(".")[1]] += 1

    clients = [records.connection.client, *(aws.client(service) for service in ("s3", "sqs", "ssm", "sesv2"))]
    for client in clients:
        # First, and at the narrower name: moto answers on "before-send", and whoever answers ends the round.
        client.meta.events.register_first(f"before-send.{client.meta.service_model.service_id.hyphenize()}", tell)
    yield seen
    for client in clients:
        client.meta.events.unregister(f"before-send.{client.meta.service_model.service_id.hyphenize()}", tell)


@pytest.fixture(scope="module")
def transactions(fake_aws: FakeAws) -> Iterator[list[set[str]]]:
    """The transactions that are sent, each by the tables that it writes to: `clear` it, then look."""
    seen: list[set[str]] = []

    def tell(request: Any, **_: Any) -> None:
        actions = [action for item in json.loads(request.body)["TransactItems"] for action in item.items()]
        seen.append({action["TableName"] for kind, action in actions if kind != "ConditionCheck"})

    events, name = records.connection.client.meta.events, "before-send.dynamodb.TransactWriteItems"
    events.register_first(name, tell)
    yield seen
    events.unregister(name, tell)


@pytest.fixture
def scenario(fake_aws: FakeAws) -> Scenario:
    """Somebody with a project, and nobody else."""
    return Scenario.create(fake_aws)


def _find_existing() -> FakeAws | None:
    found = FakeAws.connect()
    return found if found.queues else None


def _clear_signing_key_cache() -> None:
    """Keys are remembered by the process, and belong to an AWS: another one has others."""
    signing_keys._get_private_key.cache_clear()
    signing_keys._keys.clear()
    signing_keys._loaded_at = float("-inf")


def _drain_queues(fake_aws: FakeAws) -> None:
    """Leave no message behind for a test of another suite to find."""
    for queue in fake_aws.queues:
        while fake_aws.receive_messages(queue):
            pass
