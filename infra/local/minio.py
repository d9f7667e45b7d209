"""MinIO: the local S3 server of the edge store. Tests also use it as a second implementation of S3."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from infra import cache
from infra.local import install
from infra.local.process import HOST, Server, require_free_port
from infra.local.progress import Step, UserError
from infra.local.s3_client import create_s3_client

# The community edition is source only. This is the last version of the module.
_GO_MODULE = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
_DOCKER_IMAGE = "minio/minio:RELEASE.2025-09-07T16-13-09Z"

ROOT_USER = "holdall"
ROOT_PASSWORD = "holdall-local-only"  # noqa: S105  # of a server that listens on 127.0.0.1, with local data only


@dataclass
class Minio(Server):
    """MinIO. Its objects are in `directory`."""

    name = "MinIO"
    port: int = 9000

    def start(self) -> None:
        """Start MinIO if it is not running. Builds it first if it is missing. Raises UserError."""
        if self.is_running():
            return
        require_free_port(self.port, self.name, "HOLDALL_MINIO_PORT")
        objects = self.directory / "objects"
        objects.mkdir(parents=True, exist_ok=True)
        self.launch(self._command(objects), self._environment(), timeout=120)

    def client(self) -> Any:
        """Return a boto3 client of S3."""
        return create_s3_client(self.endpoint, ROOT_USER, ROOT_PASSWORD)

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.endpoint}/minio/health/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def _command(self, objects: Path) -> list[str]:
        if program := find_program():
            return [program, "server", "--address", f"{HOST}:{self.port}", str(objects)]
        # In the foreground, so that the docker command forwards SIGTERM to the container, which is then removed.
        options = ["--env", "MINIO_ROOT_USER", "--env", "MINIO_ROOT_PASSWORD", "--volume", f"{objects}:/data"]
        options += ["--publish", f"{HOST}:{self.port}:9000"]
        return ["docker", "run", "--rm", *options, _DOCKER_IMAGE, "server", "--address", ":9000", "/data"]

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "MINIO_ROOT_USER": ROOT_USER,
            "MINIO_ROOT_PASSWORD": ROOT_PASSWORD,
            "MINIO_UPDATE": "off",
            "MINIO_BROWSER": "off",
            **{name: value for name, value in os.environ.items() if name.startswith("DOCKER_")},
        }


def find_program() -> str | None:
    """Return the path of MinIO: on the PATH, or in the cache, where it is built first. None if Docker runs it.

    Raises UserError.
    """
    installed = shutil.which("minio")
    if installed or _is_docker_running():
        return installed
    return str(cache.get_or_build("minio", f"{_GO_MODULE} {cache.MACHINE}", _build) / "minio")


def _is_docker_running() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _build(folder: Path) -> None:
    go = shutil.which("go") or install.install_go()
    with Step("Building MinIO (some minutes, once per user)"):
        process = subprocess.run(
            [go, "install", _GO_MODULE],
            env={**os.environ, "GOBIN": str(folder), "GOFLAGS": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    if process.returncode:
        raise UserError(
            f"Go could not build MinIO:\n{process.stderr.strip()[-1500:]}\n"
            "Put `minio` on the PATH, or start Docker, and run the command again."
        )
