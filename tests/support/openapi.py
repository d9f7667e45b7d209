"""Answers beside the document: what they hold, and what it says that they hold."""

import json
from collections.abc import Mapping
from typing import Any

from infra.build.openapi import OPENAPI_PATH

_DOCUMENT: dict[str, Any] = json.loads(OPENAPI_PATH.read_text())
OPERATIONS: Mapping[str, Any] = {
    f"{method.upper()} {path}": operation
    for path, operations in _DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def response_schema(route: str, status: int) -> Any:
    """The schema of an answer, or None where it is no JSON of ours. Raises KeyError for one that the document does not name."""
    content = OPERATIONS[route]["responses"][str(status)].get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return None if schema == {"type": "object"} else schema


def undocumented_fields(value: Any, schema: Mapping[str, Any], pointer: str = "") -> list[str]:
    """Where a value holds what its schema does not name."""
    if "$ref" in schema:
        return undocumented_fields(
            value, _DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]], pointer
        )
    if "anyOf" in schema:
        return min((undocumented_fields(value, each, pointer) for each in schema["anyOf"]), key=len)
    if isinstance(value, list):
        return [found for each in value for found in undocumented_fields(each, schema.get("items", {}), f"{pointer}/-")]
    if isinstance(value, dict):
        named, others = schema.get("properties", {}), schema.get("additionalProperties")
        shapes = {name: named.get(name, others) for name in value}
        unnamed = [f"{pointer}/{name}" for name, shape in shapes.items() if not isinstance(shape, dict)]
        within = [(name, shape) for name, shape in shapes.items() if isinstance(shape, dict)]
        return unnamed + [
            found for name, shape in within for found in undocumented_fields(value[name], shape, f"{pointer}/{name}")
        ]
    return []
