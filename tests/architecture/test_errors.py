"""One error shape: every failure has a kind that the table of statuses knows, and a code that programs can hold on to."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from holdall.http.problems import STATUSES
from holdall.platform import errors
from holdall.platform.errors import HoldallError
from tests.support.source_tree import Module, load_modules

_CODE_PATTERN = re.compile(r"[a-z]+(_[a-z0-9]+)*")
_MODULES = load_modules("holdall", "functions")


def _error_classes(base: type[HoldallError] = HoldallError) -> Iterator[type[HoldallError]]:
    for each in base.__subclasses__():
        yield each
        yield from _error_classes(each)


def test_every_kind_of_failure_has_a_status() -> None:
    for module in _MODULES:
        if module.name.startswith("holdall."):
            importlib.import_module(module.name)
    homeless = {kind.__name__ for kind in _error_classes() if STATUSES.keys().isdisjoint(kind.__mro__)}

    assert homeless == set()


def test_every_failure_names_a_code() -> None:
    assert [found for module in _MODULES for found in _errors_without_code(module)] == []


@pytest.mark.parametrize(
    "source",
    [
        "Conflict()",
        "Conflict('Not Snake', 'No.')",
        "Conflict(f'made_{1}', 'No.')",
        "raise BadRequest",
        "ValidationFailed(code='', detail='No.')",
        "_TAKEN = Conflict('camelCase', 'No.')",
    ],
)
def test_a_failure_without_a_code_is_found(source: str) -> None:
    assert list(_errors_without_code(Module("holdall.synthetic", source)))


@pytest.mark.parametrize(
    "source",
    [
        "raise NotFound",
        "ServiceUnavailable()",
        "Conflict('job_claimed', 'No.')",
        "ValidationFailed(code='too_long', detail='No.')",
    ],
)
def test_a_failure_with_a_code_passes(source: str) -> None:
    assert not list(_errors_without_code(Module("holdall.synthetic", source)))


def _errors_without_code(module: Module) -> Iterator[str]:
    kinds = {
        name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, HoldallError)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in kinds:
            code = _default_code(kinds[node.exc.id])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
            kind = kinds[node.func.id]
            code = (_literal_code(node) or _default_code(kind)) if _has_code_parameter(kind) else kind("anything").code
        else:
            continue
        if not _CODE_PATTERN.fullmatch(code):
            yield f"{module.location(node.lineno)}: a failure without a code in snake_case"


def _has_code_parameter(error_class: type[HoldallError]) -> bool:
    """Whether whoever raises it says the code; of some kinds there is but one."""
    return "code" in inspect.signature(error_class).parameters


def _literal_code(call: ast.Call) -> str:
    """The code as it is written; a capital, which is none, where it is not written plainly."""
    given: list[Any] = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "code")]
    if not given:
        return ""
    return str(given[0].value or "X") if isinstance(given[0], ast.Constant) else "X"


def _default_code(error_class: type[HoldallError]) -> str:
    """The code of a failure that says nothing else, where its kind has one."""
    try:
        return error_class().code
    except TypeError:
        return ""
