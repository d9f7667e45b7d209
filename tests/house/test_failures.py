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


def test_a_repetition_is_caught_wherever_an_outcome_is_kept() -> None:
    assert [found for module in _MODULES for found in _uncaught(module)] == []


@pytest.mark.parametrize(
    "source",
    [
        "def create():\n with Transaction():\n  idempotency.keep()",
        "def create():\n try: idempotency.keep()\n except Conflict: pass",
        "def create():\n try: pass\n except Repeated: idempotency.keep()",
        "def create():\n _again()\ndef _again():\n idempotency.keep()",
        "def create():\n try: pass\n except Conflict: _again()\n except Repeated: pass\ndef _again():\n idempotency.keep()",
    ],
)
def test_a_repetition_that_nobody_catches_is_found(source: str) -> None:
    assert list(_uncaught(Module("holdall.synthetic", source, frozenset())))


@pytest.mark.parametrize(
    "source",
    [
        "def create():\n try:\n  with Transaction():\n   idempotency.keep()\n except Repeated: pass",
        "def create():\n try: _again()\n except Repeated: pass\ndef _again():\n idempotency.keep()",
        "def create():\n store.keep()",
    ],
)
def test_a_repetition_that_is_caught_passes(source: str) -> None:
    assert not list(_uncaught(Module("holdall.synthetic", source, frozenset())))


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


def _uncaught(module: Module) -> Iterator[str]:
    """Public functions that let a repetition out: by themselves, or by one that they call in their module."""
    functions = [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)]
    loud, heard = {"idempotency.keep"}, -1
    while heard != len(loud):
        heard = len(loud)
        loud |= {each.name for each in functions if _lets_out(each, loud)}
    for each in functions:
        if each.name in loud and not each.name.startswith("_"):
            yield f"{module.place(each.lineno)}: a repetition is caught nowhere"


def _lets_out(node: ast.AST, loud: set[str]) -> bool:
    """Whether a call of one of these stands here, outside of what `except Repeated` guards."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in loud:
        return True
    inside = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Try) and any(each.type and ast.unparse(each.type) == "Repeated" for each in node.handlers):
        inside = [each for each in inside if each not in node.body]
    return any(_lets_out(each, loud) for each in inside)


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
