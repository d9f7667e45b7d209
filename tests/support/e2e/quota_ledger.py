"""The counters of quotas, and the rows that they count, read with all permissions."""

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

SHARDS = 16  # of the counters of the installation
INSTALLATION_CACHE_SECONDS = 10  # for which a process uses the usage of the installation that it has read
_POLL_INTERVAL_SECONDS = 0.005
_DESERIALIZER = TypeDeserializer()

T = TypeVar("T")


@dataclass(frozen=True)
class Usage:
    """Bytes and number of originals or variants."""

    bytes: int = 0
    files: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.bytes + other.bytes, self.files + other.files)

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.bytes - other.bytes, self.files - other.files)

    def fits_in(self, limit: "Usage") -> bool:
        """Return whether neither bytes nor number exceed a limit."""
        return self.bytes <= limit.bytes and self.files <= limit.files


ZERO = Usage()
UsageByKind = Mapping[str, Usage]


@dataclass(frozen=True)
class QuotaLedger:
    """The counters of a deployment, and the rows that they count."""

    aws_state: AwsState

    def recorded_usage(self, project_id: str) -> Usage:
        """Return what the quota of a project counts."""
        return Usage(*self.aws_state.recorded_quota(project_id))

    def actual_usage(self, project_id: str) -> Usage:
        """Return the sum of the open uploads and the versions of a project."""
        rows = self._rows(project_id)
        uploads = [int(row["size"]) for row in rows if row["sk"] == "UPLOAD" and row["state"] == "open"]
        versions = [int(version["size"]) for version in _parse_versions(rows)]
        return Usage(sum(uploads) + sum(versions), len(uploads) + len(versions))

    def recorded_usage_by_kind(self, project_id: str) -> UsageByKind:
        """Return what the usage of a project counts, by kind, with variants."""
        shards = [row for shard in range(SHARDS) for row in self.aws_state.rows(f"USAGE#{project_id}#{shard}")]
        sums = {
            kind: Usage(_sum(shards, f"{each}_bytes"), _sum(shards, f"{each}s"))
            for kind, each in (("image", "image"), ("file", "file"), ("variant", "variant"))
        }
        return _without_zeros(sums)

    def actual_usage_by_kind(self, project_id: str) -> UsageByKind:
        """Return the sums of the versions of a project by kind, and of its ready variants."""
        sums: defaultdict[str, Usage] = defaultdict(Usage)
        for version in _parse_versions(self._rows(project_id)):
            sums[kind_of(version["content_type"])] += Usage(version["size"], 1)
            for variant in version["variants"]:
                sums["variant"] += Usage(variant["size"], 1) if variant["status"] == "ready" else ZERO
        return _without_zeros(sums)

    def installation_usage(self) -> Usage:
        """Return the sum of the counters of the installation, read in one transaction."""
        table = self.aws_state.outputs["MainTable"]
        keys = [{"pk": {"S": f"INSTALLATION#QUOTA#{part}"}, "sk": {"S": "QUOTA"}} for part in range(SHARDS)]
        response = self.aws_state.dynamodb.transact_get_items(
            TransactItems=[{"Get": {"TableName": table, "Key": key}} for key in keys]
        )
        rows = [each.get("Item", {}) for each in response["Responses"]]
        shards = [Usage(*(int(row.get(name, {}).get("N", "0")) for name in ("bytes", "files"))) for row in rows]
        return sum(shards, ZERO)

    def installation_limit(self) -> Usage:
        """Return the limit of the deployed installation."""
        configuration = self.aws_state.lambda_client.get_function_configuration(
            FunctionName=self.aws_state.outputs["UploadFunction"]
        )
        values = configuration["Environment"]["Variables"]
        return Usage(int(values["MAX_BYTES"]), int(values["MAX_FILES"]))

    @contextmanager
    def reserving_in_installation(self, size: int) -> Iterator[None]:
        """Let the installation count more bytes while a block runs, because no user may reserve that many."""
        self._add_to_installation(size)
        try:
            yield
        finally:
            self._add_to_installation(-size)

    def _add_to_installation(self, size: int) -> None:
        self.aws_state.dynamodb.update_item(
            TableName=self.aws_state.outputs["MainTable"],
            Key={"pk": {"S": "INSTALLATION#QUOTA#0"}, "sk": {"S": "QUOTA"}},
            UpdateExpression="SET record_type = :type ADD #bytes :size",
            ExpressionAttributeNames={"#bytes": "bytes"},
            ExpressionAttributeValues={":type": {"S": "installation-quota"}, ":size": {"N": str(size)}},
        )

    def send_work_message(self, message: Message) -> None:
        """Send a message to the queue of maintenance."""
        self.aws_state.sqs.send_message(QueueUrl=self.aws_state.outputs["WorkQueue"], MessageBody=message.to_json())

    def overwrite_object(self, key: str, content: bytes) -> None:
        """Put an object without a presigned URL."""
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
    """Call `read` repeatedly while a block runs, and once after it. Yield the list of results."""
    samples: list[T] = []
    stopped = threading.Event()
    failed: list[Exception] = []

    def sample() -> None:
        try:
            while not stopped.wait(_POLL_INTERVAL_SECONDS):
                samples.append(read())
            samples.append(read())
        except Exception as error:  # noqa: BLE001  # raised where the block ends
            failed.append(error)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield samples
    finally:
        stopped.set()
        sampler.join()
    if failed:
        raise failed[0]


def _parse_versions(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(row["version_json"]) for row in rows if row["sk"].startswith("VERSION#")]


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(int(row.get(name, 0)) for row in rows)


def _without_zeros(sums: Mapping[str, Usage]) -> UsageByKind:
    return {kind: count for kind, count in sums.items() if count != ZERO}
