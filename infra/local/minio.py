"""A MinIO: the S3 server of the edge store at the desk, and the second judge of our signatures."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from infra.local import install
from infra.local.process import HOST, Server, require_free_port
from infra.local.progress import Step, UserError

# Its community edition is source only; this is the last version of the module.
_GO_MODULE = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
_DOCKER_IMAGE = "minio/minio:RELEASE.2025-09-07T16-13-09Z"
_BINARY = install.ROOT / ".local" / "bin" / "minio"

ROOT_USER = "holdall"
ROOT_PASSWORD = "holdall-local-only"  # noqa: S105  # listens on 127.0.0.1, and keeps what tests and a developer put there


@dataclass
class Minio(Server):
    """`directory` keeps its objects."""

    name = "MinIO"
    port: int = 9000

    def start(self) -> None:
        """Start MinIO, or find it started; build it first where there is none. Raises Trouble."""
        if self.is_running():
            return
        require_free_port(self.port, self.name, "HOLDALL_MINIO_PORT")
        objects = self.directory / "objects"
        objects.mkdir(parents=True, exist_ok=True)
        self.launch(self._command(objects), self._environment(), timeout=120)

    def client(self) -> Any:
        """A boto3 client of S3 for it."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ROOT_USER,
            aws_secret_access_key=ROOT_PASSWORD,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )

    def _command(self, objects: Path) -> list[str]:
        program = shutil.which("minio") or (str(_BINARY) if _BINARY.is_file() else None)
        if program is None and _is_docker_running():
            # In the foreground: the docker command hands TERM on to the container, which then removes itself.
            names = ["--env", "MINIO_ROOT_USER", "--env", "MINIO_ROOT_PASSWORD", "--volume", f"{objects}:/data"]
            where = ["--publish", f"{HOST}:{self.port}:9000"]
            return ["docker", "run", "--rm", *names, *where, _DOCKER_IMAGE, "server", "--address", ":9000", "/data"]
        return [program or _build_binary(), "server", "--address", f"{HOST}:{self.port}", str(objects)]

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

    def is_ready(self) -> bool:
        """Whether it is ready."""
        try:
            return requests.get(f"{self.endpoint}/minio/health/ready", timeout=2).ok
        except requests.RequestException:
            return False


def _is_docker_running() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _build_binary() -> str:
    """Build MinIO with Go, from the PATH or from its package. Some minutes, once. Raises Trouble."""
    go = shutil.which("go")
    if go is None:
        install.install_go()
        go = str(install.GO_DIR / "go" / "bin" / "go")
    with Step("Building MinIO (some minutes, once)"):
        done = subprocess.run(
            [go, "install", _GO_MODULE],
            env={**os.environ, "GOBIN": str(_BINARY.parent), "GOFLAGS": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise UserError(
            f"Go could not build MinIO:\n{done.stderr.strip()[-1500:]}\n"
            "Put a `minio` on the PATH, or start Docker, and say it again."
        )
    return str(_BINARY)
