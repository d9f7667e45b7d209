"""/files: find them, read them, put them away."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from holdall.files import service
from holdall.files.model import FileView
from holdall.files.service import FileQuery
from holdall.http import CurrentProject, Cursor, CursorCodec, DataResponse, Limit, PageResponse, Router, requires
from holdall.jobs.model import JobAccepted
from holdall.platform.caller import Caller
from holdall.platform.schemas import ResponseModel
from holdall.projects.model import Project
from holdall.variants import service as variants

router = Router()

FileId = Annotated[str, Path(alias="fileId", max_length=64)]
ProjectId = Annotated[str | None, Query(alias="projectId", max_length=64)]
Kind = Annotated[Literal["image", "file"] | None, Query(description="Only files of this kind, newest first.")]
Prefix = Annotated[str | None, Query(max_length=255, description="Prefix of the name, not case-sensitive.")]
Sort = Annotated[Literal["newest", "name"] | None, Query(description="Sort order.")]
VariantName = Annotated[
    str | None, Query(max_length=32, description="Name of a variant to return instead of the original.")
]
Disposition = Annotated[
    Literal["attachment", "inline"], Query(description="Disposition of a variant. Originals are always attachments.")
]


class ProcessingStatus(ResponseModel):
    """Something that is being made."""

    status: Literal["processing"] = "processing"


@router.get("/files", summary="List files")
def list_files(
    caller: Annotated[Caller, requires("files.read", project_from="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId = None,  # noqa: ARG001  # read by the door
    kind: Kind = None,
    prefix: Prefix = None,
    sort: Sort = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageResponse[FileView]:
    cursors = CursorCodec("files", project.id, kind, prefix, sort)
    return cursors.respond(
        service.list_files(project, FileQuery(kind, prefix, sort), cursors.decode(limit, cursor)), limit
    )


@router.get("/files/<fileId>", summary="Get a file")
def get_file(
    caller: Annotated[Caller, requires("files.read", project_from="fileId")],  # noqa: ARG001  # stands for the permission
    file_id: FileId,
) -> DataResponse[FileView]:
    return DataResponse(data=service.view(service.get(file_id)))


@router.get("/files/<fileId>/content", summary="Download a file or one of its variants")
def get_file_content(
    caller: Annotated[Caller, requires("files.read", project_from="fileId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, CurrentProject],
    file_id: FileId,
    variant: VariantName = None,
    disposition: Disposition = "attachment",
) -> Response[DataResponse[ProcessingStatus] | None]:
    file = service.get(file_id)
    if variant is None:
        return _redirect(service.presign_original(file).url)
    drawn = variants.get_or_request(project, file, variant)
    if drawn.status != "ready":
        waiting = DataResponse(data=ProcessingStatus())
        return Response(status_code=202, content_type="application/json", body=waiting, headers={"retry-after": "1"})
    return _redirect(service.variant_url(file, drawn, disposition))


@router.delete("/files/<fileId>", summary="Delete a file")
def delete_file(
    caller: Annotated[Caller, requires("files.write", project_from="fileId", extra={"permanent": "files.purge"})],
    file_id: FileId,
    permanent: Annotated[
        bool, Query(description="Delete permanently, with all versions and variants, instead of moving to the trash.")
    ] = False,
) -> Response[DataResponse[FileView] | DataResponse[JobAccepted]]:
    if not permanent:
        return Response(
            status_code=200, content_type="application/json", body=DataResponse(data=service.trash(caller, file_id))
        )
    started = DataResponse(data=JobAccepted(job_id=service.purge(caller, file_id).id))
    return Response(status_code=202, content_type="application/json", body=started)


def _redirect(url: str) -> Response[DataResponse[ProcessingStatus] | None]:
    return Response(status_code=302, headers={"location": url})
