"""What Holdall does by itself: schedules that look for what is due, and the units of work that they ask for."""

from datetime import timedelta

from holdall import observe
from holdall.files import service as files
from holdall.files import work as work_on_files
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.maintenance import correction, export, recount
from holdall.maintenance import projects as of_projects
from holdall.projects.service import invitations, projects
from holdall.uploads import service as uploads
from holdall.variants import service as variants
from holdall.variants import sync

_LEASE = timedelta(minutes=15)  # longer than maintenance may run


def look(task: str) -> None:
    """Find what is due. Raises KeyError for a task that is none, and Unavailable."""
    tasks = {
        "expire-uploads": uploads.expire_due,
        "send-pending-jobs": jobs.send_due,
        "export-audit": export.send_due,
        "recount": recount.start,
        "recount-repair": correction.repair,
        "purge-projects": projects.purge_due,
        "post-invitations": invitations.post_waiting,
    }
    found = tasks[task]()
    observe.event("task.done", task=task, found=found)


def work(kind: str, subject: str) -> None:
    """Do one unit of work. Raises KeyError for a kind that is none, and Unavailable or Conflict to get it again."""
    kinds = {"expire-upload": uploads.expire, "job": _run, "export-audit": export.write, "recount": recount.step}
    kinds[kind](subject)


def _run(job_id: str) -> None:
    job = jobs.claim(job_id, _LEASE)
    if job is None:
        return
    with jobs.held(job):
        _RUNS[job.kind](job)


def _purge(job: Job) -> None:
    # First, as the rows of its versions tell which uploads they were; done again, nothing changes.
    uploads.retire([version.id for version in files.versions(job.file_id)])
    work_on_files.run_purge(job)


_RUNS = {
    "hash": work_on_files.run_hash,
    "purge": _purge,
    "relocate": variants.run_relocate,
    "relocate-project": of_projects.run_relocate,
    "purge-project": of_projects.run_purge,
    "sync-project": sync.run,
}
