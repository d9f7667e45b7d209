"""Values of a request that a guard needs before the request is validated."""

from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.platform import ids
from holdall.platform.errors import NotFound

METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})  # the texts that pydantic reads as True


def query_flag(event: APIGatewayProxyEventV2, name: str) -> bool:
    """Return whether a query parameter is true."""
    return event.query_string_parameters.get(name, "").lower() in _TRUE


def body_value(event: APIGatewayProxyEventV2, name: str) -> Any:
    """Return a field of the body, or None."""
    body = event.json_body if event.http_method in METHODS_WITH_BODY else None
    return body.get(name) if isinstance(body, dict) else None


def first_text(value: Any) -> str | None:
    """Return a text, or the first one of a list of texts, or None."""
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) else None


def parse_project_id(name: str, value: str) -> str:
    """Return the project that a parameter with this name names. Raises NotFound if it cannot name one."""
    if name == "key":
        return ids.project_id_of_object_key(value)
    if name != "projectId":
        return ids.project_id_of(value)
    if not ids.is_project_id(value):
        raise NotFound
    return value
