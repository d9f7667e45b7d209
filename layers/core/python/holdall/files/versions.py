"""Use cases of the versions of a file: read, restore and delete them."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.files import service, store, trim
from holdall.files.model import File, FileChanged, FileKind, FileStatus, Version, planned_variants, prefix_for
from holdall.idempotency import service as idempotency
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.config import settings
from holdall.platform.errors import Conflict, NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.schemas import ResponseModel
from holdall.platform.table import Transaction
from holdall.projects.model import Project


class OnlyVersion(Conflict):
    """A file has at least one version."""

    code, detail = "only_version", "This is the only version of the file. Delete the file instead."


class VersionProcessing(Conflict):
    """The bytes of the version are not checked yet."""

    code, detail = "wrong_state", "This version is still being processed."


class VersionShown(Conflict):
    """The current version has this content already."""

    code, detail = "wrong_state", "The file shows this version already."


class VersionView(ResponseModel):
    """A version in a response."""

    number: int
    current: bool
    kind: FileKind
    content_type: str
    declared_type: str | None = None
    size: int
    sha256: str | None
    status: FileStatus
    reason: str | None = None
    width: int | None = None
    height: int | None = None
    restored_from: int | None = None
    url: str
    created_by: str
    created_at: datetime


def list_versions(file_id: str, page: PageRequest) -> Page[VersionView]:
    """Return versions of a file, newest first. Two round trips. Raises NotFound."""
    file = service.get(file_id)
    found = store.list_versions(file_id, page, newest_first=True)
    return Page([view(file, version) for version in found.items], next=found.next, prev=found.prev)


def get(file_id: str, number: int) -> tuple[File, Version]:
    """Return a file and one of its versions. Two round trips, and one for the current version. Raises NotFound."""
    file = service.get(file_id)
    version = service.get_version_or_none(file, number)
    if version is None:
        raise NotFound
    return file, version


def view(file: File, version: Version) -> VersionView:
    """Return the response for a version."""
    return VersionView(
        number=version.number,
        current=version.number == file.current.number,
        kind=version.kind,
        content_type=version.content_type,
        declared_type=version.declared_type,
        size=version.size,
        sha256=version.sha256,
        status=version.status,
        reason=version.reason,
        width=version.width,
        height=version.height,
        restored_from=version.restored_from,
        url=f"{settings().public_url}/api/v1/files/{file.id}/versions/{version.number}/download",
        created_by=version.created_by,
        created_at=version.created_at,
    )


def restore(caller: Caller, project: Project, file_id: str, number: int) -> VersionView:
    """Add a version with the content of an older one, and return it.

    It shares the original, which counts once. Its variants are rendered anew, by the settings of now. Raises NotFound,
    FileInTrash, FileRejected, VersionProcessing, VersionShown and Busy.
    """
    work = partial(_restore, caller=caller, project=project, file_id=file_id, number=number)

    def replay(stored: str) -> tuple[File, Version]:
        return get(file_id, int(stored))

    try:
        restored = retry_on(
            FileChanged,
            action=lambda: idempotency.run(caller, work, save=lambda result: str(result[1].number), replay=replay),
        )
    except (Conflict, NotFound):
        stored = idempotency.find(caller)
        if stored is None:
            raise
        restored = replay(stored)  # the first request with this key is the reason
    return view(*restored)


def delete(caller: Caller, file_id: str, number: int) -> Job:
    """Delete a version for every reader, and start the job that purges it. The file shows the next best version.

    Raises NotFound, FileInTrash, OnlyVersion and Busy.
    """
    return retry_on(FileChanged, action=lambda: _delete(caller, file_id, number))


def _restore(tx: Transaction, *, caller: Caller, project: Project, file_id: str, number: int) -> tuple[File, Version]:
    file, source = get(file_id, number)
    service.require_readable(file, source)
    if source.status != "ready":
        raise VersionProcessing
    if source.has_same_original(file.current):
        raise VersionShown
    version_id = ids.new_scoped_id(project.id)
    is_image = source.kind == "image"
    version = replace(
        source,
        id=version_id,
        number=file.last_number + 1,
        variants=planned_variants(project, version_id, prefix_for(project, file.state)) if is_image else (),
        restored_from=number,
        owns_original=False,
        created_by=caller.user_id,
        created_at=clock.now(),
    )
    file = service.add_version(tx, file, version)
    if version.variants:
        jobs.create_for_version(tx, "render", file.id, version.number, version.size)
    trim.start_if_needed(tx, project, file)
    log(tx, caller, "versions.restore", version.id)
    emit(tx, project.id, "version.restored", fileId=file.id, version=version.number, restoredFrom=number)
    return file, version


def _delete(caller: Caller, file_id: str, number: int) -> Job:
    file, version = get(file_id, number)
    service.require_live(file)
    current = file.current
    if version.number == current.number:
        current = _find_next_best(file)
    with Transaction() as tx:
        _, job = trim.delete_version(tx, file, version, current)
        log(tx, caller, "versions.delete", version.id)
    return job


def _find_next_best(file: File) -> Version:
    """Return the version that a file shows without its current one: the highest ready one, else the highest."""
    number = file.current.number
    highest = service.find_version(file.id, lambda version: version.number != number)
    if highest is None:
        raise OnlyVersion
    if highest.status == "ready":
        return highest
    ready = service.find_version(file.id, lambda version: version.number != number and version.status == "ready")
    return ready or highest
