"""Lists of a large project: what a page costs among a million files, compared with a page among a thousand.

    python -m bench lists [--files 1000000] [--minutes 15] [--rounds 200]

The first row of each state is written by the store, and the others are copies of it with other IDs and names. A tenth of the
files is in the trash. They are in one table of DynamoDB Local, in memory, with those of the small project, and the pages of the
two are read in turns. The goal is one Query for each page, and at most 1.2 times the capacity units and the time (ratio of
medians). Nothing asserts it. DynamoDB Local tells capacity units as AWS does, but its times say nothing about AWS.

Writing a million files takes three minutes on two cores, and 6 GB of memory. After `--minutes` the benchmark measures what is
written by then.
"""

import argparse
import http.client
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import local
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from holdall.files import store
from holdall.platform import ids
from holdall.platform.pagination import Page, PageRequest
from infra.local.dynamodb import DynamoDBLocal
from infra.local.process import HOST, bypass_proxy, find_free_port
from infra.local.progress import exit_on_user_error
from tests.scale.capacity import CapacityMeter, Cost
from tests.support import lists
from tests.support.rows import BatchWriter, RowFactory
from tests.support.tables import create_tables

GOAL: Final = 1.2
SMALL: Final = 1_000  # files
LIMIT: Final = 50  # files of a page
_LIVE_PART: Final = 0.9  # the other files are in the trash
_BATCH_SIZE: Final = 25  # AWS API reference, BatchWriteItem
_WRITERS: Final = 4
_BATCHES_IN_FLIGHT: Final = 400  # between two looks at the time
_HEADERS: Final = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.BatchWriteItem",
    # DynamoDB Local checks the form of a signature, and nothing else.
    "authorization": "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0",
    "x-amz-date": "20300101T000000Z",
}


@dataclass(frozen=True)
class FileList:
    """A list of a project, which is sorted by this attribute of its rows."""

    list_page: Callable[[str, PageRequest], Page[Any]]
    sort_key: str
    state: str = "live"
    descending: bool = True


LISTS: Final = {
    "newest first": FileList(store.list_newest, "gsi1sk"),
    "by name prefix": FileList(
        lambda project_id, page: store.list_by_name(project_id, "Photo-", page), "gsi2sk", descending=False
    ),
    "by kind": FileList(lambda project_id, page: store.list_by_kind(project_id, "image", page), "gsi3sk"),
    "trash": FileList(store.list_trash, "gsi1sk", state="trash"),
}
_FACTORIES: Final = {
    "live": lists.LISTS["files, newest first"].factory,
    "trash": lists.LISTS["trash of a project"].factory,
}


class Rows:
    """The rows of the files of a project in one state. The number of a copy is its ID and in its name."""

    def __init__(self, factory: RowFactory, project_id: str, digit: int) -> None:
        with BatchWriter() as tx:
            factory.add(tx, project_id, 0)
        (self._record,) = tx.created
        self._item = json.dumps(self._record.serialize())
        self._local_id = ids.local_part(self._record.attribute_values["id"])
        self._digit = digit  # with which the IDs of this state begin
        self.count = 0  # of the copies

    def copy(self, number: int) -> str:
        """Return a copy of the row in the form of BatchWriteItem."""
        return f'{{"PutRequest": {{"Item": {self._renumber(self._item, number)}}}}}'

    def sort_key(self, attribute: str, number: int) -> str:
        """Return the sort key of a copy in an index."""
        return self._renumber(getattr(self._record, attribute), number)

    def _renumber(self, text: str, number: int) -> str:
        return text.replace(self._local_id, f"{self._digit}{number:025}").replace("photo-00000", f"photo-{number:07}")


@dataclass
class LargeProject:
    """A project with many files."""

    project_id: str = field(default_factory=ids.new_project_id)
    rows: dict[str, Rows] = field(default_factory=dict)

    def fill(self, port: int, files: int, deadline: float, progress: Progress) -> None:
        """Write this many files. Stop at the deadline, in seconds of the monotonic clock."""
        bar = progress.add_task(f"Writing {files:,} files", total=files)
        self.rows = {
            state: Rows(factory, self.project_id, digit) for digit, (state, factory) in enumerate(_FACTORIES.items())
        }
        live = int(files * _LIVE_PART)
        for state, count in {"trash": files - live, "live": live}.items():
            _write(port, self.rows[state], count, deadline, lambda written: progress.advance(bar, written))

    @property
    def file_count(self) -> int:
        return sum(rows.count for rows in self.rows.values())

    def pages(self, file_list: FileList) -> dict[str, PageRequest]:
        """Return requests for pages of a list, with the cursors that clients have there."""
        rows = self.rows[file_list.state]
        last = LIMIT if file_list.descending else rows.count - LIMIT - 1
        before = {"middle": rows.count // 2, "last": last}
        return {
            "first": PageRequest(LIMIT),
            **{name: PageRequest(LIMIT, rows.sort_key(file_list.sort_key, number)) for name, number in before.items()},
        }


@dataclass
class Measured:
    """The cost and the seconds of each read of a page."""

    costs: list[Cost] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def cost(self) -> Cost:
        return max(self.costs, key=lambda cost: cost.units)

    @property
    def median_ms(self) -> float:
        return statistics.median(self.seconds) * 1000


def _write(port: int, rows: Rows, count: int, deadline: float, report: Callable[[int], None]) -> None:
    connections = local()

    def write_batch(start: int) -> None:
        if not hasattr(connections, "connection"):
            connections.connection = http.client.HTTPConnection(HOST, port)
        numbers = range(start, min(start + _BATCH_SIZE, count))
        body = f'{{"RequestItems": {{"main": [{", ".join(map(rows.copy, numbers))}]}}}}'
        connections.connection.request("POST", "/", body.encode(), _HEADERS)
        response = connections.connection.getresponse()
        content = response.read()
        if response.status != http.HTTPStatus.OK or json.loads(content)["UnprocessedItems"]:
            raise SystemExit(f"DynamoDB Local did not write a batch: {content[:500]!r}")
        report(len(numbers))

    starts = iter(range(0, count, _BATCH_SIZE))
    with ThreadPoolExecutor(_WRITERS) as writers:
        while time.monotonic() < deadline and (batches := list(itertools.islice(starts, _BATCHES_IN_FLIGHT))):
            list(writers.map(write_batch, batches))
            rows.count = min(batches[-1] + _BATCH_SIZE, count)


def measure(small: LargeProject, large: LargeProject, rounds: int, progress: Progress) -> Table:
    """Read each page of both projects in turns."""
    table = Table(
        title=f"A page of {LIMIT} among {large.file_count:,} files and among {small.file_count:,}, median of {rounds}",
        caption=f"units: capacity units. Goal: one call, ratios at most {GOAL}. DynamoDB Local, {os.cpu_count()} cores.",
        caption_justify="left",
    )
    for column in ("list", "page", "calls"):
        table.add_column(column, no_wrap=True)
    for column in ("units", "ratio", "ms", "ms in small", "ratio"):
        table.add_column(column, justify="right")
    bar = progress.add_task("Reading pages", total=3 * len(LISTS))
    with CapacityMeter().recording() as meter:
        for name, file_list in LISTS.items():
            pages = zip(small.pages(file_list).items(), large.pages(file_list).values(), strict=True)
            for (position, small_page), large_page in pages:
                few, many = _measure_in_turns(
                    meter, file_list, [(small.project_id, small_page), (large.project_id, large_page)], rounds
                )
                table.add_row(
                    name,
                    position,
                    ", ".join(many.cost.calls),
                    f"{many.cost.units:.1f}",
                    f"{many.cost.units / few.cost.units:.2f}",
                    f"{many.median_ms:.1f}",
                    f"{few.median_ms:.1f}",
                    f"{many.median_ms / few.median_ms:.2f}",
                )
                progress.advance(bar)
    return table


def _measure_in_turns(
    meter: CapacityMeter, file_list: FileList, requests: list[tuple[str, PageRequest]], rounds: int
) -> list[Measured]:
    results = [Measured() for _ in requests]
    for number in range(rounds + 1):  # the first round is not counted
        # Each of the two comes first in every other round.
        for index in (0, 1) if number % 2 else (1, 0):
            project_id, page = requests[index]
            started_at = time.perf_counter()
            found, cost = meter.measure(partial(file_list.list_page, project_id, page))
            seconds = time.perf_counter() - started_at
            if len(found.items) != LIMIT:
                raise SystemExit(f"A page has {len(found.items)} files instead of {LIMIT}.")
            if number:
                results[index].costs.append(cost)
                results[index].seconds.append(seconds)
    return results


@contextmanager
def run_dynamodb() -> Iterator[DynamoDBLocal]:
    """Run DynamoDB Local with the tables of the stack, and let this process use it."""
    bypass_proxy()
    with TemporaryDirectory() as folder:
        server = DynamoDBLocal(Path(folder), find_free_port())
        try:
            server.start()
            create_tables(server)
            os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = server.endpoint
            yield server
        finally:
            server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with exit_on_user_error(), run_dynamodb() as server:
        deadline = time.monotonic() + arguments.minutes * 60
        with Progress(*columns, console=console) as progress:
            small, large = LargeProject(), LargeProject()
            small.fill(server.port, SMALL, deadline, progress)
            large.fill(server.port, arguments.files, deadline, progress)
            table = measure(small, large, arguments.rounds, progress)
        console.print(table)


if __name__ == "__main__":
    main()
