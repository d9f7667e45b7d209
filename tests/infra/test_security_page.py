"""docs/security.md has a row for each requirement, and names only tests that exist."""

import ast
import re

from tests.support.source_tree import ROOT

_PAGE = (ROOT / "docs" / "security.md").read_text()
_TEST_REFERENCE = re.compile(r"`([\w/]+\.py)::([^`]+)`")
_TABLE_ROW = re.compile(r"^\| (\w+) \|(.*)\|(.*)\|(.*)\|$", re.MULTILINE)
_ROW_IDS = [
    *(f"{letter}{number}" for letter, last in {"A": 7, "S": 7, "Z": 6, "P": 6, "U": 9, "C": 5, "I": 4, "E": 3, "X": 2}.items()
      for number in range(1, last + 1)),
    "Faults",
    *(f"R{number}" for number in range(1, 13)),
]  # fmt: skip


def test_every_requirement_has_one_row() -> None:
    assert [row[0] for row in _TABLE_ROW.findall(_PAGE) if row[0] != "row"] == _ROW_IDS


def test_every_named_test_exists() -> None:
    references = _TEST_REFERENCE.findall(_PAGE)

    assert len(references) > 100
    assert [f"{file}::{test}" for file, test in references if test not in _defined_tests(file)] == []


def test_row_without_a_test_says_what_is_missing() -> None:
    assert [
        row[0] for row in _TABLE_ROW.findall(_PAGE) if not _TEST_REFERENCE.search(row[2]) and not row[3].strip()
    ] == []


def _defined_tests(file: str) -> set[str]:
    path = ROOT / "tests" / file
    if not path.is_file():
        return set()
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):  # Hypothesis creates the test of a state machine in this way
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names
