"""The environment of the deployed suites: a local cloud and a MinIO of their own. Their state is in `.local/test/`.

`python -m infra.local.e2e_environment` starts it and leaves it running. `infra.local.suites` stops it.
"""

import random
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra.local import chromium
from infra.local.cloud import LocalCloud
from infra.local.edge import LocalEdge
from infra.local.install import ROOT
from infra.local.minio import Minio
from infra.local.process import HOST, bypass_proxy, find_free_port
from infra.local.progress import exit_on_user_error
from infra.stage import Stage

_STATE_DIR = ROOT / ".local" / "test"


@dataclass(frozen=True)
class E2EEnvironment:
    """A local cloud with the deployed stack, and a MinIO that is its edge store."""

    cloud: LocalCloud
    minio: Minio
    outputs: Mapping[str, str]  # of the stack


@contextmanager
def e2e_environment() -> Iterator[E2EEnvironment]:
    """Yield the running environment, or start one and stop it at the end. Raises UserError."""
    bypass_proxy()
    cloud, minio = _servers()
    if cloud.process.running_port() and minio.process.running_port():
        yield E2EEnvironment(cloud, minio, cloud.outputs())
        return
    try:
        yield start()
    finally:
        stop()


def start() -> E2EEnvironment:
    """Delete the state of the last run, start both servers, and deploy the stack. Raises UserError."""
    shutil.rmtree(_STATE_DIR, ignore_errors=True)
    cloud, minio = LocalCloud(_STATE_DIR / "cloud", find_free_port()), Minio(_STATE_DIR / "minio", find_free_port())
    edge = LocalEdge(cloud, minio)
    cloud.overrides = {**_stage_overrides(), **edge.stage_overrides()}
    minio.start()
    cloud.start()
    edge.bootstrap()
    return E2EEnvironment(cloud, minio, cloud.deploy())


def stop() -> None:
    """Stop both servers, if they are running. Raises UserError."""
    for server in _servers():
        server.stop()


def _servers() -> tuple[LocalCloud, Minio]:
    """Return the servers on their recorded ports."""
    cloud, minio = LocalCloud(_STATE_DIR / "cloud", 0), Minio(_STATE_DIR / "minio", 0)
    for server in (cloud, minio):
        server.port = server.process.running_port() or 0
    return cloud, minio


def _stage_overrides() -> Mapping[str, Any]:
    """Add OAuth providers, and raise a limit that tests with 16 concurrent requests would reach."""
    limits = {**Stage.load("local").rate_limits, "second-factor": (100, 900)}
    return {"oauthProviders": _oauth_providers(), "rateLimits": limits}


def _oauth_providers() -> list[Mapping[str, str]]:
    """Return providers on unused ports. Tests start the first two there, after the deployment; the last never responds."""
    oidc, github, unreachable = (f"http://{HOST}:{port}" for port in _unused_ports(3))
    return [
        {"name": "oidc", "kind": "oidc", "issuer": oidc},
        {"name": "github", "kind": "github", "site": github, "api": github},
        {"name": "unreachable", "kind": "oidc", "issuer": unreachable},
    ]


def _unused_ports(count: int) -> list[int]:
    """Return ports without a listener, below the range that the system assigns to clients (32768 and up on Linux)."""
    return [port for port in random.sample(range(20000, 30000), 50) if not _is_listening(port)][:count]


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


if __name__ == "__main__":
    with exit_on_user_error():
        bypass_proxy()
        chromium.ensure()
        start()
