"""Versions of files."""

from functools import partial
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.files.files import FileId
from holdall.files import service, versions
from holdall.files.versions import VersionView
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentProject, requires
from holdall.http.responses import (
    Cursor,
    DataResponse,
    Limit,
    PageResponse,
    accepted,
    data,
    documented,
    paginate,
    redirect,
)
from holdall.jobs.model import JobAccepted

router = Router()

Number = Annotated[int, Path(ge=1, le=99_999_999, description="Number of the version.")]
_READ = requires("files.read", project_from="fileId")


@router.get("/files/<fileId>/versions", guard=_READ, summary="List the versions of a file")
def list_versions(file_id: FileId, limit: Limit = 20, cursor: Cursor = None) -> PageResponse[VersionView]:
    return paginate(limit, cursor, partial(versions.list_versions, file_id), "versions", file_id)


@router.get("/files/<fileId>/versions/<number>", guard=_READ, summary="Get a version")
def get_version(file_id: FileId, number: Number) -> DataResponse[VersionView]:
    return data(versions.view(*versions.get(file_id, number)))


@router.get(
    "/files/<fileId>/versions/<number>/download",
    guard=_READ,
    summary="Download a version",
    responses={
        302: documented(
            "Redirect to a presigned URL that is valid for at most five minutes. Send it neither Authorization nor X-Api-Key: "
            "S3 refuses them."
        )
    },
)
def download_version(file_id: FileId, number: Number) -> Response[None]:
    return redirect(service.presign_version(*versions.get(file_id, number)).url)


@router.post(
    "/files/<fileId>/versions/<number>/restore",
    guard=requires("files.write", project_from="fileId", rate_limit="create"),
    status_code=201,
    summary="Restore a version",
    description="Adds a version with the content of this one. Its original is not copied, and does not count again.",
)
def restore_version(
    caller: CurrentCaller, project: CurrentProject, file_id: FileId, number: Number
) -> DataResponse[VersionView]:
    return data(versions.restore(caller, project, file_id, number))


@router.delete(
    "/files/<fileId>/versions/<number>",
    guard=requires("files.purge", project_from="fileId", rate_limit="create"),
    summary="Delete a version permanently",
    responses={202: documented("A job deletes the version.", DataResponse[JobAccepted])},
)
def delete_version(caller: CurrentCaller, file_id: FileId, number: Number) -> Response[DataResponse[JobAccepted]]:
    return accepted(data(JobAccepted(job_id=versions.delete(caller, file_id, number).id)))
