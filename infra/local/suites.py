"""A Holdall for tests, apart from the developer's: its own ports, its own state in `.local/test/`, fresh each time."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import chromium, dynamodb
from infra.local.cloud import LocalCloud
from infra.local.deployment import node_environment
from infra.local.install import ROOT
from infra.local.minio import Minio
from infra.local.process import HOST, bypass_proxy, find_free_port
from infra.local.progress import UserError, echo

_STATE_DIR = ROOT / ".local" / "test"
# The first run side by side, in processes; the second has a DynamoDB of its own; the third share one deployed stack.
_IN_PROCESS, _WITH_DYNAMODB, _DEPLOYED = ("unit", "api", "infra", "architecture"), ("scale",), ("e2e", "browser")
_SUITES = (*_IN_PROCESS, *_WITH_DYNAMODB, *_DEPLOYED)


@dataclass(frozen=True)
class E2EEnvironment:
    """A deployed Holdall and a MinIO. `outputs` are the stack's."""

    cloud: LocalCloud
    minio: Minio
    outputs: Mapping[str, str]


@contextmanager
def e2e_environment() -> Iterator[E2EEnvironment]:
    """The Holdall of `make test` where it runs; else one made for this block and ended after it. Raises Trouble."""
    bypass_proxy()
    found = _find_running()
    if found is not None:
        yield E2EEnvironment(*found, outputs=found[0].outputs())
        return
    shutil.rmtree(_STATE_DIR, ignore_errors=True)
    cloud, minio = (
        LocalCloud(_STATE_DIR / "cloud", find_free_port(), overrides=_stage_overrides()),
        Minio(_STATE_DIR / "minio", find_free_port()),
    )
    try:
        minio.start()
        cloud.start()
        yield E2EEnvironment(cloud, minio, cloud.deploy())
    finally:
        cloud.stop()
        minio.stop()


def run_suites(suites: Sequence[str]) -> int:
    """What `make test` does: every suite, or those named. The exit status: of the first that failed."""
    named = suites or _SUITES
    unknown = set(named) - set(_SUITES)
    if unknown:
        raise UserError(f"There is no suite {', '.join(sorted(unknown))}, only: {', '.join(_SUITES)}.")
    failed = 0
    in_process, at_scale, deployed = (
        [n for n in named if n in own] for own in (_IN_PROCESS, _WITH_DYNAMODB, _DEPLOYED)
    )
    if in_process:
        failed = _run_pytest(in_process, "-n", str(os.cpu_count() or 1), "--dist", "loadfile")
    if at_scale:
        dynamodb.ensure()
        failed = _run_pytest(at_scale) or failed
    if deployed:
        os.environ["HOLDALL_CHROMIUM"] = str(chromium.ensure())
        with e2e_environment():
            failed = _run_pytest(deployed) or failed
    return failed


def _run_pytest(suites: Sequence[str], *options: str) -> int:
    echo(f"\nTests: {', '.join(suites)}")
    folders = [str(ROOT / "tests" / suite) for suite in suites]
    command = [sys.executable, "-m", "pytest", *options, *folders]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **node_environment()}, check=False).returncode


def _stage_overrides() -> Mapping[str, Any]:
    """What is not as on a laptop: providers, and a limit that a race of sixteen would measure instead of what it is about."""
    limits = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]["local"]["rateLimits"]
    return {"oauthProviders": _oauth_providers(), "rateLimits": {**limits, "second-factor": [100, 900]}}


def _oauth_providers() -> list[Mapping[str, str]]:
    """Where tests start providers once the callbacks are known; at the last address nobody ever answers."""
    oidc, github, nobody = (f"http://{HOST}:{port}" for port in _unused_ports(3))
    return [
        {"name": "oidc", "kind": "oidc", "issuer": oidc},
        {"name": "github", "kind": "github", "site": github, "api": github},
        {"name": "unreachable", "kind": "oidc", "issuer": nobody},
    ]


def _unused_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and below those that the system gives to clients, who might take them meanwhile."""
    return [port for port in random.sample(range(20000, 30000), 50) if not _is_listening(port)][:count]


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _find_running() -> tuple[LocalCloud, Minio] | None:
    ports = [_recorded_port(_STATE_DIR / name / "process.json") for name in ("cloud", "minio")]
    cloud, minio = LocalCloud(_STATE_DIR / "cloud", ports[0]), Minio(_STATE_DIR / "minio", ports[1])
    return (cloud, minio) if cloud.process.running_port() and minio.process.running_port() else None


def _recorded_port(record_file: Path) -> int:
    return int(json.loads(record_file.read_text())["port"]) if record_file.is_file() else 0
