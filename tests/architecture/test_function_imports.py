"""What each function carries: its handler is imported alone, in a fresh process, with what it must not need taken away."""

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from infra.catalog import FUNCTIONS
from tests.support.source_tree import ROOT

# Told to the process in which a handler is imported: what it may not find, and to write down whom it opens a client for.
_IMPORT_SCRIPT = """
import json, sys

class BlockedImports:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ImportError(f"{name} is not in the layers of this function")

function, blocked = sys.argv[1], set(sys.argv[2].split(","))
sys.meta_path.insert(0, BlockedImports())
before = set(sys.modules)
import botocore.session
opened = []
create = botocore.session.Session.create_client

def record_client(self, service, *args, **kwargs):
    opened.append(service)
    return create(self, service, *args, **kwargs)

botocore.session.Session.create_client = record_client
import importlib
importlib.import_module(f"functions.{function}.handler")
print(json.dumps({"opened": opened, "loaded": sorted(set(sys.modules) - before)}))
"""

# What every function carries: the SDK below pynamodb, pydantic, Powertools, and what these need.
_COMMON_PACKAGES = frozenset(
    {
        "annotated_types",
        "aws_lambda_powertools",
        "botocore",
        "certifi",  # at the desk only, where requests brings it and botocore then takes it
        "dateutil",
        "functions",
        "holdall",
        "jmespath",
        "pydantic",
        "pydantic_core",
        "pynamodb",
        "six",
        "typing_extensions",
        "typing_inspection",
        "ulid",
        "urllib3",
    }
)
_TOKEN_PACKAGES = frozenset(
    {"_cffi_backend", "_openssl", "cryptography", "jwt"}
)  # whoever knows its callers verifies their tokens
_PASSWORD_PACKAGES = frozenset({"argon2", "_argon2_cffi_bindings"})
ALLOWED_PACKAGES = {
    "auth": _COMMON_PACKAGES | _TOKEN_PACKAGES | _PASSWORD_PACKAGES | {"pyotp"},
    "projects": _COMMON_PACKAGES | _TOKEN_PACKAGES,
    "upload": _COMMON_PACKAGES | _TOKEN_PACKAGES,
    "files": _COMMON_PACKAGES | _TOKEN_PACKAGES,
    "ingest": _COMMON_PACKAGES,
    "imageproc": _COMMON_PACKAGES | {"PIL"},
    "mail": _COMMON_PACKAGES,
    "maintenance": _COMMON_PACKAGES,
}
# segno draws the picture of a seed, which few requests ask for: it is loaded by the one that does.
_HEAVY_PACKAGES = ("PIL", "argon2", "segno", "boto3", "moto", "aws_cdk", "infra", "tests")
_HTTP_FUNCTIONS = [function.name for function in FUNCTIONS if function.path_prefixes]
_WORKER_FUNCTIONS = [function.name for function in FUNCTIONS if not function.path_prefixes]


def test_every_function_is_in_the_table() -> None:
    assert set(ALLOWED_PACKAGES) == {function.name for function in FUNCTIONS}


@pytest.mark.parametrize("function", ALLOWED_PACKAGES)
def test_a_handler_stands_alone(function: str) -> None:
    loaded = {name.split(".")[0] for name in _import_in_isolation(function)["loaded"]}

    assert {name for name in loaded if not _is_stdlib(name)} <= ALLOWED_PACKAGES[function]


@pytest.mark.parametrize("function", ALLOWED_PACKAGES)
def test_no_client_is_opened_before_it_is_needed(function: str) -> None:
    # The client of the tables is: every request needs it, and opening it belongs to the part of a start that AWS speeds up.
    assert set(_import_in_isolation(function)["opened"]) <= {"dynamodb"}


@pytest.mark.parametrize("function", _WORKER_FUNCTIONS)
def test_a_worker_carries_nothing_of_http(function: str) -> None:
    routing = ("holdall.http", "aws_lambda_powertools.event_handler")

    assert [name for name in _import_in_isolation(function)["loaded"] if name.startswith(routing)] == []


@pytest.mark.parametrize("function", _HTTP_FUNCTIONS)
def test_a_function_carries_no_other(function: str) -> None:
    folders = {name.split(".")[1] for name in _import_in_isolation(function)["loaded"] if name.startswith("functions.")}

    assert folders == {function}


def test_a_heavy_import_is_seen() -> None:
    with pytest.raises(AssertionError, match="PIL is not in the layers"):
        _run_import_script("imageproc", ["PIL"])


@cache
def _import_in_isolation(function: str) -> dict[str, Any]:
    return _run_import_script(function, [name for name in _HEAVY_PACKAGES if name not in ALLOWED_PACKAGES[function]])


def _run_import_script(function: str, blocked: list[str]) -> dict[str, Any]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_SCRIPT, function, ",".join(blocked)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _is_stdlib(name: str) -> bool:
    return name in sys.stdlib_module_names or name.startswith(("_sysconfigdata", "__"))
