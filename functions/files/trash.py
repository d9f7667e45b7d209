"""The trash, and changes of many files at once."""

from functools import partial

from functions.files.files import FileId
from holdall.files import bulk, trash
from holdall.files.bulk import BulkRequest, BulkResult
from holdall.files.model import FileView
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentProject, requires
from holdall.http.responses import Cursor, DataResponse, Limit, PageResponse, data, paginate

router = Router()


@router.get("/trash", guard=requires("files.read", project_from="projectId"), summary="List the trash")
def list_trash(project: CurrentProject, limit: Limit = 20, cursor: Cursor = None) -> PageResponse[FileView]:
    return paginate(limit, cursor, partial(trash.list_files, project.id), "trash", project.id)


@router.post(
    "/files/<fileId>/restore",
    guard=requires("files.write", project_from="fileId", rate_limit="create"),
    summary="Restore a file from the trash",
)
def restore_file(caller: CurrentCaller, file_id: FileId) -> DataResponse[FileView]:
    return data(trash.restore(caller, file_id))


@router.post(
    "/files/bulk",
    guard=requires(
        "files.write",
        project_from="ids",
        extra_by_value={("action", "purge"): "files.purge"},
        rate_limit="create",
    ),
    summary="Delete, restore or purge many files",
    description="The files are in one project. Each has a result of its own, in the order of the request.",
)
def change_files(caller: CurrentCaller, project: CurrentProject, body: BulkRequest) -> DataResponse[list[BulkResult]]:
    return data(bulk.run(caller, project, body))
