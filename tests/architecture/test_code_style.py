"""The size of files and functions, and the names of modules. Ruff checks the rest."""

import ast
from collections.abc import Iterator

from tests.support.source_tree import Module, iter_functions, load_modules

_MEANINGLESS_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"})
_MAX_FILE_LINES = 300
_MAX_FUNCTION_LINES = 40

_MODULES = load_modules("holdall", "functions", "infra", "bench")


def test_module_names_have_a_meaning() -> None:
    assert [module.name for module in _MODULES if _MEANINGLESS_NAMES & set(module.name.split("."))] == []


def test_files_and_functions_are_short() -> None:
    found = [each for module in _MODULES for each in _find_long_parts(module)]

    assert not found, "\n".join(found)


def test_long_file_and_long_function_are_detected() -> None:
    source = "def long():\n" + "    x = 1\n" * _MAX_FILE_LINES

    assert len(list(_find_long_parts(Module("holdall.synthetic", source)))) == 2


def test_every_module_has_a_docstring() -> None:
    assert [each.location(1) for each in _MODULES if each.source.strip() and not ast.get_docstring(each.tree)] == []


def _find_long_parts(module: Module) -> Iterator[str]:
    lines = len(module.source.splitlines())
    if lines > _MAX_FILE_LINES:
        yield f"{module.location(lines)}: more than {_MAX_FILE_LINES} lines"
    for function in iter_functions(module.tree):
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > _MAX_FUNCTION_LINES:
            yield f"{module.location(function.lineno)}: {function.name} has {lines} lines"
