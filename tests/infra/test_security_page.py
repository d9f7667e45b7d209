"""docs/security.md names tests that are there, and a row for each of the quality bar."""

import ast
import re

from tests.infra.conftest import ROOT

_PAGE = (ROOT / "docs" / "security.md").read_text()
_TEST_REFERENCE = re.compile(r"`([\w/]+\.py)::([^`]+)`")
_TABLE_ROW = re.compile(r"^\| (\w+) \|(.*)\|(.*)\|(.*)\|$", re.MULTILINE)
_ROW_IDS = [
    *(f"{letter}{number}" for letter, last in {"A": 7, "S": 7, "Z": 6, "P": 6, "U": 7, "I": 4, "E": 3, "X": 2}.items()
      for number in range(1, last + 1)),
    "Faults",
]  # fmt: skip


def test_each_row_of_the_bar_stands_on_the_page_once() -> None:
    assert [row[0] for row in _TABLE_ROW.findall(_PAGE) if row[0] != "row"] == _ROW_IDS


def test_every_test_that_the_page_names_is_there() -> None:
    named = _TEST_REFERENCE.findall(_PAGE)

    assert len(named) > 100
    assert [f"{file}::{test}" for file, test in named if test not in _defined_tests(file)] == []


def test_a_row_without_a_test_says_what_is_missing() -> None:
    assert [
        row[0] for row in _TABLE_ROW.findall(_PAGE) if not _TEST_REFERENCE.search(row[2]) and not row[3].strip()
    ] == []


def _defined_tests(file: str) -> set[str]:
    path = ROOT / "tests" / file
    if not path.is_file():
        return set()
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):  # as Hypothesis makes a test of a state machine
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found
