"""A DynamoDB Local for the session, with the tables of the stack, and what lists in it cost."""

import os
from collections.abc import Iterator
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from holdall.platform.table import records
from infra.constructs.tables import Tables
from infra.local.dynamodb import DynamoDBLocal
from infra.local.process import bypass_proxy, find_free_port
from tests.scale.capacity import CapacityMeter
from tests.scale.list_costs import ListCosts


@pytest.fixture(scope="session")
def dynamodb_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamoDBLocal]:
    """It, empty."""
    bypass_proxy()
    made = DynamoDBLocal(tmp_path_factory.mktemp("dynamodb"), find_free_port())
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def tables(dynamodb_local: DynamoDBLocal) -> None:
    """The tables as the stack defines them, under the names that the settings give them, and Holdall's way to them."""
    client = dynamodb_local.client()
    for name, defined in _table_definitions().items():
        asked = {part: defined[part] for part in ("KeySchema", "AttributeDefinitions", "BillingMode")}
        indexes = defined.get("GlobalSecondaryIndexes")
        client.create_table(TableName=name, **asked, **({"GlobalSecondaryIndexes": indexes} if indexes else {}))
    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_local.endpoint
    # A suite in this process before this one would have made it for another DynamoDB.
    assert records.connection.client.meta.endpoint_url == dynamodb_local.endpoint


@pytest.fixture(scope="session")
def capacity_meter(tables: None) -> Iterator[CapacityMeter]:
    """What Holdall asks of the tables, and what that costs."""
    with CapacityMeter().recording() as kept:
        yield kept


@pytest.fixture(scope="session")
def list_costs(capacity_meter: CapacityMeter) -> ListCosts:
    """What each list costs, measured once."""
    return ListCosts(capacity_meter)


def _table_definitions() -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "Scale")
    Tables(stack, "Tables")
    found = Template.from_stack(stack).find_resources("AWS::DynamoDB::Table")
    # A logical id ends in eight letters of a digest.
    return {name.removeprefix("Tables")[:-8].lower(): table["Properties"] for name, table in found.items()}
