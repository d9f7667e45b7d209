"""Jobs of files: hash a version that has no SHA-256, and delete a purged file."""

from dataclasses import replace

from holdall.events.service import emit
from holdall.files import service, store
from holdall.files.model import File, FileChanged, Version, kind_of
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import storage
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction
from holdall.quotas import service as quotas


def run_purge(job: Job) -> None:
    """Delete a purged file: the objects of each version, then its row, which releases its quota. The row of the file is last.

    The result is the same after an interruption or a repetition. Raises ServiceUnavailable.
    """
    file_id = job.required_file_id
    for version in store.list_versions(file_id):
        service.delete_variants(variant.unprefixed_key for variant in version.variants)
        storage.delete_version(version.key, version.s3_version_id)
        try:
            with Transaction() as tx:
                store.delete_version(tx, file_id, version.number)
                quotas.release(tx, job.project_id, version.size, version_id=version.id)
                quotas.remove_version(tx, job.project_id, kind_of(version.content_type), version)
        except FileChanged:
            continue  # another worker deleted this version
    file = store.get_or_none(file_id)
    with Transaction() as tx:
        if file is not None:
            store.delete(tx, file)
        jobs.complete(tx, job)


def run_hash(job: Job) -> None:
    """Hash a version that has no SHA-256. It becomes ready, or rejected if the client declared another checksum.

    Raises ServiceUnavailable, NotFound if the original was deleted before its row, and Busy.
    """
    loaded = _load(job)
    sha256 = storage.sha256_of(loaded[1].key, loaded[1].s3_version_id) if loaded else ""
    retry_on(
        FileChanged,
        first=lambda: _record_hash(job, loaded, sha256),
        action=lambda: _record_hash(job, _load(job), sha256),
    )


def _load(job: Job) -> tuple[File, Version] | None:
    file, version = service.get_file_and_version(*job.version_key)
    return None if file is None or version is None or file.state == "purging" else (file, version)


def _record_hash(job: Job, loaded: tuple[File, Version] | None, sha256: str) -> None:
    with Transaction() as tx:
        if loaded is None:
            jobs.fail(tx, job, "file_gone")
            return
        file, version = loaded
        if version.declared_sha256 in (None, sha256):
            hashed = replace(version, sha256=sha256, status="ready")
            jobs.complete(tx, job)
        else:
            hashed = replace(version, sha256=sha256, status="rejected", reason="checksum_mismatch")
            jobs.fail(tx, job, "checksum_mismatch")
        service.update_version(tx, file, hashed)
        emit(tx, file.project_id, f"file.{hashed.status}", fileId=file.id, version=hashed.number)
