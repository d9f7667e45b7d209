"""/files/init-upload, /files/commit: bytes go to S3 by a signed URL, and become a version of a file."""

from typing import Annotated

from holdall.http import CurrentProject, DataResponse, Router, requires
from holdall.platform.caller import Caller
from holdall.projects.model import Project
from holdall.uploads import service
from holdall.uploads.model import CommitUploadRequest, CommitUploadResponse, InitUploadRequest, InitUploadResponse

router = Router()


@router.post("/files/init-upload", status_code=201, summary="Initiate an upload")
def init_upload(
    caller: Annotated[Caller, requires("files.write", project_from=("projectId", "fileId"), rate_limit="create")],
    project: Annotated[Project, CurrentProject],
    body: InitUploadRequest,
) -> DataResponse[InitUploadResponse]:
    return DataResponse(data=service.init(caller, project, body))


@router.post("/files/commit", summary="Commit an upload")
def commit_upload(
    caller: Annotated[Caller, requires("files.write", project_from=("uploadId", "key"))],
    project: Annotated[Project, CurrentProject],
    body: CommitUploadRequest,
) -> DataResponse[CommitUploadResponse]:
    return DataResponse(data=service.commit(caller, project, body))
