"""Uploads. Clients send the bytes to S3 with presigned URLs."""

from functools import partial
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentProject, requires
from holdall.http.responses import Cursor, DataResponse, Limit, PageResponse, data, no_content, paginate
from holdall.uploads import multipart, service
from holdall.uploads.model import (
    CommitUploadRequest,
    CommitUploadResponse,
    CompleteUploadRequest,
    InitUploadRequest,
    InitUploadResponse,
    UploadView,
)
from holdall.uploads.parts import SignedPart, SignPartsRequest, UploadedParts

router = Router()

_EMPTY_BODY = CompleteUploadRequest()  # a client may send no body
UploadId = Annotated[str, Path(alias="uploadId", max_length=64)]


@router.post(
    "/files/init-upload",
    guard=requires("files.write", project_from=("projectId", "fileId"), rate_limit="create"),
    status_code=201,
    summary="Initiate an upload",
)
def init_upload(
    caller: CurrentCaller, project: CurrentProject, body: InitUploadRequest
) -> DataResponse[InitUploadResponse]:
    return data(service.init(caller, project, body))


@router.post(
    "/files/commit", guard=requires("files.write", project_from=("uploadId", "key")), summary="Commit an upload"
)
def commit_upload(
    caller: CurrentCaller, project: CurrentProject, body: CommitUploadRequest
) -> DataResponse[CommitUploadResponse]:
    return data(service.commit(caller, project, body))


@router.post(
    "/uploads/<uploadId>/parts",
    guard=requires("files.write", project_from="uploadId"),
    summary="Get the URLs of parts",
    description="Upload each part with its method, URL and headers. A part can be uploaded again; the last one counts.",
)
def sign_parts(project: CurrentProject, upload_id: UploadId, body: SignPartsRequest) -> DataResponse[list[SignedPart]]:
    return data(multipart.sign_parts(project, upload_id, body))


@router.get(
    "/uploads/<uploadId>/parts",
    guard=requires("files.write", project_from="uploadId"),
    summary="List the uploaded parts",
    description="What S3 has, so that a client can resume.",
)
def list_parts(project: CurrentProject, upload_id: UploadId) -> DataResponse[UploadedParts]:
    return data(multipart.list_parts(project, upload_id))


@router.post(
    "/uploads/<uploadId>/complete",
    guard=requires("files.write", project_from="uploadId"),
    summary="Complete a multipart upload",
    description="Assembles the parts and commits the upload. Send it again if the response was lost.",
)
def complete_upload(
    caller: CurrentCaller, project: CurrentProject, upload_id: UploadId, body: CompleteUploadRequest = _EMPTY_BODY
) -> DataResponse[CommitUploadResponse]:
    return data(multipart.complete(caller, project, upload_id, body))


@router.get(
    "/uploads", guard=requires("files.write", project_from="projectId"), summary="List the open uploads of a project"
)
def list_uploads(project: CurrentProject, limit: Limit = 20, cursor: Cursor = None) -> PageResponse[UploadView]:
    return paginate(limit, cursor, partial(service.list_views, project), "uploads", project.id)


@router.delete(
    "/uploads/<uploadId>",
    guard=requires("files.write", project_from="uploadId"),
    status_code=204,
    summary="Abort an upload",
    description="Releases what the upload reserves, and deletes what was uploaded.",
)
def abort_upload(caller: CurrentCaller, project: CurrentProject, upload_id: UploadId) -> Response[None]:
    service.abort(caller, project, upload_id)
    return no_content()
