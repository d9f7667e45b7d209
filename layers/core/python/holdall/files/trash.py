"""The trash of a project: files are moved to it, restored from it, and purged."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.files import service, store
from holdall.files.model import File, FileChanged, FileNotInTrash, FileView
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction

T = TypeVar("T")


def list_files(project_id: str, page: PageRequest) -> Page[FileView]:
    """Return the files in the trash of a project, the last one first. One round trip. Raises ServiceUnavailable."""
    found = store.list_trash(project_id, page)
    return Page([service.view(file) for file in found.items], next=found.next, prev=found.prev)


def trash(caller: Caller, file_id: str, found: File | None = None) -> FileView:
    """Move a file to the trash. A job removes its variants from `media/`.

    `found` is the file, if it was read before. Raises NotFound and Busy.
    """
    return service.view(_change(partial(_trash, caller), file_id, found))


def restore(caller: Caller, file_id: str, found: File | None = None) -> FileView:
    """Restore a file from the trash. A job moves its variants back. Raises NotFound, FileNotInTrash and Busy."""
    return service.view(_change(partial(_restore, caller), file_id, found))


def purge(caller: Caller | None, file_id: str, found: File | None = None) -> Job:
    """Hide a file from every route at once, and start the job that deletes it. Raises NotFound and Busy.

    Without a caller, the file is purged with its project, and the audit log has an entry for the project only. The retention
    of the trash purges without a caller too.
    """
    return _change(partial(_purge, caller), file_id, found)


def purge_trashed_before(project_id: str, cutoff: datetime, page: PageRequest) -> str | None:
    """Purge a page of the files that were moved to the trash before a time, and return the position of the next page.

    A file that is restored meanwhile stays. Raises Busy and ServiceUnavailable.
    """

    def purge_if_due(file: File) -> None:
        if file.deleted_at is not None and file.deleted_at < cutoff:
            _purge(None, file)

    listed = store.list_trashed_before(project_id, cutoff, page)
    for file in service.get_many(file.id for file in listed.items).values():  # the list lags
        with suppress(NotFound):  # it was purged meanwhile
            _change(purge_if_due, file.id, file)
    return listed.next


def _change(change: Callable[[File], T], file_id: str, found: File | None) -> T:
    """Change a file that was read before, or that is read now. If it changes meanwhile, it is read again."""
    return retry_on(
        FileChanged,
        first=partial(change, found) if found is not None else None,
        action=lambda: change(service.get(file_id)),
    )


def _trash(caller: Caller, file: File) -> File:
    if file.state == "trash":
        return file
    with Transaction() as tx:
        trashed = service.set_state(tx, file, "trash")
        _relocate_variants(tx, file)
        log(tx, caller, "files.trash", file.id)
        emit(tx, file.project_id, "file.trashed", fileId=file.id)
    return trashed


def _restore(caller: Caller, file: File) -> File:
    if file.state != "trash":
        raise FileNotInTrash
    with Transaction() as tx:
        restored = service.set_state(tx, file, "live")
        _relocate_variants(tx, file)
        log(tx, caller, "files.restore", file.id)
        emit(tx, file.project_id, "file.restored", fileId=file.id)
    return restored


def _purge(caller: Caller | None, file: File) -> Job:
    with Transaction() as tx:
        service.set_state(tx, file, "purging")
        job = jobs.create(tx, "purge", file.id)
        if caller is not None:
            log(tx, caller, "files.purge", file.id)
        emit(tx, file.project_id, "file.purged", fileId=file.id)
    return job


def _relocate_variants(tx: Transaction, file: File) -> None:
    if file.has_variants:
        jobs.create(tx, "relocate", file.id)
