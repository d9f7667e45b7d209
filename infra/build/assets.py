"""The folders that become assets of the stack."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.build import layers, packaging, site
from infra.catalog import FUNCTIONS, Function


@dataclass(frozen=True)
class Assets:
    """The code of the layers, the functions and the publisher. Tests pass empty folders, so that synth builds nothing."""

    layers: Mapping[str, Path]
    functions: Mapping[str, Path]
    publisher: Path


def build(root: Path, layer_platform: packaging.Platform, output_dir: Path) -> Assets:
    """Copy our own code below `output_dir`, compiled, and build the other layers. Raises BuildFailed.

    Without an interpreter of Lambda's version, code for Lambda is not compiled. `make deploy` asks for one.
    """
    python = packaging.find_python(layer_platform)
    core = _copy_code(root / "layers" / "core", output_dir / "core")
    functions = {function.name: _copy_function(root, output_dir, function) for function in FUNCTIONS}
    publisher = _copy_publisher(root, output_dir)
    packaging.finish_package(core / "python", "/opt/python", python)
    for folder in (*functions.values(), publisher):
        packaging.finish_package(folder, "/var/task", python)
    return Assets({"core": core, **layers.build(root, layer_platform)}, functions, publisher)


def _copy_function(root: Path, output_dir: Path, function: Function) -> Path:
    """Copy the code of a function with the same paths as in the repository, because a module has one import path everywhere."""
    source = root / "functions" / function.name
    folder = output_dir / function.name
    _copy_code(source, folder / "functions" / function.name)
    package = root / "functions" / "__init__.py"
    if package.is_file():
        shutil.copy(package, folder / "functions")
    if function.bundles_openapi:
        (folder / "docs").mkdir()
        document = root / "docs" / "openapi.json"
        if not document.is_file():
            raise packaging.BuildFailed(f"{document} does not exist. Write it: make openapi")
        shutil.copy(document, folder / "docs")
    return folder


def _copy_code(source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _copy_publisher(root: Path, output_dir: Path) -> Path:
    """Copy the code of the console's publisher, and the site."""
    folder = output_dir / "publisher"
    folder.mkdir()
    shutil.copy(root / "infra" / "constructs" / "console_publisher.py", folder)
    shutil.copytree(site.build(root).folder, folder / "site")
    return folder
