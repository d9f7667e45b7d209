"""Maintenance: scheduled tasks, and the messages of the queue `work`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from holdall.edge import service as edge
from holdall.edge.model import SyncPage, SyncVersions
from holdall.files import jobs as file_jobs
from holdall.files import purge, trim
from holdall.jobs import service as jobs
from holdall.jobs.model import GAVE_UP, Job, RunJob
from holdall.maintenance import dead_letters, export, project_jobs, recount, recount_repair, retention, retries, sweep
from holdall.maintenance.giving_up import give_up
from holdall.maintenance.model import (
    EmptyTrash,
    ExportAudit,
    FindTrash,
    RecountPage,
    RecountProject,
    SweepPage,
    WorkMessage,
)
from holdall.platform import observability
from holdall.platform.errors import NotFound
from holdall.projects.service import invitations, projects
from holdall.shares import service as shares
from holdall.tasks import service as tasks
from holdall.tasks.model import RunTask, TaskRun
from holdall.uploads import arrivals, cleanup
from holdall.uploads.messages import EndShareUploads, EndUpload, FindAtEdge
from holdall.variants import relocation, sync

JOB_LEASE = timedelta(minutes=16)  # longer than the timeout of the function

TASK_RUNNERS = {
    "expire-uploads": cleanup.enqueue_due,
    "send-pending-jobs": jobs.resend_due,
    "end-dead-jobs": dead_letters.consume,
    "retry-jobs": retries.retry_waiting_for_operator,
    "export-audit": export.enqueue_due,
    "empty-trash": retention.start,
    "recount-repair": recount_repair.repair,
    "purge-projects": projects.purge_due,
    "send-pending-invitations": invitations.send_pending,
}
# These continue by messages, and save their own reports.
LONG_TASKS = {"recount": recount.start, "sweep": sweep.start, "sync-edge": edge.start}


def run_scheduled(task: str) -> None:
    """Run a task because its time has come. Raises NotFound for an unknown one, and ServiceUnavailable."""
    _run_task(TaskRun.new(task, "schedule"))


def run_for_operator(task: str, *, dry_run: bool) -> TaskRun:
    """Run a task now, and return its report, or that of the run that has not ended.

    Raises NotFound, DryRunUnsupported, TaskRunning, Busy and ServiceUnavailable.
    """
    run = tasks.start_by_operator(task, dry_run=dry_run)
    return _run_task(run) if run.status == "pending" else run


def get_report(task: str) -> TaskRun:
    """Return the report of the last run of a task that someone requested. Raises NotFound."""
    run = tasks.last_request(task)
    if run is None:
        raise NotFound
    return run


def run_requested(message: RunTask) -> None:
    """Run a task that someone requested, again if its worker was interrupted. Raises ServiceUnavailable.

    A run that has done a step goes on by messages of its own.
    """
    run = tasks.last_request(message.task)
    if run is not None and run.id == message.run_id and run.is_open and run.steps == 0:
        _run_task(run)


def _run_task(run: TaskRun) -> TaskRun:
    run = run.started()
    if run.task in LONG_TASKS:
        tasks.save(run)
        LONG_TASKS[run.task](run)
        return run
    found = TASK_RUNNERS[run.task]()
    observability.log_event("task.done", task=run.task, found=found)
    return tasks.save(run.counted(found=found).ended())


def handle(message: WorkMessage) -> None:
    """Process a message of the queue `work`. It is received again if this raises an error, such as ServiceUnavailable."""
    _MESSAGE_HANDLERS[type(message)](message)


def _run_job(message: RunJob) -> None:
    job = jobs.claim(message.job_id, JOB_LEASE, checks=message.checks)
    if job is None:
        return
    with jobs.releasing_on_error(job):
        if job.has_failed_too_often:
            give_up(job, GAVE_UP)
        else:
            _JOB_HANDLERS[job.kind](job)


def _purge_file(job: Job) -> None:
    # First, because the records of the versions name their uploads. It can be repeated.
    versions = purge.list_versions(job.required_file_id)
    cleanup.expire_rows([version.original_id for version in versions if version.owns_original])
    shares.delete_rows(job.required_file_id)
    purge.run_file(job, versions)


def _purge_version(job: Job) -> None:
    version = purge.hand_over_original(job)
    if version is not None and version.owns_original:
        cleanup.expire_rows([version.original_id])
    purge.run_version(job, version)


_JOB_HANDLERS = {
    "hash": file_jobs.run_hash,
    "purge": _purge_file,
    "purge-version": _purge_version,
    "trim-versions": trim.run,
    "relocate": relocation.run,
    "relocate-project": project_jobs.run_relocate,
    "purge-project": project_jobs.run_purge,
    "sync-project": sync.run,
    "abort-uploads": project_jobs.run_abort_uploads,
}

_MESSAGE_HANDLERS: dict[type[WorkMessage], Callable[[Any], None]] = {
    EmptyTrash: retention.empty_trash,
    EndShareUploads: cleanup.abort_uploads_of_share,
    EndUpload: lambda message: cleanup.end(message.upload_id),
    ExportAudit: export.export_partition,
    FindAtEdge: arrivals.look_at_edge,
    FindTrash: retention.find_trash,
    RecountPage: recount.run_page,
    RecountProject: recount.count_project,
    RunJob: _run_job,
    RunTask: run_requested,
    SweepPage: sweep.run_page,
    SyncPage: edge.run_page,
    SyncVersions: edge.sync_versions,
}
