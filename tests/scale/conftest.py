"""A DynamoDB Local for the session, with the tables of the stack, and what lists in it cost."""

import os
from collections.abc import Iterator
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from holdall.table import items
from infra.constructs.tables import Tables
from infra.local.dynamodb import DynamoDBLocal
from infra.local.process import free_port, know_this_machine
from tests.scale.bill import Bill
from tests.scale.costs import Costs


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamoDBLocal]:
    """It, empty."""
    know_this_machine()
    made = DynamoDBLocal(tmp_path_factory.mktemp("dynamodb"), free_port())
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def tables(server: DynamoDBLocal) -> None:
    """The tables as the stack defines them, under the names that the settings give them, and Holdall's way to them."""
    client = server.client()
    for name, defined in _defined().items():
        asked = {part: defined[part] for part in ("KeySchema", "AttributeDefinitions", "BillingMode")}
        indexes = defined.get("GlobalSecondaryIndexes")
        client.create_table(TableName=name, **asked, **({"GlobalSecondaryIndexes": indexes} if indexes else {}))
    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = server.endpoint
    # A suite in this process before this one would have made it for another DynamoDB.
    assert items.connection.client.meta.endpoint_url == server.endpoint


@pytest.fixture(scope="session")
def bill(tables: None) -> Iterator[Bill]:
    """What Holdall asks of the tables, and what that costs."""
    with Bill().kept() as kept:
        yield kept


@pytest.fixture(scope="session")
def costs(bill: Bill) -> Costs:
    """What each list costs, measured once."""
    return Costs(bill)


def _defined() -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "Scale")
    Tables(stack, "Tables")
    found = Template.from_stack(stack).find_resources("AWS::DynamoDB::Table")
    # A logical id ends in eight letters of a digest.
    return {name.removeprefix("Tables")[:-8].lower(): table["Properties"] for name, table in found.items()}
