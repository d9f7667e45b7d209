"""Direct uploads. The body of the request is the file, or a form that contains it."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import ValidationError

from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentProject, requires
from holdall.http.file_body import FileBody, UploadedFile
from holdall.http.responses import DataResponse, data
from holdall.uploads import direct
from holdall.uploads.model import DirectUploadResponse, FilenameMissing, InitUploadRequest

router = Router()

_GUARD = requires("files.write", project_from=("projectId", "fileId"), rate_limit="create", file_body=True)
Filename = Annotated[str | None, Query(description="The name of the file, if a form does not tell it.", max_length=255)]
FileId = Annotated[str | None, Query(alias="fileId", description="The file that gets a new version.", max_length=64)]


@router.post(
    "/upload/file",
    guard=_GUARD,
    status_code=201,
    summary="Upload a file of at most 4 MiB",
    description="Larger files are uploaded with init-upload. `file.url` is the URL of the file.",
)
def upload_file(
    caller: CurrentCaller,
    project: CurrentProject,
    file: UploadedFile,
    filename: Filename = None,
    file_id: FileId = None,
) -> DataResponse[DirectUploadResponse]:
    return data(direct.upload(caller, project, _describe(file, filename, file_id), file.content))


@router.post(
    "/upload/image",
    guard=_GUARD,
    status_code=201,
    summary="Upload an image of at most 4 MiB",
    description="As a file, but of a type that is rendered. `file.variants` has the URLs that its variants will have.",
)
def upload_image(
    caller: CurrentCaller,
    project: CurrentProject,
    file: UploadedFile,
    filename: Filename = None,
    file_id: FileId = None,
) -> DataResponse[DirectUploadResponse]:
    return data(direct.upload_image(caller, project, _describe(file, filename, file_id), file.content))


def _describe(file: FileBody, filename: str | None, file_id: str | None) -> InitUploadRequest:
    name = filename or file.name
    if not name:
        raise FilenameMissing(pointer="query/filename")
    values = {"filename": name, "contentType": file.content_type or direct.UNKNOWN_TYPE, "size": len(file.content)}
    try:
        return InitUploadRequest.model_validate({**values, "fileId": file_id})
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error
