"""AWS in this process, by moto: one for the session. Each test makes users and projects of its own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from holdall import clock
from holdall.config import settings
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud


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
        settings.cache_clear()

    yield change
    monkeypatch.undo()
    settings.cache_clear()
