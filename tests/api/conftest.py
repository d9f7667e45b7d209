"""Every test of this suite begins in an empty world."""

import pytest

from tests.support.fixtures import *  # noqa: F403  # pytest looks for the fixtures of a suite in its conftest
from tests.support.world import World


@pytest.fixture(autouse=True)
def _start_in_empty_world(world: World) -> None:
    pass
