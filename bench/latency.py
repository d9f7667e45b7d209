"""The latency of requests: cold starts compared with a boto3 client, and warm requests.

    python -m bench latency [--runs 20]

A cold start is a new process with the imports of the function and its first request, whose access token is verified. It has
what is deployed: the layers and the settings of a function, and bytecode of every module. The baseline is
`import boto3; boto3.client("dynamodb")` in a new process, measured in turns with the others, and so is `bench.peer_handler`,
a small function that people write with the same tools. Results are medians. AWS is moto in another process. The time that a
request waits for it is shown, and the ratio does not include it, because the baseline sends no request. The goal is at most
1.8 times the baseline, except for the login, which computes argon2. Nothing asserts the goal.
"""

import argparse
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

import botocore
from rich.console import Console
from rich.table import Table

from infra.build import layers
from tests.support.aws import FakeAws
from tests.support.client import build_http_api_event
from tests.support.factories import make_upload_request
from tests.support.scenario import Scenario

GOAL: Final = 1.8
_WARM_REQUESTS: Final = 50  # in one process
_TIMEOUT: Final = 120  # seconds for one process, which takes less than one even on a slow machine
_ROOT: Final = Path(__file__).parents[1]
_COLD_START: Final = Path(__file__).with_name("cold_start.py")


@dataclass(frozen=True)
class Case:
    """A request to measure, as an event of API Gateway. Without a module that has a handler it is the baseline."""

    name: str
    module: str | None = None
    event: dict[str, Any] | None = None

    def measure(self, requests: int) -> dict[str, Any]:
        """Return the seconds of a new process that sends the request this many times."""
        parameters = json.dumps({"function": self.module, "event": self.event, "requests": requests})
        # Without the script's directory on the path, whose modules could be imported by mistake.
        command = [sys.executable, "-P", "-S", str(_COLD_START)]
        process = subprocess.run(
            command,
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, self._paths()))},
            input=parameters,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        if process.returncode:
            raise SystemExit(f"The measurement of {self.name} failed:\n{process.stderr[-2000:]}")
        result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])  # after the log of the function
        return result

    def _paths(self) -> list[Path]:
        """Return where the process finds its modules: in the layers, or the baselines in the packages of this environment."""
        if self.module and self.module.startswith("functions."):
            return [layers.build(_ROOT, "host")["deps"] / "python", _ROOT / "layers" / "core" / "python", _ROOT]
        return [Path(botocore.__file__).parents[1], _ROOT]


@contextmanager
def run_moto() -> Iterator[None]:
    """Run an empty AWS on 127.0.0.1, which this process and its children use."""
    command = [sys.executable, "-m", "bench.moto_server"]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = server.stdout.readline().strip() if server.stdout else ""
            if not port:
                raise SystemExit("The AWS of the benchmark did not start. See its error above.")
            os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
            yield
        finally:
            server.kill()


def create_cases() -> list[Case]:
    """Create a user with a project and a file, and return their requests."""
    scenario = Scenario.create(FakeAws.create())
    file_id = scenario.create_document()
    upload = make_upload_request(b"x" * 1000, projectId=scenario.project_id)
    headers = {"content-type": "application/json", "user-agent": "bench"}
    signed_in = {**headers, "authorization": f"Bearer {scenario.client.access_token}"}

    def event(method: str, path: str, sent: dict[str, str], body: Any = None) -> dict[str, Any]:
        return build_http_api_event(method, path, sent, None if body is None else json.dumps(body).encode())

    return [
        Case("boto3.client alone"),
        Case("a peer: one item, no sign-in", "bench.peer_handler", event("GET", "/orders/1", headers)),
        Case("POST /auth/login", "functions.auth.handler", event("POST", "/auth/login", headers, scenario.credentials)),
        Case("GET /projects", "functions.projects.handler", event("GET", "/projects", signed_in)),
        Case(
            "POST /files/init-upload",
            "functions.upload.handler",
            event("POST", "/files/init-upload", signed_in, upload),
        ),
        Case("GET /files/{id}", "functions.files.handler", event("GET", f"/files/{file_id}", signed_in)),
    ]


def measure_cold(cases: list[Case], runs: int) -> Table:
    """Measure each case in new processes, in turns."""
    for case in cases:  # not counted, because Python writes bytecode and the disk cache is empty
        case.measure(requests=1)
    results: dict[str, list[dict[str, Any]]] = {case.name: [] for case in cases}
    for _ in range(runs):
        for case in cases:
            results[case.name].append(case.measure(requests=1))
    table = _create_table(
        f"A new process, ms, median of {runs}, goal of the ratio {GOAL} except for the login",
        ("import", "total", "AWS", "CPU", "ratio", "CPU ratio"),
        "total: the imports and the first request. AWS: the time that it waits for moto in another process. ratio: to the "
        "boto3 client, without waiting, because that sends no request. On a machine with other work, the ratio of CPU times is "
        "more reliable. A first request also reads the public keys. A first login also creates a client of SSM, reads the "
        "private key, and computes a hash (argon2id, 19 MiB, 2 passes).",
    )
    baseline, baseline_cpu = (
        statistics.median(each[key] for each in results[cases[0].name]) for key in ("total", "cpu")
    )
    table.add_row(cases[0].name, "", _format_ms(baseline), "", _format_ms(baseline_cpu), "1", "1")
    for case in cases[1:]:
        keys = ("import", "total", "aws", "cpu")
        medians = {key: statistics.median(each[key] for each in results[case.name]) for key in keys}
        ratio = statistics.median(each["total"] - each["aws"] for each in results[case.name]) / baseline
        cpu_ratio = medians["cpu"] / baseline_cpu
        table.add_row(case.name, *(_format_ms(medians[key]) for key in keys), f"{ratio:.2f}", f"{cpu_ratio:.2f}")
    return table


def measure_warm(cases: list[Case]) -> Table:
    """Measure requests of each case in one process."""
    table = _create_table(
        f"A warm request, ms, median of {_WARM_REQUESTS}",
        ("total", "AWS", "own"),
        "One process for each row, after its first request. AWS: the time that a request waits for moto in another process.",
    )
    for case in cases[1:]:
        warm = case.measure(requests=_WARM_REQUESTS + 1)["warm"]
        medians = (
            statistics.median(total for total, _ in warm),
            statistics.median(aws for _, aws in warm),
            statistics.median(total - aws for total, aws in warm),
        )
        table.add_row(case.name, *(f"{each * 1000:.1f}" for each in medians))
    return table


def _create_table(title: str, columns: tuple[str, ...], caption: str) -> Table:
    table = Table(title=f"{title}, {os.cpu_count()} cores", caption=caption, caption_justify="left")
    table.add_column("request", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _format_ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    console = Console()
    with run_moto():
        cases = create_cases()
        console.print(measure_cold(cases, arguments.runs))
        console.print(measure_warm(cases))


if __name__ == "__main__":
    main()
