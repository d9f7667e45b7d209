"""The rules alone: no network, no AWS, and the same inputs on every run."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket

settings.register_profile("holdall", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("holdall")


@pytest.fixture(autouse=True)
def _disable_network() -> Iterator[None]:
    disable_socket()
    yield
    enable_socket()
