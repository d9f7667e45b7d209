"""Concurrent uploads: how many are initiated and committed per second, in one project and in ten.

    python -m bench uploads [--runs 3] [--seconds 1]

This is a simulation. The services run in threads of this process, and AWS is MiniStack. Clients send the bytes between the two
measurements. Below the SDK, a transaction takes 8 ms, and is rejected while another one holds one of its items, as in AWS. A
client pauses 20 ms between two requests, for the network and its other work. All of these times are four times longer than
printed, so that the work of this machine matters less. The result shows how requests block each other, and not what AWS can do:
docs/benchmarks.md compares it with the limits of AWS.
"""

import argparse
import hashlib
import os
import queue
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest.mock import patch

import requests
from rich.console import Console
from rich.table import Table

from holdall.platform import clock
from holdall.platform.caller import Caller
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.observability import logger
from holdall.platform.table.records import connection
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.uploads import service as uploads
from holdall.uploads.model import CommitUploadRequest, InitUploadRequest, InitUploadResponse
from infra.local.cloud import LocalCloud
from infra.local.conflict_simulator import ConflictSimulator
from infra.local.process import bypass_proxy, find_free_port
from tests.support import process, users
from tests.support.aws import FakeAws

CLIENTS: Final = (1, 8, 32, 64)
PROJECTS: Final = (1, 10)
TIME_SCALE: Final = 4
TRANSACTION_SECONDS: Final = 0.008
THINK_SECONDS: Final = 0.02  # between two requests of a client
_CONTENT: Final = b"The bytes of a small file."
_UPLOAD: Final = InitUploadRequest.model_validate(
    {
        "filename": "notes.txt",
        "size": len(_CONTENT),
        "contentType": "text/plain",
        "sha256": hashlib.sha256(_CONTENT).hexdigest(),
    }
)

OpenUploads = queue.SimpleQueue[tuple[Project, InitUploadResponse]]


@dataclass(frozen=True)
class LoadResult:
    """What some clients achieved, in printed time."""

    throughput: float  # requests per second
    latency: float  # seconds, median
    conflict_ratio: float  # of all transactions
    unavailable_ratio: float  # of all requests


@dataclass(frozen=True)
class UploadBenchmark:
    """A user with projects."""

    caller: Caller
    projects: Sequence[Project]
    conflict_simulator: ConflictSimulator

    @classmethod
    def create(cls) -> "UploadBenchmark":
        """Create a user and projects, and start to simulate conflicts."""
        FakeAws.create()
        client = users.create_client()
        ids = [client.post("/projects", {"name": "Bench"}).created()["id"] for _ in range(max(PROJECTS))]
        simulator = ConflictSimulator(transaction_seconds=TRANSACTION_SECONDS * TIME_SCALE)
        simulator.attach(connection.client.meta.events)
        caller = Caller("192.0.2.7", "bench", "bench", client.user["id"], None, frozenset())
        return cls(caller, [each for id_ in ids if (each := projects.get_or_none(id_))], simulator)

    def measure(self, clients: int, projects: int, seconds: float) -> tuple[LoadResult, LoadResult]:
        """Initiate uploads for this many seconds, and then commit them. Return both results."""
        initiated: OpenUploads = queue.SimpleQueue()
        end = time.perf_counter() + seconds * TIME_SCALE

        def init(client: int) -> bool:
            # Each client is another user, because one user commits no faster than one project initiates.
            project, caller = self.projects[client % projects], replace(self.caller, user_id=f"{client:026}")
            initiated.put((project, uploads.init(caller, project, _UPLOAD)))
            return True

        def commit(_: int) -> bool:
            try:
                project, upload = uploaded.get_nowait()
            except queue.Empty:
                return False
            request = CommitUploadRequest.model_validate({"uploadId": upload.upload_id})
            uploads.commit(self.caller, project, request)
            return True

        init_result = self._run_clients(clients, init, lambda: time.perf_counter() < end)
        uploaded = _send_contents(initiated)
        return init_result, self._run_clients(clients, commit, lambda: True)

    def _run_clients(self, clients: int, request: Callable[[int], bool], has_more: Callable[[], bool]) -> LoadResult:
        """Let each client repeat a request. The throughput counts until the first client has none left."""
        times: list[tuple[float, float]] = []  # the end and the duration of each request
        ends: list[float] = []  # of the clients
        unavailable: list[ServiceUnavailable] = []
        barrier = threading.Barrier(clients)
        simulator = self.conflict_simulator
        transactions, conflicts = simulator.transaction_count, simulator.conflict_count

        def run_client(number: int) -> None:
            barrier.wait()
            while has_more():
                start = time.perf_counter()
                try:
                    if not request(number):
                        break
                    times.append((time.perf_counter(), time.perf_counter() - start))
                except ServiceUnavailable as error:
                    unavailable.append(error)
                time.sleep(THINK_SECONDS * TIME_SCALE)
            ends.append(time.perf_counter())

        start = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(run_client, range(clients)))
        end = min(ends)
        return LoadResult(
            throughput=sum(request_end <= end for request_end, _ in times) / (end - start) * TIME_SCALE,
            latency=statistics.median(duration for _, duration in times) / TIME_SCALE,
            conflict_ratio=(simulator.conflict_count - conflicts) / (simulator.transaction_count - transactions),
            unavailable_ratio=len(unavailable) / (len(times) + len(unavailable)),
        )


def _send_contents(initiated: OpenUploads) -> OpenUploads:
    """Upload the bytes of all uploads, and return the uploads."""
    uploaded: OpenUploads = queue.SimpleQueue()
    with requests.Session() as session:
        while not initiated.empty():
            project, upload = initiated.get()
            session.request(
                upload.method or "", upload.url or "", data=_CONTENT, headers=upload.headers, timeout=10
            ).raise_for_status()
            uploaded.put((project, upload))
    return uploaded


@contextmanager
def run_ministack() -> Iterator[None]:
    """Run an empty AWS on 127.0.0.1, which this process uses."""
    bypass_proxy()
    region = os.environ["AWS_REGION"]
    with TemporaryDirectory() as directory:
        cloud = LocalCloud(Path(directory), find_free_port())
        try:
            cloud.start()
            variables = {name: value for name, value in cloud.client_environment().items() if name.startswith("AWS_")}
            os.environ |= {**variables, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
            os.environ |= {"ORIGINALS_URL": f"{cloud.endpoint}/originals"}
            process.clear_settings()
            yield
        finally:
            cloud.stop()


def build_table(benchmark: UploadBenchmark, runs: int, seconds: float) -> Table:
    """Measure each number of clients in one project and in ten, in turns."""
    table = Table(
        title=f"Concurrent uploads, median of {runs}, {os.cpu_count()} cores",
        caption=f"A simulation: a transaction takes {TRANSACTION_SECONDS * 1000:.0f} ms, and is rejected while another one "
        f"holds one of its items. All times are {TIME_SCALE} times longer than printed. conflicts: of the transactions. 503s: "
        "of the requests.",
        caption_justify="left",
    )
    table.add_column("step", no_wrap=True)
    for column in ("clients", "projects", "/s", "latency ms", "conflicts", "503s", "10 / 1 projects"):
        table.add_column(column, justify="right")
    benchmark.measure(2, 1, 0.2)  # not counted, because it opens connections
    for clients in CLIENTS:
        results: dict[int, list[tuple[LoadResult, LoadResult]]] = {count: [] for count in PROJECTS}
        for _ in range(runs):
            for count, measured in results.items():
                measured.append(benchmark.measure(clients, count, seconds))
        for step, name in enumerate(("init", "commit")):
            medians = {count: _median([each[step] for each in measured]) for count, measured in results.items()}
            for count, median in medians.items():
                ratio = "" if count == 1 else f"{median.throughput / medians[1].throughput:.1f}"
                table.add_row(name, str(clients), str(count), *_format_row(median), ratio)
    return table


def _median(results: Sequence[LoadResult]) -> LoadResult:
    return LoadResult(*map(statistics.median, zip(*map(astuple, results), strict=True)))


def _format_row(result: LoadResult) -> tuple[str, ...]:
    return (
        f"{result.throughput:.0f}",
        f"{result.latency * 1000:.0f}",
        f"{result.conflict_ratio * 100:.0f} %",
        f"{result.unavailable_ratio * 100:.1f} %",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    arguments = parser.parse_args()
    logger.setLevel("CRITICAL")  # because a line for each request would hide the table
    with run_ministack(), patch.object(clock, "sleep", lambda seconds: time.sleep(seconds * TIME_SCALE)):
        Console().print(build_table(UploadBenchmark.create(), arguments.runs, arguments.seconds))


if __name__ == "__main__":
    main()
