"""The modules of the source code, and their syntax trees."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SOURCE_ROOTS = {"holdall": ROOT / "layers" / "core" / "python", "functions": ROOT, "infra": ROOT, "bench": ROOT}


@dataclass(frozen=True)
class Module:
    """A module, by its import path."""

    name: str
    source: str
    path: Path = Path("synthetic.py")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    def location(self, line: int) -> str:
        """Return path and line number for an error message."""
        path = self.path.relative_to(ROOT) if self.path.is_absolute() else self.path
        return f"{path}:{line}"


def load_modules(*packages: str) -> list[Module]:
    """Return all modules of some of the packages holdall, functions, infra and bench."""
    return [
        Module(
            ".".join(path.relative_to(start).with_suffix("").parts).removesuffix(".__init__"), path.read_text(), path
        )
        for package in packages
        for start in [_SOURCE_ROOTS[package]]
        for path in sorted((start / package).rglob("*.py"))
    ]


def iter_functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield all functions, including methods and inner functions."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
