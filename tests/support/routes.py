"""The routes of every function, as their handlers compose them."""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from holdall.http.app import BASE_PATH, HttpApp
from holdall.http.auth import Guard
from infra.catalog import FUNCTIONS


@dataclass(frozen=True)
class Route:
    """A route, its function, and its guard."""

    function: str
    method: str
    path: str  # a template: /api/v1/files/{fileId}
    guard: Guard
    powertools_route: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def parameters(self) -> Iterator[tuple[str, str, bool]]:
        """Yield the location, the name, and whether it is required, of each parameter and each field of the body."""
        dependant = self.powertools_route.dependant
        for name in re.findall("{(.*?)}", self.path):
            yield "path", name, True
        for name in self.guard.query_parameters(self.method, self.path) - {
            each.alias for each in dependant.query_params
        }:
            yield "query", name, False
        for field in dependant.query_params:
            yield "query", field.alias, bool(field.required)
        for field in dependant.body_params:
            for name, body_field in field.field_info.annotation.model_fields.items():
                yield "body", body_field.alias or name, field.required and body_field.is_required()


def list_routes() -> tuple[Route, ...]:
    """Return all routes of the API."""
    return tuple(route for route in _list_all() if route.path.startswith(BASE_PATH))


def list_page_routes() -> tuple[Route, ...]:
    """Return all routes that serve pages."""
    return tuple(route for route in _list_all() if not route.path.startswith(BASE_PATH))


@cache
def _list_all() -> tuple[Route, ...]:
    return tuple(
        Route(function.name, route.method, route.openapi_path, app.guards[route.func], route)
        for function in FUNCTIONS
        for app in vars(importlib.import_module(f"functions.{function.name}.handler")).values()
        if isinstance(app, HttpApp)
        for route in app.list_routes()
    )
