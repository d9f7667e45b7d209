"""What each function carries: its handler is imported alone, in a fresh process, with what it must not need taken away."""

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from infra.catalog import FUNCTIONS
from tests.house.tree import ROOT

# Told to the process in which a handler is imported: what it may not find, and to write down whom it opens a client for.
_ALONE = """
import json, sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ImportError(f"{name} is not in the layers of this function")

function, blocked = sys.argv[1], set(sys.argv[2].split(","))
sys.meta_path.insert(0, Nothing())
before = set(sys.modules)
import botocore.session
opened = []
create = botocore.session.Session.create_client

def told(self, service, *arguments, **more):
    opened.append(service)
    return create(self, service, *arguments, **more)

botocore.session.Session.create_client = told
import importlib
importlib.import_module(f"functions.{function}.handler")
print(json.dumps({"opened": opened, "loaded": sorted(set(sys.modules) - before)}))
"""

# What every function carries: the SDK below pynamodb, pydantic, Powertools, and what these need.
_EVERYWHERE = frozenset(
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
_TOKENS = frozenset(
    {"_cffi_backend", "_openssl", "cryptography", "jwt"}
)  # whoever knows its callers verifies their tokens
_PASSWORDS = frozenset({"argon2", "_argon2_cffi_bindings"})
CARRIES = {
    "auth": _EVERYWHERE | _TOKENS | _PASSWORDS | {"pyotp"},
    "projects": _EVERYWHERE | _TOKENS,
    "upload": _EVERYWHERE | _TOKENS,
    "files": _EVERYWHERE | _TOKENS,
    "ingest": _EVERYWHERE,
    "imageproc": _EVERYWHERE | {"PIL"},
    "mail": _EVERYWHERE,
    "maintenance": _EVERYWHERE,
}
# segno draws the picture of a seed, which few requests ask for: it is loaded by the one that does.
_HEAVY = ("PIL", "argon2", "segno", "boto3", "moto", "aws_cdk", "infra", "tests")
_BEHIND_HTTP = [function.name for function in FUNCTIONS if function.prefixes]
_WORKERS = [function.name for function in FUNCTIONS if not function.prefixes]


def test_every_function_is_in_the_table() -> None:
    assert set(CARRIES) == {function.name for function in FUNCTIONS}


@pytest.mark.parametrize("function", CARRIES)
def test_a_handler_stands_alone(function: str) -> None:
    loaded = {name.split(".")[0] for name in _alone(function)["loaded"]}

    assert {name for name in loaded if not _of_python(name)} <= CARRIES[function]


@pytest.mark.parametrize("function", CARRIES)
def test_no_client_is_opened_before_it_is_needed(function: str) -> None:
    # The client of the tables is: every request needs it, and opening it belongs to the part of a start that AWS speeds up.
    assert set(_alone(function)["opened"]) <= {"dynamodb"}


@pytest.mark.parametrize("function", _WORKERS)
def test_a_worker_carries_nothing_of_http(function: str) -> None:
    routing = ("holdall.http", "aws_lambda_powertools.event_handler")

    assert [name for name in _alone(function)["loaded"] if name.startswith(routing)] == []


@pytest.mark.parametrize("function", _BEHIND_HTTP)
def test_a_function_carries_no_other(function: str) -> None:
    folders = {name.split(".")[1] for name in _alone(function)["loaded"] if name.startswith("functions.")}

    assert folders == {function}


def test_a_heavy_import_is_seen() -> None:
    with pytest.raises(AssertionError, match="PIL is not in the layers"):
        _import("imageproc", ["PIL"])


@cache
def _alone(function: str) -> dict[str, Any]:
    return _import(function, [name for name in _HEAVY if name not in CARRIES[function]])


def _import(function: str, blocked: list[str]) -> dict[str, Any]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, function, ",".join(blocked)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _of_python(name: str) -> bool:
    return name in sys.stdlib_module_names or name.startswith(("_sysconfigdata", "__"))
