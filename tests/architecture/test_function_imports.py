"""The packages that each function imports. The handler is imported in a process that lacks the packages it must not need."""

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from infra.catalog import FUNCTIONS
from tests.support.source_tree import ROOT

# Imports the handler of a function (argument 1) without some packages (argument 2), and prints the clients that it created
# and the modules that it loaded.
_IMPORT_SCRIPT = """
import gc, json, sys

class BlockedImports:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ImportError(f"{name} is not in the layers of this function")

function, blocked = sys.argv[1], set(sys.argv[2].split(","))
sys.meta_path.insert(0, BlockedImports())
before = set(sys.modules)
import botocore.session
created = []
create = botocore.session.Session.create_client

def record_client(self, service, *args, **kwargs):
    created.append(service)
    return create(self, service, *args, **kwargs)

botocore.session.Session.create_client = record_client
import importlib
importlib.import_module(f"functions.{function}.handler")
collects_garbage = gc.isenabled() and gc.get_freeze_count() > 0
print(json.dumps({"created": created, "loaded": sorted(set(sys.modules) - before), "collects_garbage": collects_garbage}))
"""

# Of every function: the SDK below pynamodb, pydantic, Powertools, and their dependencies.
_COMMON_PACKAGES = frozenset(
    {
        "annotated_types",
        "aws_lambda_powertools",
        "botocore",
        "certifi",  # on a development machine only, where requests depends on it and botocore uses it if it is there
        "dateutil",
        "functions",
        "holdall",
        "idna",
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
# Functions with routes verify access tokens.
_TOKEN_PACKAGES = frozenset({"_cffi_backend", "_openssl", "cryptography", "jwt"})
_PASSWORD_PACKAGES = frozenset({"argon2", "_argon2_cffi_bindings"})
ALLOWED_PACKAGES = {
    "auth": _COMMON_PACKAGES | _TOKEN_PACKAGES | _PASSWORD_PACKAGES | {"pyotp"},
    "projects": _COMMON_PACKAGES | _TOKEN_PACKAGES,
    "upload": _COMMON_PACKAGES | _TOKEN_PACKAGES,
    "shares": _COMMON_PACKAGES | _TOKEN_PACKAGES | {"jinja2", "markupsafe"},
    "files": _COMMON_PACKAGES | _TOKEN_PACKAGES,
    "ingest": _COMMON_PACKAGES,
    "imageproc": _COMMON_PACKAGES | {"PIL"},
    "mail": _COMMON_PACKAGES,
    "maintenance": _COMMON_PACKAGES,
}
# segno renders the QR code of a TOTP seed. The few requests that need it import it.
_HEAVY_PACKAGES = ("PIL", "argon2", "segno", "boto3", "moto", "aws_cdk", "infra", "tests")
_HTTP_FUNCTIONS = [function.name for function in FUNCTIONS if function.path_prefixes]
_WORKER_FUNCTIONS = [function.name for function in FUNCTIONS if not function.path_prefixes]


def test_table_has_every_function() -> None:
    assert set(ALLOWED_PACKAGES) == {function.name for function in FUNCTIONS}


@pytest.mark.parametrize("function", ALLOWED_PACKAGES)
def test_handler_imports_only_its_packages(function: str) -> None:
    loaded = {name.split(".")[0] for name in _import_in_isolation(function)["loaded"]}

    assert {name for name in loaded if not _is_stdlib(name)} <= ALLOWED_PACKAGES[function]


@pytest.mark.parametrize("function", ALLOWED_PACKAGES)
def test_client_is_created_only_when_it_is_needed(function: str) -> None:
    # Every request needs the client of DynamoDB, and Lambda gives the initialization more CPU than small functions have.
    assert set(_import_in_isolation(function)["created"]) <= {"dynamodb"}


@pytest.mark.parametrize("function", _HTTP_FUNCTIONS)
def test_request_waits_for_no_module_of_another_purpose(function: str) -> None:
    # The batches of workers, and the X.509 certificates that PyJWT knows too: each would take several percent of a cold start.
    unused = ("holdall.platform.message_batches", "aws_lambda_powertools.utilities.parser", "cryptography.x509.base")

    assert [name for name in _import_in_isolation(function)["loaded"] if name.startswith(unused)] == []


@pytest.mark.parametrize("function", ALLOWED_PACKAGES)
def test_garbage_collection_resumes_after_the_imports(function: str) -> None:
    assert _import_in_isolation(function)["collects_garbage"]


@pytest.mark.parametrize("function", _WORKER_FUNCTIONS)
def test_worker_imports_no_http_code(function: str) -> None:
    routing = ("holdall.http", "aws_lambda_powertools.event_handler")

    assert [name for name in _import_in_isolation(function)["loaded"] if name.startswith(routing)] == []


@pytest.mark.parametrize("function", _HTTP_FUNCTIONS)
def test_function_imports_no_other_function(function: str) -> None:
    folders = {name.split(".")[1] for name in _import_in_isolation(function)["loaded"] if name.startswith("functions.")}

    assert folders == {function}


def test_heavy_import_is_detected() -> None:
    with pytest.raises(AssertionError, match="PIL is not in the layers"):
        _run_import_script("imageproc", ["PIL"])


@cache
def _import_in_isolation(function: str) -> dict[str, Any]:
    return _run_import_script(function, [name for name in _HEAVY_PACKAGES if name not in ALLOWED_PACKAGES[function]])


def _run_import_script(function: str, blocked: list[str]) -> dict[str, Any]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    completed = subprocess.run(
        [sys.executable, "-c", _IMPORT_SCRIPT, function, ",".join(blocked)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    result: dict[str, Any] = json.loads(completed.stdout)
    return result


def _is_stdlib(name: str) -> bool:
    return name in sys.stdlib_module_names or name.startswith(("_sysconfigdata", "__"))
