"""One error shape: every failure has a kind that the table of statuses knows, and a code that programs can hold on to."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from holdall import errors
from holdall.errors import Failure
from holdall.http.problems import STATUSES
from tests.house.tree import Module, modules

_CODE = re.compile(r"[a-z]+(_[a-z0-9]+)*")
# Failures that no caller sees, since a service catches each of them.
_CAUGHT = {"Repeated"}

_MODULES = modules("holdall", "functions")


def _kinds(kind: type[Failure] = Failure) -> Iterator[type[Failure]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def test_every_kind_of_failure_has_a_status() -> None:
    for module in _MODULES:
        if module.name.startswith("holdall."):
            importlib.import_module(module.name)
    homeless = {kind.__name__ for kind in _kinds() if STATUSES.keys().isdisjoint(kind.__mro__)}

    assert homeless == _CAUGHT


def test_every_failure_names_a_code() -> None:
    assert [found for module in _MODULES for found in _nameless(module)] == []


@pytest.mark.parametrize(
    "source",
    [
        "Conflict()",
        "Conflict('Not Snake', 'No.')",
        "Conflict(f'made_{1}', 'No.')",
        "raise Malformed",
        "Invalid(code='', detail='No.')",
        "_TAKEN = Conflict('camelCase', 'No.')",
    ],
)
def test_a_failure_without_a_code_is_found(source: str) -> None:
    assert list(_nameless(Module("holdall.synthetic", source, frozenset())))


@pytest.mark.parametrize(
    "source",
    ["raise NotFound", "Unavailable()", "Conflict('job_taken', 'No.')", "Invalid(code='too_long', detail='No.')"],
)
def test_a_failure_with_a_code_passes(source: str) -> None:
    assert not list(_nameless(Module("holdall.synthetic", source, frozenset())))


def _nameless(module: Module) -> Iterator[str]:
    kinds = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Failure)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in kinds:
            code = _usual(kinds[node.exc.id])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
            kind = kinds[node.func.id]
            code = (_code(node) or _usual(kind)) if _takes_code(kind) else kind("anything").code  # type: ignore[call-arg]
        else:
            continue
        if not _CODE.fullmatch(code):
            yield f"{module.place(node.lineno)}: a failure without a code in snake_case"


def _takes_code(kind: type[Failure]) -> bool:
    """Whether whoever raises it says the code; of some kinds there is but one."""
    return "code" in inspect.signature(kind).parameters


def _code(call: ast.Call) -> str:
    """The code as it is written; a capital, which is none, where it is not written plainly."""
    given: list[Any] = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "code")]
    if not given:
        return ""
    return str(given[0].value or "X") if isinstance(given[0], ast.Constant) else "X"


def _usual(kind: type[Failure]) -> str:
    """The code of a failure that says nothing else, where its kind has one."""
    try:
        return kind().code  # type: ignore[call-arg]  # a kind without a usual code refuses, which is the question
    except TypeError:
        return ""
