"""Jobs: work that goes on after the response of the request that started it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, get_args

from pydantic import Field

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
STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)

RESEND_AFTER = timedelta(seconds=60)  # the message of a job that is pending for longer is sent again
RETENTION = timedelta(days=30)  # of a job that ended; what its owner needs to know is in the version too
MAX_FAILURES = 10  # in a row; then the next claim ends the job
OUTAGE_PATIENCE = timedelta(days=3)  # for as long after its request, an unavailable service is no failure of the job
GAVE_UP = "gave_up"  # the reason of a job that failed too often
DEAD_LETTER = "dead_letter"  # the reason of a job whose message failed as often as SQS delivers it
MAX_COUNT = 100  # the highest number that a count of jobs tells, because counting reads every job


class JobNotFailed(Conflict):
    """The job is open or completed, so there is nothing to retry."""

    code, detail = "wrong_state", "Only a failed job can be retried."


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
    bytes: int | None = None  # of the original, if the job is on a version
    started_at: datetime | None = None  # by its first worker since it was requested or retried
    due_at: datetime | None = None  # if it is open: when its message is sent again

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "processing")

    @property
    def waits_for_operator(self) -> bool:
        """Whether the job failed although its work could be done, so that a person has to look at it and retry it."""
        return self.status == "failed" and self.reason in (GAVE_UP, DEAD_LETTER)

    @property
    def finished_at(self) -> datetime | None:
        return None if self.is_open else self.updated_at

    @property
    def duration(self) -> timedelta | None:
        """Return the time from the first attempt to the end, or None if it is not known."""
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None

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


class JobView(ResponseModel):
    """A job in a response."""

    id: str
    project_id: str
    kind: JobKind
    status: JobStatus
    file_id: str | None = Field(description="The file of a job on a file or a version.")
    file_name: str | None = Field(
        default=None, description="In lists: the name of this file, while there is one and the caller may read files."
    )
    version: int | None = Field(description="The number of the version of a job on a version.")
    reason: str | None = Field(description="Why the job failed.")
    attempts: int = Field(description="How often a worker began the job.")
    bytes: int | None = Field(description="The size of the original, for a job on a version.")
    created_at: datetime
    started_at: datetime | None = Field(description="When a worker first began it since it was created or retried.")
    finished_at: datetime | None
    duration_ms: int | None = Field(description="From `startedAt` to `finishedAt`, with the pauses between attempts.")
    next_attempt_at: datetime | None = Field(
        description="When a pending job is given to the workers again, if none of them has begun it by then."
    )


class JobCounts(ResponseModel):
    """Jobs of a project by status. Each number is at most 100, which stands for 100 or more."""

    pending: int
    processing: int
    completed: int
    failed: int
