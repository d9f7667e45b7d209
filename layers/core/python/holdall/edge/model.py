"""Messages of the sync of the edge store, and what they did."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from holdall.files.model import SyncList, VersionKey
from holdall.platform import ids
from holdall.platform.messages import Message, QueueName
from holdall.tasks.model import TaskRun

BATCH_SIZE = 10  # versions in one message
Outcome = Literal["moved", "copy_deleted", "unchanged"]


class FailedVersion(BaseModel):
    """A version that stays at the edge until the next run, and why."""

    model_config = ConfigDict(frozen=True)

    file_id: str
    version: int
    reason: str


class BatchResult(BaseModel):
    """What became of the versions of a message."""

    model_config = ConfigDict(frozen=True)

    moved: int = 0
    moved_bytes: int = 0
    copies_deleted: int = 0
    failures: tuple[FailedVersion, ...] = ()

    def with_outcome(self, outcome: Outcome, size: int) -> "BatchResult":
        """Return the result with one more version."""
        if outcome == "moved":
            return self.model_copy(update={"moved": self.moved + 1, "moved_bytes": self.moved_bytes + size})
        return self.model_copy(update={"copies_deleted": self.copies_deleted + (outcome == "copy_deleted")})

    def with_failures(self, keys: list[VersionKey], reason: str) -> "BatchResult":
        """Return the result with versions that failed."""
        failures = (FailedVersion(file_id=file_id, version=number, reason=reason) for file_id, number in keys)
        return self.model_copy(update={"failures": (*self.failures, *failures)})

    def add_to(self, run: TaskRun) -> TaskRun:
        """Return the report of a run with this result."""
        counts = {"moved": self.moved, "movedBytes": self.moved_bytes, "copiesDeleted": self.copies_deleted}
        run = run.counted(**counts, failed=len(self.failures))
        for failure in self.failures:
            run = run.found(failure.reason, f"{failure.file_id} version {failure.version}")
        return run


_NOTHING = BatchResult()


@dataclass(frozen=True)
class SyncPage(Message):
    """Send the versions of a page to workers, or, when all are sent, add their results to the report.

    Of `sent` batches, the results of the first `collected` ones are in the report. `checks` is how often no other was there.
    """

    queue: ClassVar[QueueName] = "work"
    run: TaskRun
    list_name: SyncList | None = "to-sync"  # None: all are sent
    shard: int = 0
    position: str | None = None
    sent: int = 0
    collected: int = 0
    checks: int = 0
    type: Literal["sync-page"] = "sync-page"


@dataclass(frozen=True)
class SyncVersions(Message):
    """Move these versions to S3, or delete the copies that they left. `result` is that of those before."""

    queue: ClassVar[QueueName] = "work"
    run_id: str
    run_started_at: datetime
    batch: int
    keys: list[VersionKey]
    result: BatchResult = _NOTHING
    type: Literal["sync-versions"] = "sync-versions"

    @property
    def group_id(self) -> str:
        return ids.project_id_of(self.keys[0][0])
