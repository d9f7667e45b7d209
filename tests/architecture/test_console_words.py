"""The console has words for what the API tells by codes."""

import ast
import re
from collections.abc import Iterator

from holdall.tasks.model import TASKS
from tests.support.source_tree import ROOT

_ADMIN = ROOT / "web" / "src" / "lib" / "features" / "admin"
_ACTION = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_LOGGING = {"log", "deny", "check_can_grant", "_get_manageable_user", "_check_grantable", "audit_superuser_list"}


def _actions(tree: ast.AST) -> Iterator[str]:
    """Yield the actions that code logs: as an argument of what logs, or as a value named `action`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            values = [each.value for each in node.keywords if each.arg == "action"]
            yield from _strings([*values, *(node.args if name in _LOGGING else [])])
        elif isinstance(node, ast.Assign) and "action" in _names(node.targets):
            yield from _strings([node.value])
        elif isinstance(node, ast.FunctionDef):
            pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from _strings([default for argument, default in pairs if default and argument.arg == "action"])


def _names(targets: list[ast.expr]) -> set[str]:
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _strings(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.IfExp):
            yield from _strings([node.body, node.orelse])
        elif isinstance(node, ast.Tuple):
            yield from _strings(node.elts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _ACTION.fullmatch(node.value):
            yield node.value


def _keys(file: str) -> set[str]:
    """Return the keys of the tables of a file: quoted, or words of small letters."""
    text = (_ADMIN / file).read_text()
    return set(re.findall(r"^ +'?([a-z][a-zA-Z_.-]*)'?: '", text, re.MULTILINE))


def test_every_action_of_the_audit_log_has_words_and_no_other() -> None:
    logged = {
        action
        for path in (ROOT / "layers" / "core" / "python" / "holdall").rglob("*.py")
        for action in _actions(ast.parse(path.read_text()))
    }
    assert _keys("actions.ts") == logged


def test_every_task_has_a_title() -> None:
    assert set(TASKS) <= _keys("tasks.ts")
