"""What a job is: work that outlives the request that asked for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from holdall.platform.errors import Conflict
from holdall.platform.messages import Message, QueueName
from holdall.platform.schemas import ResponseModel

JobKind = Literal["render", "hash", "relocate", "purge", "relocate-project", "purge-project", "sync-project"]
JobStatus = Literal["pending", "processing", "completed", "failed"]

RESEND_AFTER = timedelta(seconds=60)  # how long a pending job may wait before its message is sent again


class JobClaimed(Conflict):
    """Another worker has claimed the job, because the lease of this one ended."""

    code, detail = "job_claimed", "Another worker has claimed this job."


@dataclass(frozen=True)
class Job:
    """One unit of work on a file, or on a whole project. `attempt` names the claim under which it is being done."""

    id: str
    project_id: str
    kind: JobKind
    file_id: str  # empty when it is about the whole project
    version_number: int  # of the version; 0 when it is about the whole file
    status: JobStatus
    reason: str | None
    attempt: int
    cursor: str | None  # where a job of many parts goes on
    created_at: datetime
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.status in ("pending", "processing")


@dataclass(frozen=True)
class RenderImage(Message):
    """Run a job of the kind `render`, which needs the worker that has Pillow."""

    queue: ClassVar[QueueName] = "images"
    job_id: str


@dataclass(frozen=True)
class RunJob(Message):
    """Run a job of another kind."""

    queue: ClassVar[QueueName] = "work"
    job_id: str
    type: Literal["run-job"] = "run-job"


class JobAccepted(ResponseModel):
    """A job that goes on when the answer is out."""

    job_id: str
