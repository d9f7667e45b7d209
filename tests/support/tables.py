"""The tables of the stack in DynamoDB Local."""

from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from infra.constructs.tables import Tables
from infra.local.dynamodb import DynamoDBLocal


def create_tables(server: DynamoDBLocal) -> None:
    """Create the tables with the names in the settings of tests."""
    client = server.client()
    for name, properties in _table_definitions().items():
        parameters = {key: properties[key] for key in ("KeySchema", "AttributeDefinitions", "BillingMode")}
        if indexes := properties.get("GlobalSecondaryIndexes"):
            parameters["GlobalSecondaryIndexes"] = indexes
        client.create_table(TableName=name, **parameters)


def _table_definitions() -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "Tables")
    Tables(stack, "Tables")
    resources = Template.from_stack(stack).find_resources("AWS::DynamoDB::Table")
    # A logical ID ends with eight digits of a hash.
    return {name.removeprefix("Tables")[:-8].lower(): table["Properties"] for name, table in resources.items()}
