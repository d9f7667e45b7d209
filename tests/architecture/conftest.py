"""Counters of the calls to AWS."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from holdall.platform import aws
from holdall.platform.table import records
from tests.support.aws import FakeAws
from tests.support.fixtures import *  # noqa: F403  # pytest looks for the fixtures of a suite in its conftest
from tests.support.scenario import Scenario
from tests.support.world import World


@pytest.fixture(scope="module")
def aws_calls(fake_aws: FakeAws) -> Iterator[Counter[str]]:
    """Count the calls to each service of AWS, retries included. `clear` it before a request."""
    seen: Counter[str] = Counter()

    def record(event_name: str, **_: Any) -> None:
        seen[event_name.split(".")[1]] += 1

    clients = [records.connection.client, *(aws.client(service) for service in ("s3", "sqs", "ssm", "sesv2"))]
    for client in clients:
        # First, and at the narrower name: moto responds at "before-send", and the first response is the last call.
        client.meta.events.register_first(f"before-send.{client.meta.service_model.service_id.hyphenize()}", record)
    yield seen
    for client in clients:
        client.meta.events.unregister(f"before-send.{client.meta.service_model.service_id.hyphenize()}", record)


@pytest.fixture(scope="module")
def transactions(fake_aws: FakeAws) -> Iterator[list[set[str]]]:
    """Record the tables that each transaction writes to. `clear` it before a request."""
    seen: list[set[str]] = []

    def record(request: Any, **_: Any) -> None:
        actions = [action for item in json.loads(request.body)["TransactItems"] for action in item.items()]
        seen.append({action["TableName"] for kind, action in actions if kind != "ConditionCheck"})

    events, name = records.connection.client.meta.events, "before-send.dynamodb.TransactWriteItems"
    events.register_first(name, record)
    yield seen
    events.unregister(name, record)


@pytest.fixture
def scenario(world: World, fake_aws: FakeAws) -> Scenario:
    """Return a client with a project, and nothing else."""
    return world.step("scenario", lambda: Scenario.create(fake_aws))
