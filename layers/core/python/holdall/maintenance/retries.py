"""The retry of failed jobs, by members of their project or by the operator."""

from contextlib import suppress
from dataclasses import replace

from holdall.audit.service import log
from holdall.files import service as files
from holdall.files.model import FileChanged, FileRejected, Variant, Version
from holdall.idempotency import service as idempotency
from holdall.jobs import service as jobs
from holdall.jobs.model import DEAD_LETTER, GAVE_UP, Job, JobNotFailed
from holdall.maintenance.model import FileGone
from holdall.platform.caller import Caller
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction
from holdall.variants.reconcile import load, wanted_variants


def retry(caller: Caller, job_id: str) -> Job:
    """Start a failed job anew, and return it. The variants that it did not render are `processing` again.

    Raises NotFound, JobNotFailed, FileGone, FileRejected and Busy.
    """
    if idempotency.find(caller) is not None:
        return jobs.get(job_id)
    return retry_on(FileChanged, action=lambda: _retry(caller, job_id))


def retry_waiting_for_operator() -> int:
    """Start the jobs anew that gave up or whose message was a dead letter. Return their number. Raises ServiceUnavailable."""
    count = 0
    for job in jobs.iterate_waiting_for_operator():
        # It was started meanwhile, or what it was for is gone.
        with suppress(JobNotFailed, FileGone, FileRejected, FileChanged):
            with Transaction() as tx:
                _restart(tx, job)
            count += 1
    return count


def _retry(caller: Caller, job_id: str) -> Job:
    job = jobs.get(job_id)

    def work(tx: Transaction) -> Job:
        restarted = _restart(tx, job, caller)
        log(tx, caller, "jobs.retry", job.id)
        return restarted

    return idempotency.run(caller, work, save=lambda restarted: restarted.id, replay=jobs.get)


def _restart(tx: Transaction, job: Job, caller: Caller | None = None) -> Job:
    if job.status != "failed":
        raise JobNotFailed
    if job.kind == "render":
        _restart_rendering(tx, job)
    elif job.kind == "hash":
        _restart_hashing(tx, job)
    return jobs.restart(tx, job, caller)


def _restart_rendering(tx: Transaction, job: Job) -> None:
    """Make the variants that failed `processing`. Bytes that were no image have none, and get those of the settings.

    The reason of the version stays until the next run has a result.
    """
    loaded = load(*job.version_key)
    if loaded is None:
        raise FileGone
    project, file, version = loaded
    _require_retryable(version)
    variants = version.variants or wanted_variants(project, file, version).values()
    again = replace(version, variants=tuple(_as_processing(variant) for variant in variants))
    files.update_version(tx, file, again)


def _restart_hashing(tx: Transaction, job: Job) -> None:
    """Remove the reason that this job gave the version, so that the next run can tell its own."""
    file, version = files.get_file_and_version(*job.version_key)
    if file is None or version is None or file.state == "purging":
        raise FileGone
    _require_retryable(version)
    if version.reason in (GAVE_UP, DEAD_LETTER):
        files.update_version(tx, file, replace(version, reason=None))


def _require_retryable(version: Version) -> None:
    """Raise FileRejected for bytes that are not those that were announced. They never change, and neither does the result."""
    if version.status == "rejected":
        raise FileRejected(f"This file was rejected: {version.reason}.")


def _as_processing(variant: Variant) -> Variant:
    failed = variant.status == "failed"
    return variant.model_copy(update={"status": "processing", "reason": None}) if failed else variant
