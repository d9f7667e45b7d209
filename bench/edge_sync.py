"""The copy of originals from the edge store to S3: throughput and peak memory, compared with boto3's own copy.

    python -m bench edge_sync [--runs 3] [--latency 20] [--network 71]

Both stores are a MinIO on this machine, without TLS, and share its cores. The network is simulated: each request waits 20 ms,
as on the way between a site and a region, and each process sends and receives at 71 MB/s, as a function of Lambda does
(docs/benchmarks.md, hashing). Holdall copies with eight processes, as eight messages do at once in Lambda: each hashes what it
reads, and compares. boto3 copies the same objects one after the other with its transfer manager, and checks nothing. The goal
is three times its throughput. The records of files in DynamoDB are left out. Nothing asserts it.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Final
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from holdall.platform import aws, clock, originals, parameters
from holdall.platform.edge_copies import Original, copy_to_s3
from infra.local.minio import ROOT_PASSWORD, ROOT_USER, Minio
from infra.local.process import bypass_proxy, find_free_port
from infra.local.progress import exit_on_user_error
from infra.local.s3_client import create_s3_client

_ROOT: Final = Path(__file__).parents[1]
_MESSAGES: Final = 8
_MIB: Final = 2**20
SETS: Final = ((400, _MIB // 4), (80, 8 * _MIB), (8, 128 * _MIB))  # number and size of objects


@dataclass(frozen=True)
class Stores:
    """Two servers, and the environment of a process that copies from one to the other."""

    edge: Minio
    s3: Minio
    environment: dict[str, str]

    def fill(self, count: int, size: int) -> list[dict[str, Any]]:
        """Put random objects into the edge store, and return what a version tells of each."""
        found = []
        for number in range(count):
            content = os.urandom(size)
            key = f"bench/{size}/{number}"
            self.edge.client().put_object(Bucket="edge", Key=key, Body=content, ContentType="video/mp4")
            found.append({"key": key, "size": size, "sha256": hashlib.sha256(content).hexdigest()})
        return found


class Network:
    """The network of one process: every request waits, and one byte after the other is sent and received."""

    def __init__(self, latency_ms: float, megabytes_per_second: float) -> None:
        self._latency, self._rate = latency_ms / 1000, megabytes_per_second * 1e6
        self._sending, self._receiving = Lock(), Lock()

    def attach(self, client: Any) -> None:
        client.meta.events.register("before-send.s3", self._send)
        client.meta.events.register("after-call.s3.GetObject", self._wrap)

    def _send(self, request: Any, **_: Any) -> None:
        time.sleep(self._latency)
        with self._sending:
            time.sleep(int(request.headers.get("Content-Length") or 0) / self._rate)

    def _wrap(self, parsed: Any, **_: Any) -> None:
        read = parsed["Body"].read

        def read_slowly(size: int | None = None) -> bytes:
            content: bytes = read(size)
            with self._receiving:
                time.sleep(len(content) / self._rate)
            return content

        parsed["Body"].read = read_slowly


@contextmanager
def run_stores() -> Iterator[Stores]:
    bypass_proxy()
    with TemporaryDirectory() as directory, ExitStack() as stack:
        edge, s3 = (Minio(Path(directory) / name, find_free_port()) for name in ("edge", "s3"))
        for server, bucket in ((edge, "edge"), (s3, "originals")):
            server.start()
            stack.callback(server.stop)
            server.client().create_bucket(Bucket=bucket)
        s3.client().put_bucket_versioning(Bucket="originals", VersioningConfiguration={"Status": "Enabled"})
        store = {"endpoint": edge.endpoint, "public_endpoint": edge.endpoint, "bucket": "edge", "region": "us-east-1"}
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL_S3": s3.endpoint,
            "AWS_ACCESS_KEY_ID": ROOT_USER,
            "AWS_SECRET_ACCESS_KEY": ROOT_PASSWORD,
            "EDGE_STORE": json.dumps({**store, "delete_after_sync": False}),
        }
        yield Stores(edge, s3, environment)


def copy(
    kind: str, stores: Stores, network: Sequence[str], batches: Sequence[list[dict[str, Any]]]
) -> tuple[float, float]:
    """Copy each batch in a process of its own, all at once. Return the seconds, and the peak MiB of one process."""
    command = [sys.executable, "-m", "bench.edge_sync", "--worker", kind, *network]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers: list[Any] = [subprocess.Popen(command, cwd=_ROOT, env=stores.environment, **pipes) for _ in batches]
    for worker in workers:
        worker.stdout.readline()  # it has imported everything
    start = time.perf_counter()
    for worker, batch in zip(workers, batches, strict=True):
        worker.stdin.write(json.dumps([stores.edge.endpoint, stores.s3.endpoint, batch]) + "\n")
        worker.stdin.flush()
    peaks = [float(worker.stdout.readline()) for worker in workers]
    seconds = time.perf_counter() - start
    for worker in workers:
        worker.communicate()
    return seconds, max(peaks)


def work(kind: str, network: Network) -> None:
    """Copy what standard input names, and print the peak memory."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    edge_endpoint, s3_endpoint, batch = json.loads(sys.stdin.readline())
    if kind == "boto3":
        source, target = (create_s3_client(each, ROOT_USER, ROOT_PASSWORD) for each in (edge_endpoint, s3_endpoint))
    else:
        source, target = originals.edge_bucket().client(), aws.client("s3")
    for client in (source, target):
        network.attach(client)
    for each in batch:
        if kind == "boto3":
            body = source.get_object(Bucket="edge", Key=each["key"])["Body"]
            target.upload_fileobj(body, "originals", each["key"], ExtraArgs={"ContentType": "video/mp4"})
        else:
            original = Original(each["key"], originals.NO_VERSION, each["size"], "video/mp4", each["sha256"])
            copy_to_s3(original, deadline=clock.now() + timedelta(hours=1))
    # Not `ru_maxrss`, which a process inherits from the one that starts it.
    [peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    sys.stdout.write(f"{int(peak) / 1024}\n")
    sys.stdout.flush()


def build_table(runs: int, latency: float, rate: float) -> Table:
    """Copy each set in both ways, in turns."""
    network = ("--latency", str(latency), "--network", str(rate))
    table = Table(
        title=f"From the edge store to S3, median of {runs}, {os.cpu_count()} cores, {latency:g} ms, {rate:g} MB/s",
        caption="MiB: the peak memory of one process.",
        caption_justify="left",
    )
    for column in ("objects", "boto3 MB/s", "Holdall MB/s", "ratio", "boto3 MiB", "Holdall MiB"):
        table.add_column(column, justify="right")
    with run_stores() as stores:
        for count, size in SETS:
            objects = stores.fill(count, size)
            batches = [objects[number::_MESSAGES] for number in range(_MESSAGES)]
            peer, own = [], []
            for _ in range(runs):
                peer.append(copy("boto3", stores, network, [objects]))
                own.append(copy("holdall", stores, network, batches))
            speeds = [count * size / 1e6 / statistics.median(each[0] for each in runs_) for runs_ in (peer, own)]
            peaks = [max(each[1] for each in runs_) for runs_ in (peer, own)]
            table.add_row(
                f"{count} of {size / _MIB:g} MiB",
                *(f"{speed:.0f}" for speed in speeds),
                f"{speeds[1] / speeds[0]:.1f}",
                *(f"{peak:.0f}" for peak in peaks),
            )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency", type=float, default=20, help="milliseconds")
    parser.add_argument("--network", type=float, default=71, help="MB/s of each process, each way")
    parser.add_argument("--worker", choices=["boto3", "holdall"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        credentials = json.dumps({"accessKeyId": ROOT_USER, "secretAccessKey": ROOT_PASSWORD})
        with patch.object(parameters, "get", lambda _: credentials):
            work(arguments.worker, Network(arguments.latency, arguments.network))
        return
    with exit_on_user_error():
        Console().print(build_table(arguments.runs, arguments.latency, arguments.network))


if __name__ == "__main__":
    main()
