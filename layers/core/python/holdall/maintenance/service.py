"""What Holdall does by itself: schedules that look for what is due, and the units of work that they ask for."""

from datetime import timedelta

from holdall.files import jobs as work_on_files
from holdall.files import service as files
from holdall.jobs import service as jobs
from holdall.jobs.model import Job, RunJob
from holdall.maintenance import export, recount, recount_repair
from holdall.maintenance import project_jobs as of_projects
from holdall.maintenance.model import ExportAudit, RecountStep, WorkMessage
from holdall.platform import observability
from holdall.projects.service import invitations, projects
from holdall.uploads import cleanup
from holdall.uploads.model import ExpireUpload
from holdall.variants import service as variants
from holdall.variants import sync

_JOB_LEASE = timedelta(minutes=15)  # longer than maintenance may run


def run_task(task: str) -> None:
    """Find what is due. Raises KeyError for a task that is none, and Unavailable."""
    tasks = {
        "expire-uploads": cleanup.enqueue_expirations,
        "send-pending-jobs": jobs.resend_due,
        "export-audit": export.enqueue_due,
        "recount": recount.start,
        "recount-repair": recount_repair.repair,
        "purge-projects": projects.purge_due,
        "send-pending-invitations": invitations.send_pending,
    }
    found = tasks[task]()
    observability.log_event("task.done", task=task, found=found)


def handle(message: WorkMessage) -> None:
    """Process a message of the queue `work`. It is received again if this raises an error, such as ServiceUnavailable."""
    match message:
        case ExpireUpload():
            cleanup.expire(message.upload_id)
        case ExportAudit():
            export.export_partition(message)
        case RecountStep():
            recount.run_step(message)
        case RunJob():
            _run_job(message.job_id)


def _run_job(job_id: str) -> None:
    job = jobs.claim(job_id, _JOB_LEASE)
    if job is None:
        return
    with jobs.releasing_on_error(job):
        _JOB_HANDLERS[job.kind](job)


def _purge_file(job: Job) -> None:
    # First, as the rows of its versions tell which uploads they were; done again, nothing changes.
    cleanup.expire_rows([version.id for version in files.list_versions(job.file_id)])
    work_on_files.run_purge(job)


_JOB_HANDLERS = {
    "hash": work_on_files.run_hash,
    "purge": _purge_file,
    "relocate": variants.run_relocate,
    "relocate-project": of_projects.run_relocate,
    "purge-project": of_projects.run_purge,
    "sync-project": sync.run,
}
