"""AWS in this process, by moto: one for the session. Each test makes users and projects of its own."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from moto import mock_aws

from tests.api.client import Client
from tests.api.cloud import Cloud

_numbers = count(1)
PASSWORD = "correct horse battery"


@pytest.fixture(scope="session", autouse=True)
def cloud() -> Iterator[Cloud]:
    """Tables, buckets and queues, empty."""
    with mock_aws():
        yield Cloud.build()


@pytest.fixture
def visitor() -> Client:
    """Somebody whom nobody knows."""
    return Client()


@pytest.fixture
def client() -> Client:
    """Somebody with an account."""
    return signed_in()


@pytest.fixture
def stranger() -> Client:
    """Somebody else with an account."""
    return signed_in()


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    """A project of the client, public, with one small variant."""
    variants = [{"name": "thumb", "width": 20, "height": 20, "fit": "cover"}]
    said = {"name": "Holiday", "settings": {"visibility": "public", "variants": variants}}
    made: dict[str, Any] = client.post("/projects", said).created()
    return made


def signed_in() -> Client:
    email = f"user{next(_numbers)}@example.test"
    visitor = Client()
    visitor.post("/auth/sign-up", {"email": email, "password": PASSWORD}).created()
    data = visitor.post("/auth/login", {"email": email, "password": PASSWORD}).data()
    return Client(data["accessToken"], data["user"], data["refreshToken"])
