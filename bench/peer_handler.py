"""A second baseline of `bench.latency`: what a small function costs that people write with the same tools.

It reads one item of DynamoDB with the resource of boto3, behind the resolver, logger, tracer and metrics of Powertools and a
pydantic model of its response, in the style of the public template ran-isenberg/aws-lambda-handler-cookbook. It does not
authenticate anyone.
"""

import os
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel

logger = Logger(service="peer")
tracer = Tracer(service="peer", disabled=True)
metrics = Metrics(namespace="peer", service="peer")
app = APIGatewayHttpResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["MAIN_TABLE"])


class Order(BaseModel):
    id: str
    found: bool


@app.get("/api/v1/orders/<order_id>")
@tracer.capture_method
def get_order(order_id: Annotated[str, Path(min_length=1)]) -> Order:
    response = table.get_item(Key={"pk": f"ORDER#{order_id}", "sk": "ORDER"})
    return Order(id=order_id, found="Item" in response)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
