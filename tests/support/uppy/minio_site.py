"""The API in a process of its own, whose S3 server is a MinIO."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local import minio
from infra.local.install import ROOT
from infra.local.minio import Minio
from infra.local.process import HOST, find_free_port
from tests.support.e2e.client import Server, create_client
from tests.support.settings import SETTINGS
from tests.support.uppy.client import ORIGIN
from tests.support.uppy.project import Site

ARRIVALS_PATH = "/arrivals"  # of the process: it does what AWS does by itself


@contextmanager
def run_minio_site(directory: Path) -> Iterator[Site]:
    """Run the API, and a MinIO with its data in a directory."""
    store = Minio(directory, find_free_port())
    store.start()
    port = find_free_port()
    settings = {
        **SETTINGS,
        "AWS_ACCESS_KEY_ID": minio.ROOT_USER,
        "AWS_SECRET_ACCESS_KEY": minio.ROOT_PASSWORD,
        "AWS_ENDPOINT_URL_S3": store.endpoint,
        "ORIGINALS_URL": f"{store.endpoint}/{SETTINGS['ORIGINALS_BUCKET']}",
        "VARIANTS_URL": f"{store.endpoint}/{SETTINGS['VARIANTS_BUCKET']}",
        "PUBLIC_URL": f"http://{HOST}:{port}",
        "ALLOWED_ORIGINS": ORIGIN,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-m", "tests.support.uppy.minio_api", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "The API with MinIO did not start."
            server = Server(port, f"{HOST}:{port}")
            yield Site(
                create_client(server),
                store.client(),
                SETTINGS["ORIGINALS_BUCKET"],
                lambda: server.request("POST", ARRIVALS_PATH),
            )
        finally:
            process.kill()
            store.stop()
