"""The routes of every function, as their handlers compose them."""

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from holdall.http.app import HttpApp
from holdall.http.auth import Guard, guard_of
from infra.catalog import FUNCTIONS


@dataclass(frozen=True)
class Route:
    """One route: where it is reached, in which function it lies, and whom it lets in."""

    function: str
    method: str
    path: str  # a template, as /api/v1/files/{fileId}
    guard: Guard | None
    powertools_route: Any  # what Powertools keeps of it

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def list_routes() -> tuple[Route, ...]:
    """All routes of all functions."""
    found = []
    for function in FUNCTIONS:
        handler = importlib.import_module(f"functions.{function.name}.handler")
        for api in (each for each in vars(handler).values() if isinstance(each, HttpApp)):
            found += [
                Route(function.name, made.method, made.openapi_path, guard_of(made.func), made) for made in api.routes()
            ]
    return tuple(found)
