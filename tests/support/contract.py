"""The routes of the contract, as docs/openapi.json tells them: what the tests of all routes go through."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_OPENAPI_PATH = Path(__file__).parents[2] / "docs" / "openapi.json"

# Who may come without being known.
PUBLIC = {
    "POST /auth/sign-up",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/2fa/verify",
    "POST /auth/accept-invitation",
    "POST /auth/confirm-email",
    "POST /auth/forgot-password",
    "POST /auth/reset-password",
    "POST /auth/verify-email",
    "POST /auth/verify-email/resend",
    "GET /auth/oauth/{provider}/start",
    "GET /auth/oauth/{provider}/callback",
    "GET /.well-known/jwks.json",
    "GET /health",
    "GET /health/ready",
    "GET /openapi.json",
    "GET /docs",
    "GET /docs/{asset}",
}


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body: dict[str, Any] | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_public(self) -> bool:
        return self.name in PUBLIC

    def parameters_in(self, location: str) -> list[dict[str, Any]]:
        """Parameters of the path, or of the query."""
        return [each for each in self.parameters if each["in"] == location]


@cache
def load_openapi() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_OPENAPI_PATH.read_text())
    return found


@cache
def list_routes() -> tuple[Route, ...]:
    """All of them."""
    return tuple(_parse_routes())


def route_id(route: Route) -> str:
    """The name of a route, for a test's."""
    return route.name


def resolve_ref(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without its references, one level deep."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolve_ref(load_openapi()["components"]["schemas"][name])
    return schema


def accepted_types(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a schema takes."""
    schema = resolve_ref(schema)
    if "anyOf" in schema:
        return set().union(*(accepted_types(each) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return {"enum"}
    return {schema["type"]}


def _parse_routes() -> Iterator[Route]:
    for path, methods in load_openapi()["paths"].items():
        for method, told in methods.items():
            body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            yield Route(
                method.upper(),
                path.removeprefix("/api/v1"),
                tuple(told.get("parameters", [])),
                resolve_ref(body) if body else None,
            )
