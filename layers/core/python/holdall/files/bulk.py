"""Changes of many files of a project at once. Each file has a result of its own."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from holdall.files import service, trash
from holdall.files.model import File
from holdall.platform import ids
from holdall.platform.caller import Caller
from holdall.platform.errors import Conflict, HoldallError, NotFound, ServiceUnavailable
from holdall.platform.schemas import RequestModel, ResponseModel, UniqueItems
from holdall.projects.model import Project

BulkAction = Literal["delete", "restore", "purge"]
MAX_FILES = 100  # that one BatchGetItem reads

FileId = Annotated[str, Field(min_length=1, max_length=64)]


class BulkRequest(RequestModel):
    ids: Annotated[list[FileId], Field(min_length=1, max_length=MAX_FILES), UniqueItems]
    action: BulkAction


class BulkResult(ResponseModel):
    """What became of a file. A failure has the code and the detail that the request for this file alone would have."""

    id: str
    status: Literal["done", "failed"]
    code: str | None = None
    detail: str | None = None
    job_id: str | None = None  # of the job that purges the file


def run(caller: Caller, project: Project, request: BulkRequest) -> list[BulkResult]:
    """Delete, restore or purge files of a project, in this order, and return a result for each.

    One round trip, and one for each file. If a service does not respond, the remaining files are not tried.
    """
    found = service.get_many(file_id for file_id in request.ids if _is_in_project(file_id, project))
    results: list[BulkResult] = []
    for position, file_id in enumerate(request.ids):
        try:
            results.append(_ACTIONS[request.action](caller, service.require(found.get(file_id))))
        except (NotFound, Conflict) as error:
            results.append(_failure(file_id, error))
        except ServiceUnavailable as error:
            return results + [_failure(each, error) for each in request.ids[position:]]
    return results


def _is_in_project(file_id: str, project: Project) -> bool:
    try:
        return ids.project_id_of(file_id) == project.id
    except NotFound:
        return False


def _delete(caller: Caller, file: File) -> BulkResult:
    trash.trash(caller, file.id, file)
    return BulkResult(id=file.id, status="done")


def _restore(caller: Caller, file: File) -> BulkResult:
    trash.restore(caller, file.id, file)
    return BulkResult(id=file.id, status="done")


def _purge(caller: Caller, file: File) -> BulkResult:
    return BulkResult(id=file.id, status="done", job_id=trash.purge(caller, file.id, file).id)


def _failure(file_id: str, error: HoldallError) -> BulkResult:
    return BulkResult(id=file_id, status="failed", code=error.code, detail=error.detail)


_ACTIONS: dict[BulkAction, Callable[[Caller, File], BulkResult]] = {
    "delete": _delete,
    "restore": _restore,
    "purge": _purge,
}
