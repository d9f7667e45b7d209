"""Requests: what a cold start costs, against the bare client of boto3, and what a warm one does.

    python -m bench.latency [--runs 20]

A cold start is a fresh process: the function's imports and its first request, with an access token that is verified. The
baseline is `import boto3; boto3.client("dynamodb")` in a fresh process, in turns with the others. The median counts. The
stores answer from a process of their own; the time in which a request waits for them is shown, and the ratio is without it,
because the baseline asks no store. Goal: at most 1.3 times the baseline, but for login, whose cost is argon2's; it is printed,
never asserted.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

GOAL: Final = 1.3
_WARM_REQUESTS: Final = 50  # requests in one process
_TIMEOUT: Final = 120  # seconds for one process, which takes one on a slow day
_ROOT: Final = Path(__file__).parents[1]
_CREDENTIALS: Final = {"email": "bench@example.test", "password": "correct horse battery"}


@dataclass(frozen=True)
class Case:
    """A request to measure: its event as the gateway would make it. No function means the baseline."""

    name: str
    function: str | None = None
    event: dict[str, Any] | None = None

    def measure(self, request_count: int) -> dict[str, Any]:
        """Seconds, from a fresh process that does the request so many times."""
        asked = json.dumps({"function": self.function, "event": self.event, "times": request_count})
        command = [sys.executable, "-m", "bench.cold_start"]
        done = subprocess.run(
            command, cwd=_ROOT, input=asked, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        if done.returncode:
            raise SystemExit(f"The measurement of {self.name} failed:\n{done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # what comes before it is the function's log
        return found


@contextmanager
def run_moto() -> Iterator[None]:
    """Empty stores on 127.0.0.1, and the settings by which this process and its children find them."""
    importlib.import_module("tests.conftest")  # the settings of a stage that exists nowhere
    os.environ.update({"ARGON2_MEMORY_KIB": "19456", "ARGON2_TIME_COST": "2"})  # what a login costs in a cloud stage
    # With bytecode for all, written by the first run of each: else the SDK would have it, from its installation, and we not.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(_ROOT / ".local" / "bench" / "bytecode")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_ROOT), str(_ROOT / "layers" / "core" / "python")])
    sys.path.insert(0, str(_ROOT / "layers" / "core" / "python"))
    command = [sys.executable, "-m", "bench.moto_server"]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = server.stdout.readline().strip() if server.stdout else ""
            if not port:
                raise SystemExit("The stores of the benchmark did not start: see above.")
            os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
            yield
        finally:
            server.kill()


def create_cases() -> list[Case]:
    """The requests, of somebody who has an account, a project and a file."""
    cloud = importlib.import_module("tests.api.aws").FakeAws.create()
    client_module = importlib.import_module("tests.support.client")
    client_module.Client().post("/auth/sign-up", _CREDENTIALS).created()
    data = client_module.Client().post("/auth/login", _CREDENTIALS).data()
    client = client_module.Client(data["accessToken"])
    project_id = client.post("/projects", {"name": "Bench"}).created()["id"]
    scene = importlib.import_module("tests.architecture.fixtures").Scenario(
        client, cloud, project_id, *_CREDENTIALS.values()
    )
    file_id = scene.create_document()
    announced = importlib.import_module("tests.api.aws").make_upload_request(b"x" * 1000, projectId=project_id)
    headers = {"content-type": "application/json", "user-agent": "bench"}
    known = {**headers, "authorization": f"Bearer {client.access_token}"}

    def event(method: str, path: str, sent: dict[str, str], body: Any = None) -> dict[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        made: dict[str, Any] = client_module.build_http_api_event(method, path, sent, content)
        return made

    return [
        Case("boto3.client alone"),
        Case("POST /auth/login", "auth", event("POST", "/auth/login", headers, _CREDENTIALS)),
        Case("GET /projects", "projects", event("GET", "/projects", known)),
        Case("POST /files/init-upload", "upload", event("POST", "/files/init-upload", known, announced)),
        Case("GET /files/{id}", "files", event("GET", f"/files/{file_id}", known)),
    ]


def measure_cold(cases: list[Case], runs: int) -> Table:
    """Each case in fresh processes, taking turns."""
    for case in cases:  # once for nothing: Python writes its bytecode, and the disk's cache fills
        case.measure(request_count=1)
    taken: dict[str, list[dict[str, Any]]] = {case.name: [] for case in cases}
    for _ in range(runs):
        for case in cases:
            taken[case.name].append(case.measure(request_count=1))
    table = _create_table(
        f"A fresh process, ms, median of {runs}, ratio goal {GOAL} but for login",
        "request",
        ("import", "total", "stores", "CPU", "ratio", "CPU ratio"),
        "All: imports and the first request, from the first line of the program on. Waiting: for the stores, which are moto in "
        "another process. The ratio is to boto3's client, without waiting, as that asks no store; that of CPU time tells more "
        "on a machine with other work. A first request also reads the public keys; a first login makes a client of SSM, reads "
        "the private key, and hashes (argon2id, 19 MiB, 2 passes).",
    )
    baseline, worked = (statistics.median(each[key] for each in taken[cases[0].name]) for key in ("total", "cpu"))
    table.add_row(cases[0].name, "", _format_ms(baseline), "", _format_ms(worked), "1", "1")
    for case in cases[1:]:
        keys = ("import", "total", "waited", "cpu")
        middle = {key: statistics.median(each[key] for each in taken[case.name]) for key in keys}
        own = statistics.median(each["total"] - each["waited"] for each in taken[case.name]) / baseline
        table.add_row(
            case.name, *(_format_ms(middle[key]) for key in keys), f"{own:.2f}", f"{middle['cpu'] / worked:.2f}"
        )
    return table


def measure_warm(cases: list[Case]) -> Table:
    """Each case in one process, again and again."""
    table = _create_table(
        f"A warm request, ms, median of {_WARM_REQUESTS}",
        "request",
        ("total", "stores", "own"),
        "One process each, after its first request. Waiting: for the stores, which are moto in another process.",
    )
    for case in cases[1:]:
        taken = case.measure(request_count=_WARM_REQUESTS + 1)["warm"]
        times = (
            statistics.median(total for total, _ in taken),
            statistics.median(waited for _, waited in taken),
            statistics.median(total - waited for total, waited in taken),
        )
        table.add_row(case.name, *(f"{each * 1000:.1f}" for each in times))
    return table


def _create_table(title: str, first_column: str, columns: tuple[str, ...], caption: str) -> Table:
    table = Table(title=f"{title}, {os.cpu_count()} cores", caption=caption, caption_justify="left")
    table.add_column(first_column, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _format_ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def main() -> None:
    """Print both tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=20)
    given, _ = arguments.parse_known_args()
    console = Console()
    with run_moto():
        every = create_cases()
        console.print(measure_cold(every, given.runs))
        console.print(measure_warm(every))


if __name__ == "__main__":
    main()
