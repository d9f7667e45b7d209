"""A deployment changes a function in steps. Callers meet the release that is live, and no step of the next one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infra.local.e2e_environment import E2EEnvironment
from infra.local.waiting import wait_until
from infra.releases import LIVE, PREVIOUS, Releases
from tests.support.e2e.client import Client


@pytest.fixture
def releases(deployment: E2EEnvironment) -> Releases:
    """Return the releases of `projects` alone."""
    outputs = {name: value for name, value in deployment.outputs.items() if name == "ProjectsFunction"}
    return Releases.of_stack(deployment.cloud.lambda_client(), outputs)


def test_no_request_fails_while_a_release_is_deployed_and_rolled_back(releases: Releases, client: Client) -> None:
    (function,) = releases.functions
    before = releases.live_versions()
    handler = releases.client.get_function_configuration(FunctionName=function)["Handler"]

    with _requests(client) as statuses:
        # Between the two steps of an update, `$LATEST` is code that the layers do not fit.
        releases.client.update_function_configuration(FunctionName=function, Handler="functions.missing.handler")
        _wait_for(statuses, 5)
        releases.client.update_function_configuration(FunctionName=function, Handler=handler, Description="Next")
        version = releases.client.publish_version(FunctionName=function)["Version"]
        releases.client.update_alias(FunctionName=function, Name=LIVE, FunctionVersion=version)
        releases.complete(before)
        _wait_for(statuses, 5)
        assert releases.roll_back() == {function: (version, before[function])}
        _wait_for(statuses, 5)

    assert set(statuses) == {200}
    aliases = releases.client.list_aliases(FunctionName=function)["Aliases"]
    assert {each["Name"]: each["FunctionVersion"] for each in aliases} == {LIVE: before[function], PREVIOUS: version}


@contextmanager
def _requests(client: Client) -> Iterator[list[int]]:
    """Send requests one after the other while a block runs, and yield the list of their statuses."""
    statuses: list[int] = []
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            statuses.append(client.get("/projects").status)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield statuses
    finally:
        done.set()
        thread.join()


def _wait_for(statuses: list[int], count: int) -> None:
    """Wait until this many requests more have ended."""
    until = len(statuses) + count
    wait_until(lambda: len(statuses) >= until, 30, lambda: AssertionError("The requests have stopped."))
