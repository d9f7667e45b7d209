"""The job that hashes a version that has no SHA-256."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from holdall.events.service import emit
from holdall.files import service
from holdall.files.model import File, FileChanged, Version
from holdall.jobs import service as jobs
from holdall.jobs.model import GAVE_UP, Job
from holdall.platform import clock, observability, storage
from holdall.platform.errors import NotFound
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction

HASH_TIME = timedelta(minutes=14)  # of one run; below the timeout of the function
_MAX_HASH_RUNS = 3  # that take longer
_Loaded = tuple[File, Version]


def run_hash(job: Job) -> None:
    """Hash a version that has no SHA-256. It becomes ready, or rejected if the client declared another checksum.

    If its original is gone, it is rejected too. If three runs do not finish in time, the job gives up. Raises
    ServiceUnavailable and Busy.
    """
    loaded = _load(job)
    try:
        sha256 = _hash(loaded[1]) if loaded else ""
    except NotFound:
        _end(job, _as_gone)
    except TimeoutError:
        observability.log_event("hash.timed_out", job_id=job.id, runs=job.state.checks + 1)
        if job.state.checks + 1 < _MAX_HASH_RUNS:
            jobs.reschedule_later(job)
        else:
            give_up_hash(job, GAVE_UP)
    else:
        _end(job, partial(_as_hashed, sha256=sha256), loaded)


def give_up_hash(job: Job, reason: str) -> None:
    """End a claimed job for this reason. The version is ready without a SHA-256, and its reason says so.

    No one knows that its bytes are not those that were announced, so it is not rejected. Raises ServiceUnavailable and Busy.
    """
    _end(job, partial(_as_unhashed, reason=reason))


def _hash(version: Version) -> str:
    return storage.sha256_of(
        version.key,
        version.s3_version_id,
        version.size,
        deadline=clock.now() + HASH_TIME,
        location=version.location,
    )


def _load(job: Job) -> _Loaded | None:
    file, version = service.get_file_and_version(*job.version_key)
    return None if file is None or version is None or file.state == "purging" else (file, version)


def _end(job: Job, change: Callable[[Version], Version], loaded: _Loaded | None = None) -> None:
    """Record the end of a job in its version. The job fails if the version has a reason."""
    retry_on(
        FileChanged,
        first=lambda: _record(job, loaded or _load(job), change),
        action=lambda: _record(job, _load(job), change),
    )


def _record(job: Job, loaded: _Loaded | None, change: Callable[[Version], Version]) -> None:
    with Transaction() as tx:
        if loaded is None:
            jobs.fail(tx, job, "file_gone")
            return
        file, before = loaded
        version = change(before)
        if version.reason is None or version.reason == before.reason:  # it may tell why there are no variants
            jobs.complete(tx, job)
        else:
            jobs.fail(tx, job, version.reason)
        service.update_version(tx, file, version)
        emit(tx, file.project_id, f"file.{version.status}", fileId=file.id, version=version.number)


def _as_hashed(version: Version, sha256: str) -> Version:
    if version.declared_sha256 in (None, sha256):
        return replace(version, sha256=sha256, status="ready")
    return replace(version, sha256=sha256, status="rejected", reason="checksum_mismatch")


def _as_gone(version: Version) -> Version:
    return replace(version, status="rejected", reason="original_gone")


def _as_unhashed(version: Version, reason: str) -> Version:
    return replace(version, status="ready", reason=reason)
