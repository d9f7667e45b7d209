"""/files/init-upload, /files/commit: bytes go to S3 by a signed URL, and become a version of a file."""

from typing import Annotated

from holdall.caller import Caller
from holdall.http import Data, Placed, Router, needs
from holdall.projects.model import Project
from holdall.uploads import service
from holdall.uploads.model import Begun, Commit, Committed, InitUpload

router = Router()


@router.post("/files/init-upload", status_code=201, summary="Begin an upload")
def init(
    caller: Annotated[Caller, needs("files.write", of=("projectId", "fileId"), limit="create")],
    project: Annotated[Project, Placed],
    said: InitUpload,
) -> Data[Begun]:
    return Data(data=service.init(caller, project, said))


@router.post("/files/commit", summary="Complete an upload")
def commit(
    caller: Annotated[Caller, needs("files.write", of=("uploadId", "key"))],
    project: Annotated[Project, Placed],
    said: Commit,
) -> Data[Committed]:
    return Data(data=service.commit(caller, project, said))
