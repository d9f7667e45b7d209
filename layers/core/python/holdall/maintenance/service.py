"""What Holdall does by itself: schedules that look for what is due, and the units of work that they ask for."""

from datetime import timedelta

from holdall import observe
from holdall.files import service as files
from holdall.jobs import service as jobs
from holdall.uploads import service as uploads
from holdall.variants import service as variants

_LEASE = timedelta(minutes=15)  # longer than maintenance may run


def look(task: str) -> None:
    """Find what is due. Raises KeyError for a task that is none, and Unavailable."""
    tasks = {"expire-uploads": uploads.expire_due, "send-pending-jobs": jobs.send_due}
    found = tasks[task]()
    observe.event("task.done", task=task, found=found)


def work(kind: str, subject: str) -> None:
    """Do one unit of work. Raises KeyError for a kind that is none, and Unavailable or Conflict to get it again."""
    {"expire-upload": uploads.expire, "job": _run}[kind](subject)


def _run(job_id: str) -> None:
    job = jobs.claim(job_id, _LEASE)
    if job is None:
        return
    {"hash": files.run_hash, "purge": files.run_purge, "relocate": variants.run_relocate}[job.kind](job)
