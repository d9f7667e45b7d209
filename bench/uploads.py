"""Uploads at once: how many begin and how many are committed in a second, in one project and in ten.

    python -m bench.uploads [--runs 3] [--seconds 1]

An emulation. The services run as threads of this process, above MiniStack, to which clients send the bytes between the two
measurements. Below the SDK each transaction takes 8 ms, as in AWS, and is refused while another holds one of its items, as in
AWS. Between two requests of a client lie 20 ms, for the network and what a request does beside. So that the work of this
machine counts for less, time runs four times slower than it is printed, for these times and for the pauses of our own. What is
measured is how requests stand in each other's way, and not what AWS can do: `docs/benchmarks.md` sets its limits beside it.
"""

import argparse
import hashlib
import importlib
import os
import queue
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import requests
from rich.console import Console
from rich.table import Table

from infra.local.cloud import LocalCloud
from infra.local.conflict_simulator import ConflictSimulator
from infra.local.process import bypass_proxy, find_free_port

CLIENTS: Final = (1, 8, 32, 64)
PROJECTS: Final = (1, 10)
TIME_SCALE: Final = 4  # times
TRANSACTION_SECONDS: Final = 0.008  # seconds
THINK_SECONDS: Final = 0.02  # two requests of a client
_CONTENT: Final = b"The bytes of a small file."
_SHA256: Final = hashlib.sha256(_CONTENT).hexdigest()
_UPLOAD_REQUEST: Final = {
    "filename": "notes.txt",
    "size": len(_CONTENT),
    "contentType": "text/plain",
    "sha256": _SHA256,
}
_CREDENTIALS: Final = {"email": "bench@example.test", "password": "correct horse battery"}
_REGION: Final = "eu-central-1"  # of those settings
_ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class LoadResult:
    """What some clients did, by the printed clock."""

    throughput: float  # in a second
    latency: float  # seconds, the median
    conflict_ratio: float  # transactions, of all that were sent
    unavailable_ratio: float  # requests that gave up, of all


@dataclass
class UploadBenchmark:
    """Somebody with projects, and the services that they use."""

    upload_service: Any
    upload_model: Any
    caller: Any
    projects: list[Any]
    conflict_simulator: ConflictSimulator

    @classmethod
    def create(cls) -> "UploadBenchmark":
        """With an account, and as many projects as are needed."""
        os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"  # a line for each request would bury the table
        importlib.import_module("tests.api.aws").FakeAws.create()
        client_module = importlib.import_module("tests.support.client")
        client_module.Client().post("/auth/sign-up", _CREDENTIALS).created()
        data = client_module.Client().post("/auth/login", _CREDENTIALS).data()
        client = client_module.Client(data["accessToken"])
        ids = [client.post("/projects", {"name": "Bench"}).created()["id"] for _ in range(max(PROJECTS))]
        find = importlib.import_module("holdall.projects.service.projects").find
        caller = importlib.import_module("holdall.platform.caller").Caller(
            "192.0.2.7", "bench", "bench", data["user"]["id"], "", {}
        )
        clock: Any = importlib.import_module("holdall.platform.clock")
        clock.sleep = lambda seconds: time.sleep(seconds * TIME_SCALE)
        conflicts = ConflictSimulator(transaction_seconds=TRANSACTION_SECONDS * TIME_SCALE)
        conflicts.attach(importlib.import_module("holdall.platform.table.items").connection.client.meta.events)
        services, model = (importlib.import_module(f"holdall.uploads.{name}") for name in ("service", "model"))
        return cls(services, model, caller, [find(each) for each in ids], conflicts)

    def measure(self, clients: int, projects: int, seconds: float) -> tuple[LoadResult, LoadResult]:
        """Uploads that begin for so many seconds, then the commits of all of them."""
        begun: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        end = time.perf_counter() + seconds * TIME_SCALE

        def begin(client: int) -> bool:
            project = self.projects[client % projects]
            begun.put(
                (
                    project,
                    self.upload_service.init(self.caller, project, self.upload_model.InitUpload(**_UPLOAD_REQUEST)),
                )
            )
            return True

        def commit(_: int) -> bool:
            try:
                project, upload = waiting.get_nowait()
            except queue.Empty:
                return False
            self.upload_service.commit(self.caller, project, self.upload_model.Commit(uploadId=upload.upload_id))
            return True

        inits = self._run_clients(clients, begin, lambda: time.perf_counter() < end)
        waiting = _send_contents(begun)
        return inits, self._run_clients(clients, commit, lambda: True)

    def _run_clients(self, clients: int, operation: Callable[[int], bool], has_more: Callable[[], bool]) -> LoadResult:
        """Each client does the same, again and again; the rate is counted until the first finds that there is no more."""
        unavailable = importlib.import_module("holdall.platform.errors").ServiceUnavailable
        done: list[tuple[float, float]] = []  # when, and after how long
        ends: list[float] = []
        busy: list[str] = []
        start = threading.Barrier(clients)
        sent, refused = self.conflict_simulator.transaction_count, self.conflict_simulator.conflict_count

        def client(number: int) -> None:
            start.wait()
            while has_more():
                began = time.perf_counter()
                try:
                    if not operation(number):
                        break
                    done.append((time.perf_counter(), time.perf_counter() - began))
                except unavailable as failure:
                    busy.append(failure.code)
                time.sleep(THINK_SECONDS * TIME_SCALE)
            ends.append(time.perf_counter())

        began = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(client, range(clients)))
        end = min(ends)
        return LoadResult(
            throughput=sum(moment <= end for moment, _ in done) / (end - began) * TIME_SCALE,
            latency=statistics.median(wait for _, wait in done) / TIME_SCALE,
            conflict_ratio=(self.conflict_simulator.conflict_count - refused)
            / (self.conflict_simulator.transaction_count - sent),
            unavailable_ratio=len(busy) / (len(done) + len(busy)),
        )


def _send_contents(uploads: "queue.SimpleQueue[tuple[Any, Any]]") -> "queue.SimpleQueue[tuple[Any, Any]]":
    """The same uploads, and their bytes have arrived."""
    sent: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
    with requests.Session() as session:
        while not uploads.empty():
            project, upload = uploads.get()
            session.request(
                upload.method, upload.url, data=_CONTENT, headers=upload.headers, timeout=10
            ).raise_for_status()
            sent.put((project, upload))
    return sent


@contextmanager
def run_ministack() -> Iterator[None]:
    """Empty stores on 127.0.0.1, and the settings by which this process finds them."""
    bypass_proxy()
    importlib.import_module("tests.conftest")  # the settings of a stage that exists nowhere
    sys.path.insert(0, str(_ROOT / "layers" / "core" / "python"))
    with TemporaryDirectory() as folder:
        cloud = LocalCloud(Path(folder), find_free_port())
        try:
            cloud.start()
            os.environ.update(
                {name: value for name, value in cloud.client_environment().items() if name.startswith("AWS_")}
            )
            os.environ |= {"AWS_REGION": _REGION, "AWS_DEFAULT_REGION": _REGION}
            os.environ["ORIGINALS_URL"] = f"{cloud.endpoint}/originals"
            yield
        finally:
            cloud.stop()


def build_table(benchmark: UploadBenchmark, runs: int, seconds: float) -> Table:
    """Each number of clients in one project and in ten, in turns."""
    table = Table(
        title=f"Uploads at once, median of {runs}, {os.cpu_count()} cores",
        caption=f"An emulation: a transaction takes {TRANSACTION_SECONDS * 1000:.0f} ms, and is refused while another holds one of its "
        f"items; time runs {TIME_SCALE} times slower than printed. Refused: of the transactions sent. Busy: of the requests, those "
        "that gave up with a 503.",
        caption_justify="left",
    )
    table.add_column("step", no_wrap=True)
    for column in ("clients", "projects", "/s", "latency ms", "conflicts", "503s", "10 / 1 projects"):
        table.add_column(column, justify="right")
    benchmark.measure(2, 1, 0.2)  # once for nothing: connections are opened
    for clients in CLIENTS:
        found: dict[int, list[tuple[LoadResult, LoadResult]]] = {projects: [] for projects in PROJECTS}
        for _ in range(runs):
            for projects, each in found.items():
                each.append(benchmark.measure(clients, projects, seconds))
        for step, name in enumerate(("init", "commit")):
            medians = {projects: _median([each[step] for each in found[projects]]) for projects in PROJECTS}
            for projects, outcome in medians.items():
                ratio = "" if projects == 1 else f"{outcome.throughput / medians[1].throughput:.1f}"
                table.add_row(name, str(clients), str(projects), *_format_row(outcome), ratio)
    return table


def _median(results: Sequence[LoadResult]) -> LoadResult:
    return LoadResult(
        *(statistics.median(values) for values in zip(*(vars(each).values() for each in results), strict=True))
    )


def _format_row(result: LoadResult) -> tuple[str, ...]:
    return (
        f"{result.throughput:.0f}",
        f"{result.latency * 1000:.0f}",
        f"{result.conflict_ratio * 100:.0f} %",
        f"{result.unavailable_ratio * 100:.1f} %",
    )


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=1)
    given, _ = arguments.parse_known_args()
    with run_ministack():
        Console().print(build_table(UploadBenchmark.create(), given.runs, given.seconds))


if __name__ == "__main__":
    main()
