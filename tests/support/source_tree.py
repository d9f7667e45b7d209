"""The code as a tree: which modules there are, what each imports, and by which full names it calls things."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SOURCE_ROOTS = {"holdall": ROOT / "layers" / "core" / "python", "functions": ROOT, "infra": ROOT, "bench": ROOT}


@dataclass(frozen=True)
class Import:
    """One arrow: to a module of ours, or to a package of others. `name` is what is taken out of it, if one thing is."""

    module: str
    name: str
    line: int


@dataclass(frozen=True)
class Module:
    """One file of code under its import path. `known` are the modules of ours, to tell a module from a name in one."""

    name: str
    source: str
    known_modules: frozenset[str]
    path: Path = Path("synthetic.py")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """All arrows, those inside of functions and those by `importlib` with a written name included."""
        return tuple(self._iter_imports())

    @cached_property
    def used_names(self) -> tuple[tuple[str, int], ...]:
        """The full name of each imported thing that is used, as `os.environ`, and its line."""
        names: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names |= {alias.asname or alias.name: alias.name for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return tuple(
            (".".join([names[parts[0]], *parts[1:]]), node.lineno)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Attribute | ast.Name) and (parts := _dotted_name(node)) and parts[0] in names
        )

    def location(self, line: int) -> str:
        """Where a reader finds it."""
        path = self.path.relative_to(ROOT) if self.path.is_absolute() else self.path
        return f"{path}:{line}"

    def _iter_imports(self) -> Iterator[Import]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (Import(alias.name, "", node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{self.location(node.lineno)}: an import says the whole path"
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    is_module = whole in self.known_modules
                    yield Import(whole if is_module else str(node.module), "" if is_module else alias.name, node.lineno)
            elif isinstance(node, ast.Call) and _dotted_name(node.func)[-1:] in (["import_module"], ["__import__"]):
                yield Import(_literal_prefix(node.args[0]), "", node.lineno)


def load_modules(*packages: str) -> list[Module]:
    """Every module of these packages: holdall, functions, infra, bench."""
    known = frozenset(name for package in _SOURCE_ROOTS for name in _module_paths(package))
    return [
        Module(name, path.read_text(), known, path)
        for package in packages
        for name, path in _module_paths(package).items()
    ]


def iter_functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function, methods and inner ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _module_paths(package: str) -> dict[str, Path]:
    start = _SOURCE_ROOTS[package]
    return {
        ".".join(path.relative_to(start).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((start / package).rglob("*.py"))
    }


def _dotted_name(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (before := _dotted_name(node.value)):
        return [*before, node.attr]
    return []


def _literal_prefix(node: ast.AST) -> str:
    """A name that is written, whole, or as far as it is."""
    if isinstance(node, ast.JoinedStr):
        return _literal_prefix(node.values[0])
    return str(node.value).rstrip(".") if isinstance(node, ast.Constant) else ""
