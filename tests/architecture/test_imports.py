"""Who imports whom: the contracts of import-linter and the banned names in pyproject.toml, and what they cannot express."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

from tests.support.source_tree import ROOT, Module, load_modules

_PYTHON_PATHS = [".", "layers/core/python"]
_PUBLIC_TABLE_NAMES = {"BatchGet", "ErrorFactory", "Pending", "Transaction", "open_client"}
# For each contract an import that breaks it, and the module to add it to.
_VIOLATIONS = {
    "A capability uses only those below it, and nothing in holdall uses http": ("holdall.files.service", "holdall.http.app"),
    "Services use stores, and stores use models": ("holdall.files.store", "holdall.files.service"),
    "The modules of platform use only those below them": ("holdall.platform.ids", "holdall.platform.aws"),
    "Models are pure": ("holdall.files.model", "holdall.files.store"),
    "Stores use nothing but the table": ("holdall.files.store", "holdall.platform.storage"),
    "http uses the services that authorization needs": ("holdall.http.app", "holdall.iam.store.users"),
    "Functions are adapters to services": ("functions.files.files", "holdall.files.store"),
    "Functions do not use each other": ("functions.files.files", "functions.upload.uploads"),
    "infra does not use the code of the functions": ("infra.stack", "holdall.platform.config"),
    "The parts of platform.table are imported from the package": ("holdall.files.store", "holdall.platform.table.records"),
    "pynamodb is for stores": ("holdall.files.service", "pynamodb.models"),
    "The SDK is for platform": ("functions.files.files", "boto3"),
    "Powertools is for the edges": ("holdall.files.service", "aws_lambda_powertools.event_handler"),
    "argon2 is for passwords": ("holdall.iam.service.sessions", "argon2"),
    "jinja2 is for the page of links": ("holdall.shares.visits", "jinja2"),
    "pyotp and segno are for TOTP": ("holdall.files.service", "segno"),
    "jwt is for access tokens and ID tokens": ("holdall.iam.service.sessions", "jwt"),
    "cryptography is for keys and secrets": ("holdall.files.service", "cryptography.fernet"),
    "urllib3 is for OAuth providers, and for errors of the SDK": ("holdall.platform.storage", "urllib3"),
    "email_validator and idna are for email addresses": ("holdall.accounts.model", "idna"),
    "ulid is for IDs": ("holdall.files.model", "ulid"),
    "Pillow and pillow-heif are for imageproc": ("functions.files.files", "PIL.Image"),
}  # fmt: skip


def test_contracts_are_kept() -> None:
    completed = _lint_imports(ROOT)

    assert completed.returncode == 0, completed.stdout


def test_each_contract_is_broken_by_a_wrong_import(tmp_path: Path) -> None:
    for name in ("functions", "infra", "layers/core/python/holdall"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for importer, imported in _VIOLATIONS.values():
        with _find_source(tmp_path, importer).open("a") as file:
            file.write(f"\nimport {imported}\n")

    completed = _lint_imports(tmp_path)

    broken = {line.removesuffix(" BROKEN") for line in completed.stdout.splitlines() if line.endswith(" BROKEN")}
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert broken == set(_VIOLATIONS) == {each["name"] for each in configuration["contracts"]}


def test_store_is_imported_only_by_its_own_capability() -> None:
    graph = grimp.build_graph("holdall", "functions", cache_dir=None)

    assert _foreign_store_imports(graph) == []
    graph.add_import(importer="holdall.files.service", imported="holdall.projects.store.projects")
    assert _foreign_store_imports(graph) == ["holdall.files.service -> holdall.projects.store.projects"]


def test_packages_of_capabilities_are_empty() -> None:
    packages = [module for module in load_modules("holdall") if module.path.name == "__init__.py" and module.source]

    assert {module.name for module in packages} <= {"holdall.http", "holdall.platform.table"}


def test_only_stores_use_records() -> None:
    modules = [module for module in load_modules("holdall") if not re.search(r"\.platform\b|\.store\b", module.name)]

    assert [name for module in modules for name in _record_names(module)] == []


@pytest.mark.parametrize("source", ["from holdall.platform.table import Record", "import holdall.platform.table"])
def test_use_of_records_in_a_service_is_detected(source: str) -> None:
    assert _record_names(Module("holdall.synthetic", source))


def test_banned_names_are_not_used() -> None:
    completed = _run_ruff("layers", "functions")

    assert completed.returncode == 0, completed.stdout


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['STAGE']",
        "from os import getenv\ngetenv('STAGE')",
        "import os\nos.urandom(16)",
        "from datetime import datetime\ndatetime.now()",
        "import datetime as d\nd.date.today()",
        "import time\ntime.time()",
        "import random",
        "import secrets",
        "from uuid import uuid4",
        "import importlib\nimportlib.import_module('functions.auth.handler')",
    ],
)
def test_banned_name_is_detected(source: str) -> None:
    assert "TID251" in _run_ruff("--stdin-filename", "functions/files/synthetic.py", "-", source=source).stdout


def _lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(_PYTHON_PATHS)},
        capture_output=True,
        text=True,
        check=False,
    )


def _find_source(directory: Path, module_name: str) -> Path:
    paths = [directory / each / module_name.replace(".", "/") for each in _PYTHON_PATHS]
    candidates = [*(path.with_suffix(".py") for path in paths), *(path / "__init__.py" for path in paths)]
    return next(path for path in candidates if path.exists())


def _foreign_store_imports(graph: grimp.ImportGraph) -> list[str]:
    stores = graph.find_matching_modules("holdall.*.store") | graph.find_matching_modules("holdall.*.store.*")
    return [
        f"{importer} -> {store}"
        for store in stores
        for importer in graph.find_modules_that_directly_import(store)
        if importer.split(".")[:2] != store.split(".")[:2]
    ]


def _record_names(module: Module) -> set[str]:
    """Return what a module imports of the table, except for the names that are for every layer."""
    imports = [node for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom | ast.Import)]
    names = {
        alias.name
        for node in imports
        for alias in node.names
        if "holdall.platform.table" in (getattr(node, "module", ""), alias.name)
    }
    return names - _PUBLIC_TABLE_NAMES


def _run_ruff(*arguments: str, source: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", *arguments]
    return subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True, check=False)
