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
from tests.stack.state import State

PARTS = 16  # in which the installation is counted
_PAUSE = 0.005  # seconds between two looks
_PLAIN = TypeDeserializer()

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Count:
    """Some originals, or variants."""

    bytes: int = 0
    files: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.bytes + other.bytes, self.files + other.files)

    def __sub__(self, other: "Count") -> "Count":
        return Count(self.bytes - other.bytes, self.files - other.files)

    def within(self, most: "Count") -> bool:
        """Whether this is not above what it may be."""
        return self.bytes <= most.bytes and self.files <= most.files


NOTHING = Count()
ByKind = Mapping[str, Count]


@dataclass(frozen=True)
class Ledger:
    """The counters of one deployment, and what they count."""

    state: State

    def counted(self, project_id: str) -> Count:
        """What the quota of a project counts."""
        return Count(*self.state.quota(project_id))

    def there(self, project_id: str) -> Count:
        """What is there of a project: its open uploads, and its versions."""
        rows = self._rows(project_id)
        uploads = [int(row["size"]) for row in rows if row["sk"] == "UPLOAD" and row["state"] == "open"]
        versions = [int(version["size"]) for version in _versions(rows)]
        return Count(sum(uploads) + sum(versions), len(uploads) + len(versions))

    def used(self, project_id: str) -> ByKind:
        """What is counted as lying in a project, by kind, and what was drawn of it."""
        parts = [row for row in self.state.rows(f"PROJECT#{project_id}") if row["sk"].startswith("USAGE#")]
        sums = {
            kind: Count(_sum(parts, f"{each}_bytes"), _sum(parts, f"{each}s"))
            for kind, each in (("image", "image"), ("file", "file"), ("variant", "variant"))
        }
        return _without_nothing(sums)

    def lies(self, project_id: str) -> ByKind:
        """What does lie in a project."""
        sums: defaultdict[str, Count] = defaultdict(Count)
        for version in _versions(self._rows(project_id)):
            sums[kind_of(version["content_type"])] += Count(version["size"], 1)
            for drawn in version["variants"]:
                sums["variant"] += Count(drawn["size"], 1) if drawn["status"] == "ready" else NOTHING
        return _without_nothing(sums)

    def parts(self) -> list[Count]:
        """The counters of the installation, all at one moment."""
        table = self.state.outputs["MainTable"]
        keys = [{"pk": {"S": f"INSTALLATION#QUOTA#{part}"}, "sk": {"S": "QUOTA"}} for part in range(PARTS)]
        told = self.state.dynamodb.transact_get_items(
            TransactItems=[{"Get": {"TableName": table, "Key": key}} for key in keys]
        )
        rows = [each.get("Item", {}) for each in told["Responses"]]
        return [Count(*(int(row.get(name, {}).get("N", "0")) for name in ("bytes", "files"))) for row in rows]

    def installation(self) -> Count:
        """What the installation counts."""
        return sum(self.parts(), NOTHING)

    def cap(self) -> Count:
        """What the deployed installation may hold."""
        told = self.state.functions.get_function_configuration(FunctionName=self.state.outputs["UploadFunction"])
        values = told["Environment"]["Variables"]
        return Count(int(values["MAX_BYTES"]), int(values["MAX_FILES"]))

    def tell_work(self, kind: str, subject: str) -> None:
        """Put a message into the queue of maintenance."""
        body = json.dumps({"work": kind, "id": subject})
        self.state.sqs.send_message(QueueUrl=self.state.outputs["WorkQueue"], MessageBody=body)

    def spoil(self, key: str, content: bytes) -> None:
        """Put something under a key that no client was given a URL for."""
        self.state.s3.put_object(Bucket=self.state.outputs["OriginalsBucket"], Key=key, Body=content)

    def _rows(self, project_id: str) -> list[dict[str, Any]]:
        pages = self.state.dynamodb.get_paginator("scan").paginate(
            TableName=self.state.outputs["MainTable"],
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :file) OR begins_with(pk, :upload)",
            ExpressionAttributeValues={
                ":file": {"S": f"FILE#{project_id}-"},
                ":upload": {"S": f"UPLOAD#{project_id}-"},
            },
        )
        return [
            {name: _PLAIN.deserialize(value) for name, value in item.items()}
            for page in pages
            for item in page["Items"]
        ]


def share_of(cap: Count, part: int) -> Count:
    """What a part of the installation may hold at the most: the shares are as even as whole numbers are."""
    return Count(*(most // PARTS + (1 if part < most % PARTS else 0) for most in (cap.bytes, cap.files)))


@contextmanager
def watched(look: Callable[[], Seen]) -> Iterator[list[Seen]]:
    """What an onlooker sees, again and again, while a block runs, and once after it."""
    seen: list[Seen] = []
    over = threading.Event()
    failed: list[Exception] = []

    def watch() -> None:
        try:
            while not over.wait(_PAUSE):
                seen.append(look())
            seen.append(look())
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


def _versions(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(row["content"]) for row in rows if row["sk"].startswith("VERSION#")]


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(int(row.get(name, 0)) for row in rows)


def _without_nothing(sums: Mapping[str, Count]) -> ByKind:
    return {kind: count for kind, count in sums.items() if count != NOTHING}
