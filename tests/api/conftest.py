"""AWS in this process, by moto: one for the session. Each test makes users and projects of its own."""

import io
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from holdall.accounts.service import oauth
from holdall.platform import clock, observability
from holdall.platform.config import settings
from holdall.rate_limits import service as rate_limits
from tests.support import users
from tests.support.admins import AdminFactory
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.log import CapturedLog
from tests.support.projects import create_shared_project


@pytest.fixture(scope="session", autouse=True)
def fake_aws() -> Iterator[FakeAws]:
    """Tables, buckets and queues, empty."""
    with mock_aws():
        yield FakeAws.create()


@pytest.fixture(autouse=True)
def _reset_fake_aws(fake_aws: FakeAws) -> None:
    fake_aws.reset()


@pytest.fixture
def anonymous() -> Client:
    """Somebody whom nobody knows."""
    return Client()


@pytest.fixture
def client() -> Client:
    """Somebody with an account."""
    return users.create_client()


@pytest.fixture
def stranger() -> Client:
    """Somebody else with an account."""
    return users.create_client()


@pytest.fixture
def shared_project(client: Client) -> str:
    """A project that the client owns."""
    return create_shared_project(client)


@pytest.fixture
def superuser() -> Client:
    """Somebody who may everything."""
    return users.create_superuser()


@pytest.fixture
def admins(superuser: Client) -> AdminFactory:
    """Whom they appoint."""
    return AdminFactory(superuser)


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    """A project of the client, public, with one small variant."""
    variants = [{"name": "thumb", "width": 20, "height": 20, "fit": "cover"}]
    said = {"name": "Holiday", "settings": {"visibility": "public", "variants": variants}}
    made: dict[str, Any] = client.post("/projects", said).created()
    return made


class FrozenClock:
    """A clock that stands until a test moves it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = datetime.now(UTC)
        monkeypatch.setattr(clock, "now", lambda: self._now)

    def advance(self, **duration: float) -> None:
        """Let time pass, in the words of timedelta."""
        self._now += timedelta(**duration)


@pytest.fixture
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    """The time stands still. Whoever is signed in before is so after."""
    return FrozenClock(monkeypatch)


OverrideSettings = Callable[..., None]


@pytest.fixture
def override_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[OverrideSettings]:
    """Change what the deployment decides, as in `installed(SIGN_UP="closed")`."""

    def change(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        _clear_caches()

    yield change
    monkeypatch.undo()
    _clear_caches()


def _clear_caches() -> None:
    """As in a process that begins: what was made of the settings is made anew."""
    settings.cache_clear()
    rate_limits._rate_limits.cache_clear()
    oauth._get_provider.cache_clear()


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[CapturedLog]:
    """What is written from now on, in the form in which Lambda writes it; the root logger's lines too."""
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
