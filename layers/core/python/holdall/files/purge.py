"""The jobs that delete what is purged: a file with its versions, or one version.

Objects are deleted first, and rows last, so that a row names every object. Each run has the same result after an interruption
or a repetition. A worker that renders or moves variants may still store some, so the purge waits for it.
"""

from dataclasses import replace

from holdall.files import service, store
from holdall.files.model import FileChanged, Version
from holdall.jobs import service as jobs
from holdall.jobs.model import Job, JobState
from holdall.platform.pagination import PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction
from holdall.quotas import service as quotas

_BATCH_SIZE = 100  # versions in one run


def list_versions(file_id: str) -> list[Version]:
    """Return the first versions of a purged file, deleted ones too. Two round trips at most. Raises ServiceUnavailable."""
    page = PageRequest(_BATCH_SIZE)
    return store.list_versions(file_id, page).items or store.list_deleted_versions(file_id, page).items


def run_file(job: Job, versions: list[Version]) -> None:
    """Delete these versions of a purged file, and the row of the file if they were the last ones.

    Raises ServiceUnavailable and JobClaimed.
    """
    file_id = job.required_file_id
    if jobs.is_storing_variants(file_id):
        jobs.reschedule_later(job)
        return
    for version in versions:
        _delete(job, version)
    if list_versions(file_id):
        jobs.reschedule(job, JobState())
        return
    file = store.get_or_none(file_id)
    with Transaction() as tx:
        if file is not None:
            store.delete(tx, file)
        jobs.complete(tx, job)


def hand_over_original(job: Job) -> Version | None:
    """Return the deleted version of a job. If it owns an original that other versions share, one of them owns it now.

    Return None if the version is purged, or is purged with its file. Raises Busy and ServiceUnavailable.
    """
    return retry_on(FileChanged, action=lambda: _hand_over_original(job))


def run_version(job: Job, version: Version | None) -> None:
    """Delete a deleted version, and its original if it owns it. Raises ServiceUnavailable and JobClaimed."""
    if version is not None:
        if jobs.is_storing_variants(job.required_file_id):
            jobs.reschedule_later(job)
            return
        _delete(job, version)
    with Transaction() as tx:
        jobs.complete(tx, job)


def _hand_over_original(job: Job) -> Version | None:
    file, version = store.get_or_none(job.required_file_id), store.get_version_or_none(*job.version_key, deleted=True)
    if file is None or file.state == "purging" or version is None:
        return None
    # A deleted version cannot be restored, so an original that no version names stays without one.
    heir = service.find_version(file.id, version.has_same_original) if version.owns_original else None
    if heir is None:
        return version
    former, owner = replace(version, owns_original=False), replace(heir, owns_original=True)
    with Transaction() as tx:
        store.update_version(tx, file.id, former)
        service.update_version(tx, file, owner)
        quotas.move_original(tx, job.project_id, before=former, after=owner)
    return former


def _delete(job: Job, version: Version) -> None:
    service.delete_variants(variant.unprefixed_key for variant in version.variants)
    if version.owns_original:
        service.delete_original(version)
    try:
        with Transaction() as tx:
            store.delete_version(tx, job.required_file_id, version)
            store.delete_restored_key(tx, version)
            if version.owns_original:
                quotas.release(tx, job.project_id, version.size, version_id=version.id)
            quotas.remove_version(tx, job.project_id, version)
    except FileChanged:
        return  # another worker deleted this version
