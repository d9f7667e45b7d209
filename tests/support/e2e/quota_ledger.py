"""What the counters of quotas say, beside what is there: the rows themselves, with all rights."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer

from holdall.files.model import kind_of
from holdall.platform.messages import Message
from tests.support.e2e.aws_state import AwsState

SHARDS = 16  # in which the installation is counted
INSTALLATION_CACHE_SECONDS = 10  # for which a process uses the usage of the installation that it has read
_POLL_INTERVAL_SECONDS = 0.005  # seconds between two looks
_DESERIALIZER = TypeDeserializer()

T = TypeVar("T")


@dataclass(frozen=True)
class Usage:
    """Some originals, or variants."""

    bytes: int = 0
    files: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.bytes + other.bytes, self.files + other.files)

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.bytes - other.bytes, self.files - other.files)

    def fits_in(self, limit: "Usage") -> bool:
        """Whether this is not above what it may be."""
        return self.bytes <= limit.bytes and self.files <= limit.files


ZERO = Usage()
UsageByKind = Mapping[str, Usage]


@dataclass(frozen=True)
class QuotaLedger:
    """The counters of one deployment, and what they count."""

    aws_state: AwsState

    def recorded_usage(self, project_id: str) -> Usage:
        """What the quota of a project counts."""
        return Usage(*self.aws_state.recorded_quota(project_id))

    def actual_usage(self, project_id: str) -> Usage:
        """What is there of a project: its open uploads, and its versions."""
        rows = self._rows(project_id)
        uploads = [int(row["size"]) for row in rows if row["sk"] == "UPLOAD" and row["state"] == "open"]
        versions = [int(version["size"]) for version in _parse_versions(rows)]
        return Usage(sum(uploads) + sum(versions), len(uploads) + len(versions))

    def recorded_usage_by_kind(self, project_id: str) -> UsageByKind:
        """What is counted as lying in a project, by kind, and what was drawn of it."""
        parts = [row for row in self.aws_state.rows(f"PROJECT#{project_id}") if row["sk"].startswith("USAGE#")]
        sums = {
            kind: Usage(_sum(parts, f"{each}_bytes"), _sum(parts, f"{each}s"))
            for kind, each in (("image", "image"), ("file", "file"), ("variant", "variant"))
        }
        return _without_zeros(sums)

    def actual_usage_by_kind(self, project_id: str) -> UsageByKind:
        """What does lie in a project."""
        sums: defaultdict[str, Usage] = defaultdict(Usage)
        for version in _parse_versions(self._rows(project_id)):
            sums[kind_of(version["content_type"])] += Usage(version["size"], 1)
            for drawn in version["variants"]:
                sums["variant"] += Usage(drawn["size"], 1) if drawn["status"] == "ready" else ZERO
        return _without_zeros(sums)

    def installation_usage(self) -> Usage:
        """Return the sum of the counters of the installation, read in one transaction."""
        table = self.aws_state.outputs["MainTable"]
        keys = [{"pk": {"S": f"INSTALLATION#QUOTA#{part}"}, "sk": {"S": "QUOTA"}} for part in range(SHARDS)]
        told = self.aws_state.dynamodb.transact_get_items(
            TransactItems=[{"Get": {"TableName": table, "Key": key}} for key in keys]
        )
        rows = [each.get("Item", {}) for each in told["Responses"]]
        shards = [Usage(*(int(row.get(name, {}).get("N", "0")) for name in ("bytes", "files"))) for row in rows]
        return sum(shards, ZERO)

    def installation_limit(self) -> Usage:
        """What the deployed installation may hold."""
        told = self.aws_state.lambda_client.get_function_configuration(
            FunctionName=self.aws_state.outputs["UploadFunction"]
        )
        values = told["Environment"]["Variables"]
        return Usage(int(values["MAX_BYTES"]), int(values["MAX_FILES"]))

    def send_work_message(self, message: Message) -> None:
        """Send a message to the queue of maintenance."""
        self.aws_state.sqs.send_message(QueueUrl=self.aws_state.outputs["WorkQueue"], MessageBody=message.to_json())

    def overwrite_object(self, key: str, content: bytes) -> None:
        """Put something under a key that no client was given a URL for."""
        self.aws_state.s3.put_object(Bucket=self.aws_state.outputs["OriginalsBucket"], Key=key, Body=content)

    def _rows(self, project_id: str) -> list[dict[str, Any]]:
        pages = self.aws_state.dynamodb.get_paginator("scan").paginate(
            TableName=self.aws_state.outputs["MainTable"],
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :file) OR begins_with(pk, :upload)",
            ExpressionAttributeValues={
                ":file": {"S": f"FILE#{project_id}-"},
                ":upload": {"S": f"UPLOAD#{project_id}-"},
            },
        )
        return [
            {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}
            for page in pages
            for item in page["Items"]
        ]


@contextmanager
def sample_in_background(read: Callable[[], T]) -> Iterator[list[T]]:
    """What an onlooker sees, again and again, while a block runs, and once after it."""
    seen: list[T] = []
    over = threading.Event()
    failed: list[Exception] = []

    def watch() -> None:
        try:
            while not over.wait(_POLL_INTERVAL_SECONDS):
                seen.append(read())
            seen.append(read())
        except Exception as error:  # noqa: BLE001  # it is told where the block ends
            failed.append(error)

    onlooker = threading.Thread(target=watch)
    onlooker.start()
    try:
        yield seen
    finally:
        over.set()
        onlooker.join()
    if failed:
        raise failed[0]


def _parse_versions(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(row["version_json"]) for row in rows if row["sk"].startswith("VERSION#")]


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(int(row.get(name, 0)) for row in rows)


def _without_zeros(sums: Mapping[str, Usage]) -> UsageByKind:
    return {kind: count for kind, count in sums.items() if count != ZERO}
