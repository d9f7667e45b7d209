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
from infra.local.cloud import Cloud
from infra.local.deployment import quiet_node
from infra.local.install import ROOT
from infra.local.minio import Minio
from infra.local.process import HOST, free_port, know_this_machine
from infra.local.progress import Trouble, say

_HERE = ROOT / ".local" / "test"
# The first run side by side, in processes; the second has a DynamoDB of its own; the third share one deployed stack.
_IN_PROCESS, _AT_SCALE, _DEPLOYED = ("unit", "api", "infra", "house"), ("scale",), ("stack", "browser")
_SUITES = (*_IN_PROCESS, *_AT_SCALE, *_DEPLOYED)


@dataclass(frozen=True)
class Running:
    """A deployed Holdall and a MinIO. `outputs` are the stack's."""

    cloud: Cloud
    minio: Minio
    outputs: Mapping[str, str]


@contextmanager
def running() -> Iterator[Running]:
    """The Holdall of `make test` where it runs; else one made for this block and ended after it. Raises Trouble."""
    know_this_machine()
    found = _found()
    if found is not None:
        yield Running(*found, outputs=found[0].outputs())
        return
    shutil.rmtree(_HERE, ignore_errors=True)
    cloud, minio = (
        Cloud(_HERE / "cloud", free_port(), but=_values()),
        Minio(_HERE / "minio", free_port()),
    )
    try:
        minio.start()
        cloud.start()
        yield Running(cloud, minio, cloud.deploy())
    finally:
        cloud.stop()
        minio.stop()


def run(arguments: Sequence[str]) -> int:
    """What `make test` does: every suite, or those named. The exit status: of the first that failed."""
    named = arguments or _SUITES
    unknown = set(named) - set(_SUITES)
    if unknown:
        raise Trouble(f"There is no suite {', '.join(sorted(unknown))}, only: {', '.join(_SUITES)}.")
    failed = 0
    in_process, at_scale, deployed = ([n for n in named if n in own] for own in (_IN_PROCESS, _AT_SCALE, _DEPLOYED))
    if in_process:
        failed = _pytest(in_process, "-n", str(os.cpu_count() or 1), "--dist", "loadfile")
    if at_scale:
        dynamodb.ensure()
        failed = _pytest(at_scale) or failed
    if deployed:
        os.environ["HOLDALL_CHROMIUM"] = str(chromium.ensure())
        with running():
            failed = _pytest(deployed) or failed
    return failed


def _pytest(suites: Sequence[str], *options: str) -> int:
    say(f"\nTests: {', '.join(suites)}")
    folders = [str(ROOT / "tests" / suite) for suite in suites]
    command = [sys.executable, "-m", "pytest", *options, *folders]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **quiet_node()}, check=False).returncode


def _values() -> Mapping[str, Any]:
    """What is not as on a laptop: providers, and a limit that a race of sixteen would measure instead of what it is about."""
    limits = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]["local"]["limits"]
    return {"oauthProviders": _providers(), "limits": {**limits, "second-factor": [100, 900]}}


def _providers() -> list[Mapping[str, str]]:
    """Where tests start providers once the callbacks are known; at the last address nobody ever answers."""
    oidc, github, nobody = (f"http://{HOST}:{port}" for port in _unused_ports(3))
    return [
        {"name": "oidc", "kind": "oidc", "issuer": oidc},
        {"name": "github", "kind": "github", "site": github, "api": github},
        {"name": "nobody", "kind": "oidc", "issuer": nobody},
    ]


def _unused_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and below those that the system gives to clients, who might take them meanwhile."""
    return [port for port in random.sample(range(20000, 30000), 50) if not _listened(port)][:count]


def _listened(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _found() -> tuple[Cloud, Minio] | None:
    ports = [_port_of(_HERE / name / "process.json") for name in ("cloud", "minio")]
    cloud, minio = Cloud(_HERE / "cloud", ports[0]), Minio(_HERE / "minio", ports[1])
    return (cloud, minio) if cloud.process.port() and minio.process.port() else None


def _port_of(record: Path) -> int:
    return int(json.loads(record.read_text())["port"]) if record.is_file() else 0
