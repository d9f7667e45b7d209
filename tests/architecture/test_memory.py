"""Errors keep nothing of a request: neither its headers, nor its body, nor the frames that hold them."""

import gc
import json
import logging
import os
import subprocess
import sys
import tracemalloc
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from holdall.http.app import HttpApp, Router
from holdall.http.auth import public
from holdall.platform.errors import Conflict, NotFound, ValidationFailed
from tests.support import users
from tests.support.client import Client, build_http_api_event, find_handler
from tests.support.source_tree import ROOT

_BODY = json.dumps({"name": "x", "description": "x" * 200_000})
_WARM_UP, _REQUESTS = 20, 1000
_FIND_INSTANCES = """
import gc, importlib, pkgutil, sys
from holdall.platform.errors import HoldallError
exec(sys.argv[1])
for root in ("holdall", "functions"):
    for module in pkgutil.walk_packages(importlib.import_module(root).__path__, f"{root}."):
        importlib.import_module(module.name)
gc.unfreeze()  # what the handlers froze
print([repr(each) for each in gc.get_objects() if isinstance(each, HoldallError)])
"""


class _Text(str):
    """A string that a weak reference can refer to."""

    __slots__ = ("__weakref__",)


def test_no_error_is_made_at_import() -> None:
    assert _find_errors_after_import() == "[]"


@pytest.mark.parametrize(
    "source",
    [
        "from holdall.platform.errors import Conflict; _CHANGED = Conflict()",
        "from holdall.platform.errors import Conflict\ndef find(error=Conflict()): pass",
        "from holdall.platform.errors import Conflict\nclass Store: errors = {'changed': Conflict()}",
    ],
)
def test_error_that_is_made_at_import_is_detected(source: str) -> None:
    assert "Conflict" in _find_errors_after_import(source)


@pytest.mark.parametrize(
    ("status", "method", "path"),
    [
        (409, "DELETE", "/projects/{personal}"),
        (404, "PATCH", "/projects/000000000000"),
        (422, "POST", "/projects"),
    ],
)
def test_failed_request_of_a_user_is_not_kept(client: Client, status: int, method: str, path: str) -> None:
    url = f"/api/v1{path.format(personal=users.personal_project_id(client))}"
    request = _FailingRequest(find_handler(url), status, method, url, str(client.access_token))
    for _ in range(50):
        request.send()

    assert request.count_kept() <= 1  # Powertools keeps the last event


@pytest.mark.parametrize(("status", "error"), [(409, Conflict), (404, NotFound), (422, ValidationFailed)])
def test_thousand_failed_requests_leave_no_growth(status: int, error: type[Exception]) -> None:
    def fail() -> None:
        raise error

    growth, kept = _measure(status, fail)

    assert kept <= 1
    assert growth < 2 * len(_BODY)  # the list of the weak references


def test_shared_error_is_detected() -> None:
    """Python appends to `__traceback__` on every raise, so an error that is raised again keeps all the frames."""
    shared = Conflict()

    def fail() -> None:
        raise shared

    growth, kept = _measure(409, fail)

    assert kept > _REQUESTS
    assert growth > _REQUESTS * len(_BODY)


class _FailingRequest:
    """A request with the same large body each time."""

    def __init__(self, handler: Any, status: int, method: str, path: str, token: str) -> None:
        self._handler, self._status = handler, status
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "user-agent": "tests"}
        self._event = build_http_api_event(method, path, headers, _BODY.encode())
        self._references: list[weakref.ref[_Text]] = []

    def send(self) -> None:
        authorization, body = _Text(self._event["headers"]["authorization"]), _Text(_BODY)
        event = {**self._event, "headers": {**self._event["headers"], "authorization": authorization}, "body": body}
        self._references += weakref.ref(authorization), weakref.ref(body)
        response = self._handler(event, SimpleNamespace(aws_request_id="aws", function_name="test"))
        assert response["statusCode"] == self._status, response

    def count_kept(self) -> int:
        """Return the number of requests whose texts are still in memory."""
        gc.collect()
        return sum(reference() is not None for reference in self._references) // 2


def _measure(status: int, fail: Callable[[], None]) -> tuple[int, int]:
    """Return the bytes that a thousand failing requests leave in memory, and the number of requests."""
    router = Router()

    @router.post("/fail", guard=public(), summary="Fail")
    def fail_route(body: dict[str, str]) -> None:
        fail()

    request = _FailingRequest(HttpApp("tests", router), status, "POST", "/api/v1/fail", "token")
    logging.disable()  # pytest keeps what is logged
    tracemalloc.start()
    try:
        for _ in range(_WARM_UP):
            request.send()
        request.count_kept()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(_REQUESTS):
            request.send()
        kept = request.count_kept()
        return tracemalloc.get_traced_memory()[0] - before, kept
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)


def _find_errors_after_import(source: str = "") -> str:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    completed = subprocess.run(
        [sys.executable, "-c", _FIND_INSTANCES, source],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    return completed.stdout.strip()
