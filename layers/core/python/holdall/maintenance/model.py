"""What a recount of the quotas finds, and how far it has come."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from holdall.jobs.model import RunJob
from holdall.platform.messages import Message, QueueName
from holdall.uploads.model import ExpireUpload

Phase = Literal["snapshot", "versions", "uploads", "compare"]
# What is kept of a round by shards: moves of quotas before it, sums of originals, and projects that were moved meanwhile.
Partial = Literal["snapshot", "counts", "changed"]
INSTALLATION = "installation"
MAX_LISTED = 100  # projects of each list of a report


@dataclass(frozen=True)
class RecountStep(Message):
    """Do a step of a recount."""

    queue: ClassVar[QueueName] = "work"
    run_id: str
    step: int
    type: Literal["recount-step"] = "recount-step"


@dataclass(frozen=True)
class ExportAudit(Message):
    """Export a shard of a day of the audit log, from the entry after `position` on, as object number `number`."""

    queue: ClassVar[QueueName] = "work"
    day: date
    shard: int
    number: int = 0
    position: str | None = None
    type: Literal["export-audit"] = "export-audit"


WorkMessage = ExpireUpload | ExportAudit | RecountStep | RunJob


class Drift(BaseModel):
    """A counter that does not say what was counted. `moves` are those of the counter when it was read."""

    model_config = ConfigDict(frozen=True)

    scope: str  # a project, or INSTALLATION
    recorded_bytes: int
    recorded_files: int
    counted_bytes: int
    counted_files: int
    version: int


class Report(BaseModel):
    """What a recount found. The lists name the first hundred, the installation before all; the numbers are of all."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    started_at: datetime
    ended_at: datetime | None = None
    compared: int = 0
    skipped: int = 0  # something came or went there in each round
    skipped_projects: list[str] = []
    drift_count: int = 0
    drifts: list[Drift] = []
    installation_compared: bool = False


class Checkpoint(BaseModel):
    """How far a recount has come. One that is done stays, as the last one."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    step: int = 0
    round_number: int = 1
    phase: Phase = "snapshot"
    shard: int = 0
    cursor: str | None = None
    cutoff_at: datetime  # versions count from before, uploads from then on
    updated_at: datetime  # when this was written
    done: bool = False
    report: Report
    installation_version: int = 0
    # What the installation should say: what projects hold, and what is missing there.
    total_bytes: int = 0
    total_files: int = 0
    missing_bytes: int = 0
    missing_files: int = 0
