"""The folders that become assets of the stack."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.build import layers
from infra.catalog import FUNCTIONS, Function


@dataclass(frozen=True)
class Assets:
    """Where the code of everything deployed lies. A test may hand in folders of its own, so that synth builds nothing."""

    layers: Mapping[str, Path]
    functions: Mapping[str, Path]
    publisher: Path


def build(root: Path, machine: layers.Machine, into: Path) -> Assets:
    """Lay our own code out below `into`, and fetch layers whose pins have changed. Raises layers.BuildFailed."""
    return Assets(
        layers={"core": root / "layers" / "core", **layers.build(root, machine)},
        functions={function.name: _function(root, into, function) for function in FUNCTIONS},
        publisher=_publisher(root, into),
    )


def _function(root: Path, into: Path, function: Function) -> Path:
    """One function's code in the shape that it has in the tree, so that a module has one import path everywhere.

    Raises layers.BuildFailed when a part of it is missing.
    """
    source = root / "functions" / function.name
    folder = into / function.name
    shutil.copytree(source, folder / "functions" / function.name, ignore=shutil.ignore_patterns("__pycache__"))
    package = root / "functions" / "__init__.py"
    if package.is_file():
        shutil.copy(package, folder / "functions")
    if function.documents:
        (folder / "docs").mkdir()
        document = root / "docs" / "openapi.json"
        if not document.is_file():
            raise layers.BuildFailed(f"There is no {document}. Write it: make openapi")
        shutil.copy(document, folder / "docs")
    return folder


def _publisher(root: Path, into: Path) -> Path:
    """The code of the console's publisher, which carries the site with it."""
    folder = into / "publisher"
    folder.mkdir()
    shutil.copy(root / "infra" / "constructs" / "publish.py", folder)
    shutil.copytree(root / "web", folder / "site")
    return folder
