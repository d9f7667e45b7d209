"""The end of a job that fails again and again: what it was for gets the reason too."""

from holdall.files import jobs as file_jobs
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import observability
from holdall.platform.table import Transaction
from holdall.variants import service as variants


def give_up(job: Job, reason: str) -> None:
    """End a claimed job for this reason. An operator can retry a purge, a relocation or a sync for as long as it takes.

    Raises ServiceUnavailable, Busy and JobClaimed.
    """
    if job.kind == "render":
        variants.give_up(job, reason)
        return
    if job.kind == "hash":
        file_jobs.give_up_hash(job, reason)
        return
    fields = {"job_id": job.id, "kind": job.kind, "project_id": job.project_id, "file_id": job.file_id}
    observability.logger.error("job.gave_up", extra={**fields, "reason": reason})
    with Transaction() as tx:
        jobs.fail(tx, job, reason, expires=False)
