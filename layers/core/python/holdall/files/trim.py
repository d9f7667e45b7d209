"""The job that deletes the versions of a file that its project does not keep (`keepVersions`)."""

from typing import Literal

from holdall.events.service import emit
from holdall.files import service, store
from holdall.files.model import File, FileChanged, Version
from holdall.jobs import service as jobs
from holdall.jobs.model import Job, JobState
from holdall.platform.pagination import PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction
from holdall.projects.model import Project
from holdall.projects.service import projects

_BATCH_SIZE = 25  # versions in one run
_Rest = Literal["none", "more", "not ready"]


def start_if_needed(tx: Transaction, project: Project, file: File) -> None:
    """Start the job for a file with a new version, if it may have more versions than its project keeps."""
    keep = project.settings.keep_versions
    if keep is not None and file.last_number > keep:
        jobs.create(tx, "trim-versions", file.id)


def delete_version(tx: Transaction, file: File, version: Version, current: Version) -> tuple[File, Job]:
    """Delete a version for every reader, and start the job that purges it. `current` is what the file shows then.

    Return the updated file. The transaction raises FileChanged.
    """
    file = service.mark_deleted(tx, file, version, current)
    job = jobs.create_for_version(tx, "purge-version", file.id, version.number, version.size)
    emit(tx, file.project_id, "version.deleted", fileId=file.id, version=version.number)
    return file, job


def run(job: Job) -> None:
    """Delete versions by the setting of now. Raises Busy, JobClaimed and ServiceUnavailable.

    The current version stays, however old it is. While newer ones are not ready yet, the job waits for them.
    """
    project = projects.get_or_none(job.project_id)
    keep = project.settings.keep_versions if project is not None and project.status == "active" else None
    rest = "none" if keep is None else retry_on(FileChanged, action=lambda: _trim(job.required_file_id, keep))
    if rest == "more":
        jobs.reschedule(job, JobState())
    elif rest == "not ready":
        jobs.reschedule_later(job)
    else:
        with Transaction() as tx:
            jobs.complete(tx, job)


def _trim(file_id: str, keep: int) -> _Rest:
    """Delete some versions, and return why others are left that the project does not keep."""
    file = store.get_or_none(file_id)
    if file is None or file.state == "purging":
        return "none"
    versions = store.list_versions(file_id, PageRequest(keep + _BATCH_SIZE), newest_first=True)
    current, is_current_old = file.current, False
    for version in versions.items[keep:]:
        if version.number == current.number:
            is_current_old = True
            continue
        with Transaction() as tx:
            file, _ = delete_version(tx, file, version, current)
    if versions.next is not None:
        return "more"
    is_processing = any(version.status == "processing" for version in versions.items[:keep])
    return "not ready" if is_current_old and is_processing else "none"
