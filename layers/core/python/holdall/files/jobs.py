"""What jobs do to files: read those whose bytes nobody hashed, and remove those that were purged."""

from dataclasses import replace

from holdall.events.service import emit
from holdall.files import service, store
from holdall.files.model import File, Version, kind_of
from holdall.files.service import FILE_CHANGED, MAX_ATTEMPTS
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import storage
from holdall.platform.errors import Conflict
from holdall.platform.table import Transaction
from holdall.quotas import service as quotas


def run_purge(job: Job) -> None:
    """Remove what a purged file left: each version's objects first, then its row, giving its quota back with it.

    Done twice or half, it ends in the same state. Raises Unavailable.
    """
    for version in store.list_versions(job.file_id):
        for drawn in version.variants:
            for shelf in ("media", "private"):
                storage.delete_variant(f"{shelf}/{drawn.key.partition('/')[2]}")
        storage.delete_version(version.key, version.s3_version_id)
        try:
            with Transaction() as write:
                store.delete_version(write, job.file_id, version.number, error=FILE_CHANGED)
                quotas.release(write, job.project_id, version.size, version_id=version.id)
                quotas.remove_version(write, job.project_id, kind_of(version.content_type), version)
        except Conflict:
            continue  # another worker was faster with this one
    file = store.get_or_none(job.file_id)
    with Transaction() as write:
        if file is not None:
            store.delete(write, file, error=FILE_CHANGED)
        jobs.complete(write, job)


def run_hash(job: Job) -> None:
    """Read a version that came without a SHA-256, and make it ready or, when it is not what was announced, rejected.

    Raises Unavailable, NotFound for an original that is gone before its rows are, and Conflict for a file that is changed
    all the time: the message comes back.
    """
    sha256 = None
    for _ in range(MAX_ATTEMPTS):
        file, version = service.get_file_and_version(job.file_id, job.version_number)
        if file is None or version is None or file.state == "purging":
            with Transaction() as write:
                jobs.fail(write, job, "file_gone")
            return
        sha256 = sha256 or storage.sha256_of(version.key, version.s3_version_id)
        try:
            _record_hash(job, file, version, sha256)
        except Conflict as conflict:
            if conflict is not FILE_CHANGED:
                raise
        else:
            return
    raise FILE_CHANGED


def _record_hash(job: Job, file: File, version: Version, sha256: str) -> None:
    if version.declared_sha256 in (None, sha256):
        done = replace(version, sha256=sha256, status="ready")
    else:
        done = replace(version, sha256=sha256, status="rejected", reason="checksum_mismatch")
    with Transaction() as write:
        service.update_version(write, file.id, done)
        service.update(write, file, done)
        if done.status == "ready":
            jobs.complete(write, job)
        else:
            jobs.fail(write, job, "checksum_mismatch")
        emit(write, file.project_id, f"file.{done.status}", fileId=file.id, version=done.number)
