"""Errors: each has an HTTP status, a code for programs and a sentence for people."""

import importlib
import re
from collections.abc import Iterator

import pytest

from holdall.http.problems import STATUSES
from holdall.platform.errors import Conflict, HoldallError
from tests.support.source_tree import load_modules

_CODE_PATTERN = re.compile(r"[a-z]+(_[a-z0-9]+)*")


def test_every_error_has_status_code_and_detail() -> None:
    for module in load_modules("holdall", "functions"):
        importlib.import_module(module.name)

    assert [problem for error in _subclasses(HoldallError) for problem in _find_problems(error)] == []


@pytest.mark.parametrize(
    ("base", "attributes"),
    [
        (HoldallError, {"code": "gone", "detail": "It is gone."}),  # no status
        (Conflict, {"code": "NotSnake", "detail": "It changed."}),
        (Conflict, {"code": "", "detail": "It changed."}),
        (Conflict, {"code": "changed", "detail": "it changed"}),
    ],
)
def test_incomplete_error_is_detected(base: type[HoldallError], attributes: dict[str, str]) -> None:
    assert list(_find_problems(type("Incomplete", (base,), attributes)))


def _subclasses(base: type[HoldallError]) -> Iterator[type[HoldallError]]:
    for each in base.__subclasses__():
        if each.__module__.startswith(("holdall.", "functions.")):  # other tests define errors too
            yield each
            yield from _subclasses(each)


def _find_problems(error: type[HoldallError]) -> Iterator[str]:
    if STATUSES.keys().isdisjoint(error.__mro__):
        yield f"{error.__name__} has no status"
    if not _CODE_PATTERN.fullmatch(error.code):
        yield f"{error.__name__}: {error.code!r} is no code"
    if not (error.detail[:1].isupper() or error.detail[:1] == "`") or not error.detail.endswith("."):
        yield f"{error.__name__}: {error.detail!r} is no sentence"
