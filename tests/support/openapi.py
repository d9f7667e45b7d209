"""Responses, compared with the schemas of docs/openapi.json."""

import json
from collections.abc import Mapping
from typing import Any

from infra.build.openapi import OPENAPI_PATH

_DOCUMENT: dict[str, Any] = json.loads(OPENAPI_PATH.read_text())
# All routes except the deprecated aliases, which call the same functions.
OPERATIONS: Mapping[str, Any] = {
    f"{method.upper()} {path}": operation
    for path, operations in _DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if not operation.get("deprecated")
}


def response_schema(route: str, status: int) -> Any:
    """Return the JSON schema of a response, or None if it is not JSON. Raises KeyError for an undocumented status."""
    content = OPERATIONS[route]["responses"][str(status)].get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return None if schema.get("additionalProperties") is True else schema or None


def schema_mismatches(value: Any, schema: Mapping[str, Any], pointer: str = "") -> list[str]:
    """Return the fields of a value that its schema does not name, and those that it requires and the value lacks."""
    if "$ref" in schema:
        return schema_mismatches(value, _DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]], pointer)
    if "anyOf" in schema:
        return min((schema_mismatches(value, each, pointer) for each in schema["anyOf"]), key=len)
    if isinstance(value, list):
        return [found for each in value for found in schema_mismatches(each, schema.get("items", {}), f"{pointer}/-")]
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        schemas = {name: properties.get(name, others) for name in value}
        missing = [f"{pointer}/{name} is missing" for name in schema.get("required", []) if name not in value]
        unnamed = [f"{pointer}/{name}" for name, each in schemas.items() if not isinstance(each, dict)]
        named = [(name, each) for name, each in schemas.items() if isinstance(each, dict)]
        return (
            missing
            + unnamed
            + [found for name, each in named for found in schema_mismatches(value[name], each, f"{pointer}/{name}")]
        )
    return []
