"""AWS in this process, by moto: one for the session. Each test makes users and projects of its own."""

import io
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from holdall import clock, observe
from holdall.accounts.service import providers
from holdall.config import settings
from holdall.limits import service as limits
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.log import Log
from tests.api.members import shared
from tests.api.staff import Staff


@pytest.fixture(scope="session", autouse=True)
def cloud() -> Iterator[Cloud]:
    """Tables, buckets and queues, empty."""
    with mock_aws():
        yield Cloud.build()


@pytest.fixture(autouse=True)
def _nothing_is_left(cloud: Cloud) -> None:
    cloud.forget()


@pytest.fixture
def visitor() -> Client:
    """Somebody whom nobody knows."""
    return Client()


@pytest.fixture
def client() -> Client:
    """Somebody with an account."""
    return people.signed_in()


@pytest.fixture
def stranger() -> Client:
    """Somebody else with an account."""
    return people.signed_in()


@pytest.fixture
def room(client: Client) -> str:
    """A project that the client owns."""
    return shared(client)


@pytest.fixture
def root() -> Client:
    """Somebody who may everything."""
    return people.superuser()


@pytest.fixture
def staff(root: Client) -> Staff:
    """Whom they appoint."""
    return Staff(root)


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    """A project of the client, public, with one small variant."""
    variants = [{"name": "thumb", "width": 20, "height": 20, "fit": "cover"}]
    said = {"name": "Holiday", "settings": {"visibility": "public", "variants": variants}}
    made: dict[str, Any] = client.post("/projects", said).created()
    return made


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._now = datetime.now(UTC)
        patch.setattr(clock, "now", lambda: self._now)

    def forward(self, **time: float) -> None:
        """Let time pass, in the words of timedelta."""
        self._now += timedelta(**time)


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time stands still. Whoever is signed in before is so after."""
    return Clock(monkeypatch)


Installed = Callable[..., None]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """Change what the deployment decides, as in `installed(SIGN_UP="closed")`."""

    def change(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        _read_again()

    yield change
    monkeypatch.undo()
    _read_again()


def _read_again() -> None:
    """As in a process that begins: what was made of the settings is made anew."""
    settings.cache_clear()
    limits._limits.cache_clear()
    providers._provider.cache_clear()


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[Log]:
    """What is written from now on, in the form in which Lambda writes it; the root logger's lines too."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(observe.logger.registered_formatter)
    loggers = [logging.getLogger("test"), logging.getLogger()]
    for each in loggers:
        each.addHandler(handler)
    logging.getLogger("test").propagate, before = False, logging.getLogger("test").propagate
    yield Log(stream, capsys)
    logging.getLogger("test").propagate = before
    for each in loggers:
        each.removeHandler(handler)
