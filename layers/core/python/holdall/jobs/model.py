"""Jobs: work that goes on after the response of the request that started it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from holdall.platform import ids
from holdall.platform.errors import Conflict
from holdall.platform.messages import Message, QueueName
from holdall.platform.schemas import ResponseModel

JobKind = Literal[
    "render",
    "hash",
    "relocate",
    "purge",
    "purge-version",
    "trim-versions",
    "relocate-project",
    "purge-project",
    "sync-project",
    "abort-uploads",
]
JobStatus = Literal["pending", "processing", "completed", "failed"]

RESEND_AFTER = timedelta(seconds=60)  # the message of a job that is pending for longer is sent again
RETENTION = timedelta(days=30)  # of a job that ended; what its owner needs to know is in the version too
MAX_FAILURES = 10  # in a row; then the next claim ends the job
OUTAGE_PATIENCE = timedelta(days=3)  # for as long after its request, an unavailable service is no failure of the job
GAVE_UP = "gave_up"  # the reason of a job that failed too often


class JobClaimed(Conflict):
    """The job is not this worker's any more: its lease ended, or the job was requested again and has to start anew."""

    code, detail = "job_claimed", "Another worker has claimed this job."


@dataclass(frozen=True)
class JobState:
    """The progress of a job that needs many runs."""

    position: str | None = None  # where the next run continues
    checks: int = 0  # how many runs found that they have to wait


@dataclass(frozen=True)
class Job:
    """A unit of work on a version, a file or a project.

    A project has one job of each kind on the whole project, which every request starts anew. If a worker has claimed it, it
    is `pending` with a lease until that worker is done. `attempt` counts the claims. `failures` counts the errors and the
    leases that ran out since the last step forward.
    """

    id: str
    project_id: str
    kind: JobKind
    file_id: str | None
    version_number: int | None
    status: JobStatus
    reason: str | None  # why it failed
    attempt: int
    failures: int
    state: JobState
    lease_expires_at: datetime | None
    requested_by: str | None  # the user who must have the right to request it as long as it runs
    api_key_id: str | None  # of the key that acted for this user
    created_at: datetime
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "processing")

    @property
    def has_failed_too_often(self) -> bool:
        """Whether the worker that claims the job must end it with the reason GAVE_UP instead of trying again."""
        return self.failures >= MAX_FAILURES

    @property
    def required_file_id(self) -> str:
        """Return the ID of the file of a job on a file or a version."""
        assert self.file_id is not None
        return self.file_id

    @property
    def version_key(self) -> tuple[str, int]:
        """Return the ID of the file and the number of the version of a job on a version."""
        assert self.version_number is not None
        return self.required_file_id, self.version_number


@dataclass(frozen=True)
class RenderImage(Message):
    """Run a job of the kind `render`, on the worker that has Pillow."""

    queue: ClassVar[QueueName] = "images"
    job_id: str

    @property
    def group_id(self) -> str:
        return ids.project_id_of(self.job_id)


@dataclass(frozen=True)
class RunJob(Message):
    """Run a job of another kind, if it has waited `checks` times: the message of an earlier wait must not end a later one."""

    queue: ClassVar[QueueName] = "work"
    job_id: str
    checks: int = 0
    type: Literal["run-job"] = "run-job"

    @property
    def group_id(self) -> str:
        return ids.project_id_of(self.job_id)


class JobAccepted(ResponseModel):
    job_id: str
