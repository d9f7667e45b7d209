"""Fixtures of the tests of Uppy. The conftests of their suites import all names of this module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support.uppy.client import GENERATIONS, PART_BYTES, Generation
from tests.support.uppy.network import Network, run_network
from tests.support.uppy.project import Site, UploadProject, write_random_file


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> Generation:
    generation: Generation = request.param
    return generation


@pytest.fixture(scope="session")
def deployed_site(deployment: E2EEnvironment) -> Site:
    return Site.deployed(deployment)


@pytest.fixture
def project(deployed_site: Site) -> UploadProject:
    """Return a new project."""
    return deployed_site.create_project()


@pytest.fixture
def network() -> Iterator[Network]:
    """Run a network between a client and the stack."""
    with run_network() as network:
        yield network


@pytest.fixture
def three_parts(tmp_path: Path) -> Path:
    """Write a file of three parts, the last one smaller."""
    return write_random_file(tmp_path / "three parts.bin", 2 * PART_BYTES + 1000)
