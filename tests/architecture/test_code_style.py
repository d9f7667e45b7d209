"""How the code is written: names that say something, files and functions that fit a screen or few, a sentence on each thing."""

import ast
from collections.abc import Iterator

import pytest

from tests.support.source_tree import Module, iter_functions, load_modules

_MEANINGLESS_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"})
_MAX_FILE_LINES = 300  # lines
_MAX_FUNCTION_LINES = 40  # lines, from `def` on
# What may be longer, each with its reason. None is.
_LENGTH_EXCEPTIONS: dict[str, str] = {}
# Records say what they are by their discriminator, and every one of them stands in the table of `test_records`.
_RECORD_BASES = frozenset({"Record", "CredentialRecord", "AuditRecord", "EphemeralRecord"})

_MODULES = load_modules("holdall", "functions", "infra", "bench")


def test_no_module_is_called_by_a_word_that_says_nothing() -> None:
    assert [module.name for module in _MODULES if _MEANINGLESS_NAMES & set(module.name.split("."))] == []


def test_files_stay_short() -> None:
    found = [each for module in _MODULES for each in _long_files(module)]

    assert not found, "\n".join(found)


def test_functions_stay_short() -> None:
    found = [each for module in _MODULES for each in _long_functions(module)]

    assert not found, "\n".join(found)


def test_every_file_says_what_it_is() -> None:
    silent = [module.location(1) for module in _MODULES if module.source.strip() and not ast.get_docstring(module.tree)]

    assert silent == []


def test_what_holdall_offers_is_told_in_a_sentence() -> None:
    offered = [module for module in _MODULES if module.name.startswith("holdall")]
    found = [each for module in offered for each in _undocumented(module)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "def offered():\n    return 1",
        "class Offered:\n    pass",
        'class Offered:\n    """A thing."""\n\n    def more(self):\n        return 1',
        'def offered():\n    """no sentence"""',
    ],
)
def test_a_thing_without_its_sentence_is_found(source: str) -> None:
    assert list(_undocumented(Module("holdall.synthetic", source)))


def test_a_long_file_and_a_long_function_are_found() -> None:
    source = "def long():\n" + "    x = 1\n" * _MAX_FILE_LINES
    module = Module("holdall.synthetic", source)

    assert list(_long_files(module))
    assert list(_long_functions(module))


def _long_files(module: Module) -> Iterator[str]:
    lines = len(module.source.splitlines())
    if lines > _MAX_FILE_LINES and module.name not in _LENGTH_EXCEPTIONS:
        yield f"{module.location(lines)}: more than {_MAX_FILE_LINES} lines"


def _long_functions(module: Module) -> Iterator[str]:
    for function in iter_functions(module.tree):
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > _MAX_FUNCTION_LINES and f"{module.name}.{function.name}" not in _LENGTH_EXCEPTIONS:
            yield f"{module.location(function.lineno)}: {function.name} has {lines} lines"


def _undocumented(module: Module) -> Iterator[str]:
    for node in _public_definitions(module.tree):
        told = ast.get_docstring(node) or ""
        if not (told[:1].isupper() or told[:1] == "`") or not told.split("\n\n")[0].rstrip().endswith((".", "?", ":")):
            yield f"{module.location(node.lineno)}: {node.name} is not told in a sentence"


def _public_definitions(tree: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Public functions and classes, and the public methods of these; a class inside of a class is Python's own custom."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef) and _RECORD_BASES & {
                base.id for base in node.bases if isinstance(base, ast.Name)
            }:
                continue
            if not (isinstance(tree, ast.ClassDef) and isinstance(node, ast.ClassDef)):
                yield node
            if isinstance(node, ast.ClassDef):
                yield from _public_definitions(node)
