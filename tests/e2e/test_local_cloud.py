"""What the local cloud takes from the machine that it runs on."""

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.client import Client

pytestmark = pytest.mark.serial  # other tests start execution environments


def test_layers_are_unpacked_once_for_all_execution_environments(deployment: E2EEnvironment, client: Client) -> None:
    client.get("/auth/me").data()
    layers = list((deployment.cloud.directory / "tmp").glob("ministack-lambda-*/layer_?"))
    archives = list((deployment.cloud.directory / "tmp").glob("ministack-lambda-*/layer_?.zip"))
    assert len(layers) > 2
    assert all(layer.is_symlink() for layer in layers)
    assert sum(archive.stat().st_size for archive in archives) == 0
