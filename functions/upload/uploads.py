"""Uploads. Clients send the bytes to S3 with presigned URLs."""

from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentProject, requires
from holdall.http.responses import DataResponse, data
from holdall.uploads import service
from holdall.uploads.model import CommitUploadRequest, CommitUploadResponse, InitUploadRequest, InitUploadResponse

router = Router()


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
