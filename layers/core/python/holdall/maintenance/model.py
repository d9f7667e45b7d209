"""Messages of the queue `work`, and the results of a recount."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from holdall.edge.model import SyncPage, SyncVersions
from holdall.jobs.model import JobCounts, RunJob
from holdall.platform.errors import Conflict
from holdall.platform.messages import Message, QueueName
from holdall.platform.schemas import ResponseModel
from holdall.projects.model import ProjectStatus
from holdall.quotas.model import QuotaUsage
from holdall.tasks.model import RunTask, TaskRun
from holdall.uploads.messages import EndShareUploads, EndUpload, FindAtEdge

INSTALLATION = "installation"
SweepArea = Literal["originals", "multipart uploads", "public variants", "private variants", "records"]
MAX_LISTED = 100  # projects in each list of a report
_NOTHING = QuotaUsage()


class AlreadyReported(Conflict):
    """This run, or a later one, has its report."""


class AlreadyApplied(Conflict):
    """The report has corrected the installation, or is not the last one."""

    code, detail = "already_applied", "The report was already applied."


class FileGone(Conflict):
    """The file of a job was deleted permanently, or its version was."""

    code, detail = "wrong_state", "The file of this job was deleted."


class ProjectJobs(ResponseModel):
    """The jobs of a project, as an operator sees them. A project that is being purged may have no name any more."""

    project_id: str
    name: str | None
    status: ProjectStatus | None
    jobs: JobCounts


class Drift(BaseModel):
    """A difference between the recorded usage and the count."""

    model_config = ConfigDict(frozen=True)

    scope: str  # the ID of a project, or INSTALLATION
    recorded: QuotaUsage
    counted: QuotaUsage

    @property
    def missing(self) -> QuotaUsage:
        """Return what to add to the recorded usage."""
        return QuotaUsage(self.counted.bytes - self.recorded.bytes, self.counted.files - self.recorded.files)

    def __bool__(self) -> bool:
        return self.missing != _NOTHING


class ProjectResult(BaseModel):
    """The result for a project: its drift, or None. `skipped` means that it changed during each count."""

    model_config = ConfigDict(frozen=True)

    drift: Drift | None = None
    skipped: bool = False


class Report(BaseModel):
    """The result of a recount. The lists have the first hundred, with the installation first; the numbers are of all."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    started_at: datetime
    ended_at: datetime | None = None
    compared: int = 0
    skipped: int = 0
    skipped_projects: list[str] = []
    drift_count: int = 0
    drifts: list[Drift] = []
    installation_compared: bool = False

    def with_result(self, project_id: str, result: ProjectResult) -> "Report":
        """Return the report with the result of one more project."""
        if result.skipped:
            listed = [*self.skipped_projects, project_id][:MAX_LISTED]
            return self.model_copy(update={"skipped": self.skipped + 1, "skipped_projects": listed})
        report = self.model_copy(update={"compared": self.compared + 1})
        return report.with_drift(result.drift) if result.drift else report

    def with_drift(self, drift: Drift) -> "Report":
        """Return the report with one more drift. The installation is listed in any case, because it is corrected from here."""
        listed = [drift, *self.drifts] if drift.scope == INSTALLATION else [*self.drifts, drift]
        return self.model_copy(update={"drift_count": self.drift_count + 1, "drifts": listed[:MAX_LISTED]})


@dataclass(frozen=True)
class RecountPage(Message):
    """Add the results of a page of projects to the report, and count those that have none."""

    queue: ClassVar[QueueName] = "work"
    report: Report
    attempt: int = 1
    shard: int = 0
    position: str | None = None
    missing: int = 0  # projects without a result
    installation_version: int = 0  # when the attempt began
    counted: QuotaUsage = _NOTHING
    run: TaskRun | None = None  # the last release sent none
    type: Literal["recount-page"] = "recount-page"

    def with_project(self, project_id: str, usage: QuotaUsage, result: ProjectResult) -> Self:
        """Return the message with one more project: its usage now, and what its counters lack, which never changes."""
        missing = result.drift.missing if result.drift else _NOTHING
        report = self.report.with_result(project_id, result)
        return replace(self, report=report, counted=self.counted + usage + missing)


@dataclass(frozen=True)
class RecountProject(Message):
    """Count the originals of a project after `position`, and add them to those before."""

    queue: ClassVar[QueueName] = "work"
    run_id: str
    project_id: str
    attempt: int = 1
    suspected: Drift | None = None  # what the attempt before has found
    position: str | None = None
    version: int = 0  # of the usage when the attempt began
    counted: QuotaUsage = _NOTHING
    type: Literal["recount-project"] = "recount-project"

    @property
    def group_id(self) -> str:
        return self.project_id

    def with_originals(self, sizes: list[int], position: str | None) -> Self:
        """Return the message with more originals, up to this position."""
        return replace(self, position=position, counted=self.counted + QuotaUsage(sum(sizes), len(sizes)))


@dataclass(frozen=True)
class ExportAudit(Message):
    """Export a shard of a day of the audit log, from the entry after `position` on, as object number `number`."""

    queue: ClassVar[QueueName] = "work"
    day: date
    shard: int
    number: int = 0
    position: str | None = None
    type: Literal["export-audit"] = "export-audit"


@dataclass(frozen=True)
class FindTrash(Message):
    """Look for projects that keep their trash for a limited time, after `position` of a shard."""

    queue: ClassVar[QueueName] = "work"
    shard: int = 0
    position: str | None = None
    type: Literal["find-trash"] = "find-trash"


@dataclass(frozen=True)
class EmptyTrash(Message):
    """Purge the files that have been in the trash of a project for too long, after `position`."""

    queue: ClassVar[QueueName] = "work"
    project_id: str
    position: str | None = None
    type: Literal["empty-trash"] = "empty-trash"

    @property
    def group_id(self) -> str:
        return self.project_id


@dataclass(frozen=True)
class SweepPage(Message):
    """Sweep a page of an area, after a marker."""

    queue: ClassVar[QueueName] = "work"
    run: TaskRun
    area: SweepArea = "originals"
    marker: tuple[str, str] | None = None
    type: Literal["sweep-page"] = "sweep-page"


@dataclass(frozen=True)
class Mark:
    """When, and in which run, an object was first found without a record that names it."""

    run_id: str
    seen_at: datetime


WorkMessage = (
    EmptyTrash
    | EndShareUploads
    | EndUpload
    | ExportAudit
    | FindAtEdge
    | FindTrash
    | RecountPage
    | RecountProject
    | RunJob
    | RunTask
    | SyncPage
    | SyncVersions
    | SweepPage
)
