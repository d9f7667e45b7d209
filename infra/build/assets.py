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


def build(root: Path, machine: layers.Machine) -> Assets:
    """Build everything below `build/`. Quick when the pinned requirements are unchanged. Raises layers.BuildFailed."""
    return Assets(
        layers={"core": root / "layers" / "core", **layers.build(root, machine)},
        functions={function.name: _function(root, function) for function in FUNCTIONS},
        publisher=_publisher(root),
    )


def _function(root: Path, function: Function) -> Path:
    """One function's code in the shape that it has in the tree, so that a module has one import path everywhere."""
    source = root / "functions" / function.name
    folder = _emptied(root / "build" / "functions" / function.name)
    shutil.copytree(source, folder / "functions" / function.name, ignore=shutil.ignore_patterns("__pycache__"))
    package = root / "functions" / "__init__.py"
    if package.is_file():
        shutil.copy(package, folder / "functions")
    if function.documents:
        (folder / "docs").mkdir()
        shutil.copy(root / "docs" / "openapi.json", folder / "docs")
    return folder


def _publisher(root: Path) -> Path:
    """The code of the console's publisher, which carries the site with it."""
    folder = _emptied(root / "build" / "publisher")
    shutil.copy(root / "infra" / "constructs" / "publish.py", folder)
    shutil.copytree(root / "web", folder / "site")
    return folder


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
