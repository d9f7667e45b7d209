"""The tasks of the installation, their schedules, and the reports of their runs."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from holdall.platform import clock, ids
from holdall.platform.errors import Conflict, NotFound, ValidationFailed
from holdall.platform.messages import Message, QueueName
from holdall.platform.schemas import ResponseModel

Trigger = Literal["schedule", "request"]
RunStatus = Literal["pending", "running", "completed", "lost"]
MAX_EXAMPLES = 20  # in a report
# Longer than a message can be away: 90 minutes after its worker was killed, see the queue `work`.
_PATIENCE = timedelta(hours=2)
_RATE = re.compile(r"rate\((\d+) minutes?\)")
_CRON = re.compile(r"cron\((\d+) (\d+) (?:\* \* \?|\? \* ([A-Z]{3})) \*\)")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


class TaskRunning(Conflict):
    """A dry run was requested before, and did not end, or the other way round."""

    code, detail = "task_running", "This task is running. Wait until it ends."


class RunChanged(Conflict):
    """Another request started the task, or this report is not the last one."""

    code, detail = "run_changed", "The task was started meanwhile. Try again."


class DryRunUnsupported(ValidationFailed):
    """The task cannot tell what it would do."""

    code, detail = "dry_run_unsupported", "This task has no dry run."


@dataclass(frozen=True)
class Task:
    """A task of the function `maintenance`."""

    description: str
    has_dry_run: bool = False


TASKS = {
    "expire-uploads": Task(
        "Ends uploads that were not committed in time, releases their quota, and deletes what was uploaded."
    ),
    "send-pending-jobs": Task("Sends jobs again that no worker has claimed."),
    "end-dead-jobs": Task("Ends the jobs whose message failed five times."),
    "retry-jobs": Task("Starts jobs again that gave up or ended with their message."),
    "export-audit": Task("Copies the audit entries of the last days to the bucket of exports."),
    "empty-trash": Task("Purges files that were in the trash for longer than their project keeps them."),
    "purge-projects": Task("Starts to purge projects that were deleted 30 days ago."),
    "recount": Task("Counts what projects hold, and reports counters that differ."),
    "recount-repair": Task("Corrects the counters that the last recount reported."),
    "sweep": Task(
        "Removes objects that no record has named in two runs, and variants that no setting names; reports records whose "
        "objects are gone, and projects without an active owner.",
        has_dry_run=True,
    ),
    "sync-edge": Task(
        "Moves new files from the edge store to S3, and deletes what was moved the night before, if that is configured."
    ),
    "send-pending-invitations": Task("Sends invitations to projects that never reached the queue."),
}


class Example(ResponseModel):
    """Something that a run found."""

    finding: str
    subject: str = Field(description="The key of an object, or an ID.")
    bytes: int | None = None


class TaskRun(BaseModel):
    """The report of a run. A run that continues by messages has done `steps` of them."""

    model_config = ConfigDict(frozen=True)

    id: str
    task: str
    trigger: Trigger
    dry_run: bool = False
    requested_by: str | None = None
    started_at: datetime | None = None
    updated_at: datetime
    ended_at: datetime | None = None
    steps: int = 0
    counts: dict[str, int] = {}
    examples: list[Example] = []

    @classmethod
    def new(cls, task: str, trigger: Trigger, *, dry_run: bool = False, requested_by: str | None = None) -> Self:
        """Return a run that has not started. Raises NotFound for an unknown task, and DryRunUnsupported."""
        if task not in TASKS:
            raise NotFound
        if dry_run and not TASKS[task].has_dry_run:
            raise DryRunUnsupported
        return cls(
            id=ids.new_id(),
            task=task,
            trigger=trigger,
            dry_run=dry_run,
            requested_by=requested_by,
            updated_at=clock.now(),
        )

    @property
    def status(self) -> RunStatus:
        """Return the status. A run is lost if nothing was heard of it for hours: its message failed too often."""
        if self.ended_at is not None:
            return "completed"
        if clock.now() - self.updated_at > _PATIENCE:
            return "lost"
        return "pending" if self.started_at is None else "running"

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "running")

    def started(self) -> Self:
        now = clock.now()
        return self.model_copy(update={"started_at": self.started_at or now, "updated_at": now})

    def counted(self, **counts: int) -> Self:
        """Return the report with more of what the run counts."""
        return self.model_copy(
            update={"counts": self.counts | {name: self.counts.get(name, 0) + add for name, add in counts.items()}}
        )

    def found(self, finding: str, subject: str, size: int | None = None) -> Self:
        """Count a finding, and keep the first ones as examples."""
        example = Example(finding=finding, subject=subject, bytes=size)
        examples = [*self.examples, example] if len(self.examples) < MAX_EXAMPLES else self.examples
        return self.model_copy(update={"examples": examples}).counted(**{finding: 1})

    def stepped(self) -> Self:
        """Return the report after one more message."""
        return self.model_copy(update={"steps": self.steps + 1, "updated_at": clock.now()})

    def ended(self) -> Self:
        now = clock.now()
        return self.model_copy(update={"updated_at": now, "ended_at": now})


class TaskRunView(ResponseModel):
    """The report of a run."""

    job_id: str
    status: RunStatus = Field(description="`lost`: nothing was heard of the run for two hours. Start it again.")
    dry_run: bool
    requested_by: str | None
    started_at: datetime | None
    ended_at: datetime | None
    counts: dict[str, int]
    examples: list[Example] = Field(description=f"The first {MAX_EXAMPLES} findings.")


class TaskView(ResponseModel):
    """A task, when it runs, and what its last runs found."""

    name: str
    description: str
    schedule: str | None = Field(description="The expression of EventBridge Scheduler, in UTC. Null: on request only.")
    has_dry_run: bool
    next_run_at: datetime | None
    last_run: TaskRunView | None = Field(description="The last run by the schedule.")
    last_request: TaskRunView | None = Field(description="The last run that someone requested.")


@dataclass(frozen=True)
class RunTask(Message):
    """Run a task that someone requested."""

    queue: ClassVar[QueueName] = "work"
    task: str
    run_id: str
    type: Literal["run-task"] = "run-task"


def view_run(run: TaskRun) -> TaskRunView:
    """Return the response for a run."""
    return TaskRunView(
        job_id=run.id,
        status=run.status,
        dry_run=run.dry_run,
        requested_by=run.requested_by,
        started_at=run.started_at,
        ended_at=run.ended_at,
        counts=run.counts,
        examples=run.examples,
    )


def next_call(schedule: str, last_call: datetime | None, now: datetime) -> datetime | None:
    """Return when a schedule calls next. The phase of a rate is known only after its first call.

    Knows the expressions that `infra/constructs/schedules.py` writes. Raises ValueError for any other.
    """
    if rate := _RATE.fullmatch(schedule):
        if last_call is None:
            return None
        period = timedelta(minutes=int(rate[1]))
        return last_call + period * max(1, (now - last_call) // period + 1)
    cron = _CRON.fullmatch(schedule)
    if cron is None:
        raise ValueError(schedule)
    minute, hour, weekday = cron.groups()
    today = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    days = 0 if weekday is None else (_WEEKDAYS.index(weekday) - today.weekday()) % 7
    called_at = today + timedelta(days=days)
    return called_at if called_at > now else called_at + timedelta(days=1 if weekday is None else 7)
