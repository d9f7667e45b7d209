"""Rename files."""

from collections.abc import Callable
from dataclasses import replace

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import File, FileChanged, FileInTrash
from holdall.files.names import Filename
from holdall.platform.caller import Caller
from holdall.platform.retry import retry_on
from holdall.platform.schemas import RequestModel
from holdall.platform.table import Transaction


class UpdateFileRequest(RequestModel):
    """The new name of a file."""

    name: Filename


def rename(caller: Caller, file_id: str, name: str, check: Callable[[File], None]) -> File:
    """Rename a file that passes a check, and return it. Raises NotFound, FileInTrash, Busy, and what the check raises."""
    return retry_on(FileChanged, action=lambda: _rename(caller, file_id, name, check))


def _rename(caller: Caller, file_id: str, name: str, check: Callable[[File], None]) -> File:
    file = files.get(file_id)
    check(file)
    if file.state != "live":
        raise FileInTrash
    if file.name == name:
        return file
    with Transaction() as tx:
        renamed = files.update(tx, replace(file, name=name))
        log(tx, caller, "files.rename", file.id)
        emit(tx, file.project_id, "file.renamed", fileId=file.id)
    return renamed
