"""Files."""

from functools import partial
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from holdall.files import listing, service, trash
from holdall.files.listing import FileQuery, SortOrder
from holdall.files.model import FileView
from holdall.files.names import Disposition
from holdall.files.rename import UpdateFileRequest, rename
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentProject, requires
from holdall.http.etags import IfMatch, IfNoneMatch, check_if_match, format_etag, matches_if_none_match
from holdall.http.responses import (
    Cursor,
    DataResponse,
    Limit,
    PageResponse,
    accepted,
    data,
    documented,
    json_response,
    paginate,
    redirect,
)
from holdall.jobs.model import JobAccepted
from holdall.platform.schemas import ResponseModel
from holdall.variants import on_demand

router = Router()

FileId = Annotated[str, Path(alias="fileId", max_length=64)]
Kind = Annotated[Literal["image", "file"] | None, Query(description="Only files of this kind, newest first.")]
Prefix = Annotated[str | None, Query(max_length=255, description="Prefix of the name, not case-sensitive.")]
Sort = Annotated[SortOrder | None, Query(description="Sort order.")]
VariantName = Annotated[
    str | None, Query(max_length=32, description="Name of a variant to return instead of the original.")
]
VariantDisposition = Annotated[
    Disposition, Query(alias="disposition", description="Disposition of a variant. Originals are always attachments.")
]
Wait = Annotated[
    int, Query(ge=0, le=10, description="Seconds to wait for a variant that is being rendered. Originals need none.")
]
Permanent = Annotated[
    bool, Query(description="Delete permanently, with all versions and variants, instead of moving to the trash.")
]
Signed = Annotated[
    bool,
    Query(
        description="Give each ready variant a `signedUrl`, which needs no credentials until `signedUntil`. Requests within "
        "two minutes get the same one, so that browsers cache it."
    ),
]
_READ = requires("files.read", project_from="fileId")


class ProcessingStatus(ResponseModel):
    """The variant is being rendered."""

    status: Literal["processing"] = "processing"


@router.get("/files", guard=requires("files.read", project_from="projectId"), summary="List files")
def list_files(
    project: CurrentProject,
    kind: Kind = None,
    prefix: Prefix = None,
    sort: Sort = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    *,
    signed: Signed = False,
) -> PageResponse[FileView]:
    list_page = partial(listing.list_files, project, FileQuery(kind, prefix, sort, signed))
    return paginate(limit, cursor, list_page, "files", project.id, kind, prefix, sort)


@router.get(
    "/files/<fileId>",
    guard=_READ,
    summary="Get a file",
    responses={
        200: documented("The file. `ETag` changes with it.", DataResponse[FileView]),
        304: documented("The client has the file. Not with `signed`, because signed URLs expire."),
    },
)
def get_file(
    file_id: FileId, if_none_match: IfNoneMatch = None, *, signed: Signed = False
) -> Response[DataResponse[FileView] | None]:
    file = service.get(file_id)
    headers = {"etag": format_etag(file.revision)}
    if matches_if_none_match(if_none_match, file.revision) and not signed:
        return Response(304, headers=headers)
    return json_response(data(service.view(file, is_signed=signed)), headers=headers)


@router.patch(
    "/files/<fileId>",
    guard=requires("files.write", project_from="fileId"),
    summary="Rename a file",
    description="With `If-Match`, only if the file is the one that was read: else 412.",
    responses={200: documented("The renamed file.", DataResponse[FileView])},
)
def update_file(
    caller: CurrentCaller, file_id: FileId, body: UpdateFileRequest, if_match: IfMatch = None
) -> Response[DataResponse[FileView]]:
    file = rename(caller, file_id, body.name, lambda file: check_if_match(if_match, file.revision))
    return json_response(data(service.view(file)), headers={"etag": format_etag(file.revision)})


@router.get(
    "/files/<fileId>/download",
    guard=_READ,
    summary="Download a file",
    responses={302: documented("Redirect to a presigned URL that is valid for at most five minutes.")},
)
def download_file(file_id: FileId) -> Response[None]:
    return redirect(service.presign_original(service.get(file_id)).url)


@router.get(
    "/files/<fileId>/content",
    guard=_READ,
    summary="Download a file or one of its variants",
    responses={
        302: documented(
            "Redirect to a presigned URL that is valid for at most five minutes, or to the permanent URL of a public variant. "
            "Send it neither Authorization nor X-Api-Key: S3 refuses them."
        ),
        202: documented(
            "The variant is being rendered. Try again after Retry-After seconds.", DataResponse[ProcessingStatus]
        ),
    },
)
def get_file_content(
    caller: CurrentCaller,
    project: CurrentProject,
    file_id: FileId,
    variant: VariantName = None,
    disposition: VariantDisposition = "attachment",
    wait: Wait = 0,
) -> Response[DataResponse[ProcessingStatus] | None]:
    if variant is None:
        return redirect(service.presign_original(service.get(file_id)).url)
    file, rendered = on_demand.get(caller, project, file_id, variant, wait=wait)
    if rendered.status != "ready":
        return accepted(data(ProcessingStatus()), headers={"retry-after": "1"})
    url, max_age = service.variant_url(file, rendered, disposition)
    return redirect(url, max_age=max_age)


@router.delete(
    "/files/<fileId>",
    guard=requires("files.write", project_from="fileId", extra={"permanent": "files.purge"}, rate_limit="create"),
    summary="Delete a file",
    responses={
        200: documented("The file was moved to the trash.", DataResponse[FileView]),
        202: documented("A job deletes the file permanently.", DataResponse[JobAccepted]),
    },
)
def delete_file(
    caller: CurrentCaller, file_id: FileId, *, permanent: Permanent = False
) -> Response[DataResponse[FileView] | DataResponse[JobAccepted]]:
    if permanent:
        return accepted(data(JobAccepted(job_id=trash.purge(caller, file_id).id)))
    return json_response(data(trash.trash(caller, file_id)))
