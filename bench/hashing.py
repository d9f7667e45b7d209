"""The hashing of one large object by the worker: speed, CPU time and peak memory, compared with sha256sum.

    python -m bench hashing [--mib 1024] [--runs 5]

The object is in MinIO on this machine, without TLS, so the network costs nothing, but the server shares the cores. sha256sum
reads the same bytes from the page cache. Each measurement is a new process, the two take turns, and results are medians. The
goal is a peak memory of 256 MB. Nothing asserts it.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from holdall.platform import clock, storage
from infra.local.minio import ROOT_PASSWORD, ROOT_USER, Minio
from infra.local.process import bypass_proxy, find_free_port
from infra.local.progress import exit_on_user_error

_ROOT: Final = Path(__file__).parents[1]
_BUCKET, _KEY = "originals", "large"
_BLOCK: Final = 2**20


@dataclass(frozen=True)
class LargeObject:
    """The same bytes in a file and in MinIO."""

    file: Path
    version_id: str
    environment: dict[str, str]  # of a process that reads the object

    @property
    def size(self) -> int:
        return self.file.stat().st_size


@contextmanager
def large_object(mib: int) -> Iterator[LargeObject]:
    """Yield an object of random bytes in a new MinIO."""
    bypass_proxy()
    with TemporaryDirectory() as name:
        minio = Minio(Path(name) / "minio", find_free_port())
        minio.start()
        try:
            file = Path(name) / _KEY
            with file.open("wb") as output:
                for _ in range(mib):
                    output.write(os.urandom(_BLOCK))
            s3 = minio.client()
            s3.create_bucket(Bucket=_BUCKET)
            s3.put_bucket_versioning(Bucket=_BUCKET, VersioningConfiguration={"Status": "Enabled"})
            with file.open("rb") as content:
                version_id = s3.put_object(Bucket=_BUCKET, Key=_KEY, Body=content)["VersionId"]
            endpoint = {"AWS_ENDPOINT_URL": minio.endpoint, "ORIGINALS_BUCKET": _BUCKET}
            keys = {"AWS_ACCESS_KEY_ID": ROOT_USER, "AWS_SECRET_ACCESS_KEY": ROOT_PASSWORD}
            yield LargeObject(file, version_id, {**os.environ, **endpoint, **keys})
        finally:
            minio.stop()


def measure(version_id: str, size: int) -> dict[str, Any]:
    """Hash the object once in this process. Return the digest, seconds of wall and CPU time, and peak bytes of memory."""
    wall, cpu = time.perf_counter(), time.process_time()
    sha256 = storage.sha256_of(_KEY, version_id, size, deadline=clock.now() + timedelta(hours=1))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"sha256": sha256, "wall": wall, "cpu": cpu, "peak": peak}


def measure_worker(large: LargeObject) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.hashing", "--measure", large.version_id, str(large.size)]
    process = subprocess.run(command, cwd=_ROOT, env=large.environment, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(process.stdout)
    return result


def measure_sha256sum(large: LargeObject) -> dict[str, Any]:
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = ["sha256sum", str(large.file)]
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"sha256": process.stdout.split()[0], "wall": wall, "cpu": cpu, "peak": 0}


def build_table(large: LargeObject, runs: int) -> Table:
    table = Table(title=f"SHA-256 of {large.size / 2**20:.0f} MiB, median of {runs}, {os.cpu_count()} cores")
    for column in ("", "MB/s", "CPU s", "peak MiB", "wall / sha256sum"):
        table.add_column(column, justify="right" if column else "left")
    results: dict[str, list[dict[str, Any]]] = {"sha256sum": [], "worker": []}
    for _ in range(runs):
        results["sha256sum"].append(measure_sha256sum(large))
        results["worker"].append(measure_worker(large))
    [_] = {each["sha256"] for measured in results.values() for each in measured}  # all agree
    reference = _median(results["sha256sum"], "wall")
    for name, measured in results.items():
        wall, cpu, peak = (_median(measured, key) for key in ("wall", "cpu", "peak"))
        memory = f"{peak / 2**20:.0f}" if peak else ""
        table.add_row(name, f"{large.size / wall / 1e6:.0f}", f"{cpu:.2f}", memory, f"{wall / reference:.2f}")
    return table


def _median(measured: list[dict[str, Any]], key: str) -> float:
    return statistics.median(float(each[key]) for each in measured)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--measure", nargs=2, metavar=("VERSION", "SIZE"), help="print one measurement as JSON")
    arguments = parser.parse_args()
    if arguments.measure:
        version_id, size = arguments.measure
        print(json.dumps(measure(version_id, int(size))))
        return
    with exit_on_user_error(), large_object(arguments.mib) as large:
        Console().print(build_table(large, arguments.runs))


if __name__ == "__main__":
    main()
