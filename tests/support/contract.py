"""The routes of docs/openapi.json, for tests that call every route."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_OPENAPI_PATH = Path(__file__).parents[2] / "docs" / "openapi.json"
_BASE_PATH = "/api/v1"


@dataclass(frozen=True)
class Route:
    """A method of a path, with its parameters and the schema of its body."""

    method: str
    path: str
    is_public: bool
    parameters: tuple[dict[str, Any], ...]
    body: dict[str, Any] | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def parameters_in(self, location: str) -> list[dict[str, Any]]:
        """Return the parameters of the path or the query."""
        return [each for each in self.parameters if each["in"] == location]


@cache
def load_openapi() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_OPENAPI_PATH.read_text())
    return document


@cache
def list_routes() -> tuple[Route, ...]:
    """Return all routes except the deprecated aliases, which call the same functions."""
    return tuple(_parse_routes())


def resolve_ref(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a reference points to, or the schema itself."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolve_ref(load_openapi()["components"]["schemas"][name])
    return schema


def accepted_types(schema: dict[str, Any]) -> set[str]:
    """Return the JSON types that a schema accepts."""
    schema = resolve_ref(schema)
    if "anyOf" in schema:
        return set().union(*(accepted_types(each) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return {"enum"}
    return {schema["type"]}


def _parse_routes() -> Iterator[Route]:
    for path, operations in load_openapi()["paths"].items():
        for method, operation in operations.items():
            if operation.get("deprecated"):
                continue
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            yield Route(
                method.upper(),
                path.removeprefix(_BASE_PATH),
                operation["security"] == [],
                tuple(operation.get("parameters", [])),
                resolve_ref(body) if body else None,
            )
