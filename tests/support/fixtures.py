"""Fixtures of the suites that call handlers in this process. Their conftests import all names of this module."""

import io
import logging
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from moto import mock_aws

from holdall.platform import observability
from tests.support import process, users
from tests.support.admins import AdminFactory
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.log import CapturedLog
from tests.support.projects import create_shared_project
from tests.support.world import World


@cache
def start_aws() -> tuple[FakeAws, World]:
    # Once for each process: the conftests of several suites define these fixtures, and one worker runs tests of all.
    mock_aws().start()
    return FakeAws.create(), World()


@pytest.fixture(scope="session")
def fake_aws() -> FakeAws:
    """AWS in this process, by moto."""
    return start_aws()[0]


@pytest.fixture(scope="session")
def worker_world(fake_aws: FakeAws) -> World:
    return start_aws()[1]


@pytest.fixture
def world(worker_world: World) -> World:
    """Return the world of this worker, empty."""
    worker_world.reset()
    return worker_world


@pytest.fixture
def anonymous() -> Client:
    """Return a client without credentials."""
    return Client()


@pytest.fixture
def client(world: World) -> Client:
    """Return a client that is signed in."""
    return world.step("client", users.create_client)


@pytest.fixture
def stranger(world: World) -> Client:
    """Return another client that is signed in."""
    return world.step("stranger", users.create_client)


@pytest.fixture
def superuser(world: World) -> Client:
    """Return a client that has all permissions."""
    return world.step("superuser", users.create_superuser)


@pytest.fixture
def admins(superuser: Client) -> AdminFactory:
    """Return a factory of users with roles."""
    return AdminFactory(superuser)


@pytest.fixture
def shared_project(world: World, client: Client) -> str:
    """Return the ID of a private project that the client owns."""
    return world.step("shared_project", lambda: create_shared_project(client))


@pytest.fixture
def project(world: World, client: Client) -> dict[str, Any]:
    """Return a public project of the client, with one small variant."""
    variants = [{"name": "thumb", "width": 20, "height": 20, "fit": "cover"}]
    body = {"name": "Holiday", "settings": {"visibility": "public", "variants": variants}}
    return world.step("project", lambda: dict(client.post("/projects", body).created()))


@pytest.fixture
def photo_id(world: World, fake_aws: FakeAws, client: Client, project: dict[str, Any]) -> str:
    """Return the ID of a rendered photo in the public project."""

    def create() -> str:
        (file_id,) = fake_aws.upload_photos(client, project, 1)
        return file_id

    return world.step("photo", create)


@pytest.fixture
def frozen_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    """Freeze the clock. Clients stay signed in."""
    return FrozenClock(monkeypatch, world.started_at())


OverrideSettings = Callable[..., None]


@pytest.fixture
def override_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[OverrideSettings]:
    """Return a function that changes settings by their variables, as in `override_settings(SIGN_UP="closed")`."""

    def override(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        process.clear_settings()

    yield override
    monkeypatch.undo()
    process.clear_settings()


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[CapturedLog]:
    """Capture what is logged from now on, in the form that Lambda writes, with the lines of the root logger."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(observability.logger.registered_formatter)
    loggers = [logging.getLogger("test"), logging.getLogger()]
    for each in loggers:
        each.addHandler(handler)
    logging.getLogger("test").propagate, before = False, logging.getLogger("test").propagate
    yield CapturedLog(stream, capsys)
    logging.getLogger("test").propagate = before
    for each in loggers:
        each.removeHandler(handler)
