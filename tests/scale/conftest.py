"""DynamoDB Local with the tables of the stack."""

import os
from collections.abc import Iterator

import pytest

from holdall.platform.table import records
from infra.local.dynamodb import DynamoDBLocal
from infra.local.process import bypass_proxy, find_free_port
from tests.scale.capacity import CapacityMeter
from tests.scale.list_costs import ListCosts
from tests.support.tables import create_tables


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
    create_tables(dynamodb_local)
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
