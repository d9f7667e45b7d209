"""What a browser has to load before a page of the console is there, against the budgets of docs/console.md."""

from collections.abc import Iterable
from functools import cache

import pytest

from tests.support import site_weight
from tests.support.site_weight import SiteWeight

_KB = 1000  # bytes
_FILES = "/(app)/projects/[project]/files"
_UPLOAD = "src/lib/features/uploads/engine.ts"
# First loads, with the document and styles.
_PUBLIC_PAGE, _PAGE = 70 * _KB, 140 * _KB
# What comes on top of them.
_NEXT_PAGE, _DIALOG, _FIRST_UPLOAD = 25 * _KB, 10 * _KB, 30 * _KB


@cache
def _site() -> SiteWeight:
    return site_weight.load()


def _heavier_than(limit: int, loads: Iterable[tuple[str, set[str]]]) -> dict[str, int]:
    sizes = {name: _site().weigh(files) for name, files in loads}
    assert sizes
    return {name: size for name, size in sizes.items() if size > limit}


def _is_for_users(route: str) -> bool:
    return route.startswith("/(app)/")


@pytest.mark.parametrize(("page", "limit"), [("/sign-in", _PUBLIC_PAGE), (_FILES, _PAGE)])
def test_first_load_of_this_page_and_those_of_its_kind_is_small(page: str, limit: int) -> None:
    routes = [route for route in _site().routes if _is_for_users(route) == _is_for_users(page)]

    assert page in routes
    assert _heavier_than(limit, ((route, _site().first_load(route)) for route in routes)) == {}


def test_each_page_after_the_files_is_small() -> None:
    files = _site().first_load(_FILES)

    assert _heavier_than(_NEXT_PAGE, ((route, _site().first_load(route) - files) for route in _site().routes)) == {}


def test_dialogs_and_the_first_upload_are_small() -> None:
    later = [entry for route in _site().routes for entry in _site().later_loads(route)]

    assert _heavier_than(_FIRST_UPLOAD, (load for load in later if load[0] == _UPLOAD)) == {}
    assert _heavier_than(_DIALOG, (load for load in later if load[0] != _UPLOAD)) == {}
