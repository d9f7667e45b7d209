"""Jobs as the members of a project and the operator see them."""

from datetime import timedelta

from holdall.jobs import store
from holdall.jobs.model import MAX_COUNT, STATUSES, Job, JobCounts, JobStatus, JobView
from holdall.platform.pagination import Page, PageRequest

_MILLISECOND = timedelta(milliseconds=1)


def list_jobs(project_id: str, status: JobStatus | None, page: PageRequest) -> Page[JobView]:
    """Return a page of the jobs of a project, newest first. One round trip. Raises ServiceUnavailable."""
    found = store.list_by_status(project_id, status, page) if status else store.list_by_project(project_id, page)
    return Page([view(job) for job in found.items], next=found.next, prev=found.prev)


def count_by_status(project_id: str) -> JobCounts:
    """Return how many jobs a project has of each status, at most MAX_COUNT. One round trip for each status."""
    counts = {status: store.count_by_status(project_id, status, MAX_COUNT) for status in STATUSES}
    return JobCounts.model_validate(counts)


def has_failed(project_id: str) -> bool:
    """Return whether a project has failed jobs. One round trip."""
    return store.count_by_status(project_id, "failed", 1) > 0


def view(job: Job) -> JobView:
    """Return the response for a job."""
    return JobView.model_construct(
        id=job.id,
        project_id=job.project_id,
        kind=job.kind,
        status=job.status,
        file_id=job.file_id,
        file_name=None,
        version=job.version_number,
        reason=job.reason,
        attempts=job.attempt,
        bytes=job.bytes,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        duration_ms=None if job.duration is None else job.duration // _MILLISECOND,
        next_attempt_at=job.due_at if job.status == "pending" else None,
    )
