"""DynamoDB Local with the tables of the stack."""

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
    """Yield DynamoDB Local without tables."""
    bypass_proxy()
    server = DynamoDBLocal(tmp_path_factory.mktemp("dynamodb"), find_free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def tables(dynamodb_local: DynamoDBLocal) -> None:
    """Create the tables of the stack with the names in the settings, and connect Holdall to them."""
    client = dynamodb_local.client()
    for name, properties in _table_definitions().items():
        parameters = {key: properties[key] for key in ("KeySchema", "AttributeDefinitions", "BillingMode")}
        if indexes := properties.get("GlobalSecondaryIndexes"):
            parameters["GlobalSecondaryIndexes"] = indexes
        client.create_table(TableName=name, **parameters)
    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_local.endpoint
    # If another suite ran in this process, Holdall would be connected to another DynamoDB.
    assert records.connection.client.meta.endpoint_url == dynamodb_local.endpoint


@pytest.fixture(scope="session")
def capacity_meter(tables: None) -> Iterator[CapacityMeter]:
    with CapacityMeter().recording() as meter:
        yield meter


@pytest.fixture(scope="session")
def list_costs(capacity_meter: CapacityMeter) -> ListCosts:
    return ListCosts(capacity_meter)


def _table_definitions() -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "Scale")
    Tables(stack, "Tables")
    resources = Template.from_stack(stack).find_resources("AWS::DynamoDB::Table")
    # A logical ID ends with eight digits of a hash.
    return {name.removeprefix("Tables")[:-8].lower(): table["Properties"] for name, table in resources.items()}
