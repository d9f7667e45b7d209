"""What jobs do to files: read those whose bytes nobody hashed, and remove those that were purged."""

from dataclasses import replace

from holdall import storage
from holdall.errors import Conflict
from holdall.events.service import emit
from holdall.files import service, store
from holdall.files.model import File, Version, kind_of
from holdall.files.service import ATTEMPTS, CHANGED
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.quotas import service as quotas
from holdall.table import Transaction


def run_purge(job: Job) -> None:
    """Remove what a purged file left: each version's objects first, then its row, giving its quota back with it.

    Done twice or half, it ends in the same state. Raises Unavailable.
    """
    for version in store.versions(job.file_id):
        for drawn in version.variants:
            for shelf in ("media", "private"):
                storage.delete_variant(f"{shelf}/{drawn.key.partition('/')[2]}")
        storage.delete_version(version.key, version.s3_version)
        try:
            with Transaction() as write:
                store.remove_version(write, job.file_id, version.number, otherwise=CHANGED)
                quotas.give_back(write, job.project_id, version.size, of=version.id)
                quotas.count_out(write, job.project_id, kind_of(version.content_type), version)
        except Conflict:
            continue  # another worker was faster with this one
    file = store.find(job.file_id)
    with Transaction() as write:
        if file is not None:
            store.remove(write, file, otherwise=CHANGED)
        jobs.complete(write, job)


def run_hash(job: Job) -> None:
    """Read a version that came without a SHA-256, and make it ready or, when it is not what was announced, rejected.

    Raises Unavailable, NotFound for an original that is gone before its rows are, and Conflict for a file that is changed
    all the time: the message comes back.
    """
    sha256 = None
    for _ in range(ATTEMPTS):
        file, version = service.file_and_version(job.file_id, job.number)
        if file is None or version is None or file.state == "purging":
            with Transaction() as write:
                jobs.fail(write, job, "file_gone")
            return
        sha256 = sha256 or storage.measure(version.key, version.s3_version)
        try:
            _hashed(job, file, version, sha256)
        except Conflict as conflict:
            if conflict is not CHANGED:
                raise
        else:
            return
    raise CHANGED


def _hashed(job: Job, file: File, version: Version, sha256: str) -> None:
    if version.announced in (None, sha256):
        done = replace(version, sha256=sha256, status="ready")
    else:
        done = replace(version, sha256=sha256, status="rejected", reason="checksum_mismatch")
    with Transaction() as write:
        service.change_version(write, file.id, done)
        service.change(write, file, done)
        if done.status == "ready":
            jobs.complete(write, job)
        else:
            jobs.fail(write, job, "checksum_mismatch")
        emit(write, file.project_id, f"file.{done.status}", fileId=file.id, version=done.number)
