"""What the local cloud takes from the machine that it runs on."""

import os
import subprocess
from pathlib import Path

import pytest

from infra.local.e2e_environment import E2EEnvironment
from infra.local.install import MINISTACK_VENV, ROOT
from tests.support.e2e.client import Client

pytestmark = pytest.mark.serial  # other tests start execution environments

_UNPACK_IN_16_THREADS = """
import runpy, sys, zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

archive_class = runpy.run_path(sys.argv[1])["LayerArchive"]
folder = Path(sys.argv[2])
for number in range(16):
    (folder / f"layer_{number}").mkdir()
    with zipfile.ZipFile(folder / f"{number}.zip", "w") as archive:
        for name in range(500):
            archive.writestr(zipfile.ZipInfo(f"python/{name}"), b"content")

def unpack(number):
    with archive_class(folder / f"{number}.zip") as archive:
        archive.extractall(str(folder / f"layer_{number}"))
    return len(list((folder / f"layer_{number}" / "python").iterdir()))

with ThreadPoolExecutor(16) as pool:
    assert list(pool.map(unpack, range(16))) == [500] * 16
"""


def test_layers_are_unpacked_once_for_all_execution_environments(deployment: E2EEnvironment, client: Client) -> None:
    client.get("/auth/me").data()
    layers = list((deployment.cloud.directory / "tmp").glob("ministack-lambda-*/layer_?"))
    archives = list((deployment.cloud.directory / "tmp").glob("ministack-lambda-*/layer_?.zip"))
    assert len(layers) > 2
    assert all(layer.is_symlink() for layer in layers)
    assert sum(archive.stat().st_size for archive in archives) == 0


def test_execution_environments_that_start_at_once_share_a_complete_layer(tmp_path: Path) -> None:
    python, server = MINISTACK_VENV / "bin" / "python", ROOT / "infra" / "local" / "ministack_server.py"
    command = [str(each) for each in (python, "-P", "-c", _UNPACK_IN_16_THREADS, server, tmp_path)]
    subprocess.run(command, env={**os.environ, "TMPDIR": str(tmp_path)}, check=True, timeout=60)
    assert len(list(tmp_path.glob("layer-*"))) == 1
