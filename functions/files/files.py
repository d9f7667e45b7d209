"""/files: find them, read them, put them away."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from holdall.caller import Caller
from holdall.files import service
from holdall.files.model import FileView
from holdall.files.service import Listing
from holdall.http import Cursor, Cursors, Data, Limit, Listed, Placed, Router, needs
from holdall.jobs.model import Started
from holdall.projects.model import Project
from holdall.shape import Shown
from holdall.variants import service as variants

router = Router()

FileId = Annotated[str, Path(alias="fileId", max_length=64)]
ProjectId = Annotated[str | None, Query(alias="projectId", max_length=64)]
Kind = Annotated[Literal["image", "file"] | None, Query(description="Newest first, of this kind alone.")]
Prefix = Annotated[str | None, Query(max_length=255, description="How the name begins, in whatever case.")]
Sort = Annotated[Literal["newest", "name"] | None, Query(description="Newest first, or by name.")]
VariantName = Annotated[str | None, Query(max_length=32, description="A variant instead of the original.")]
How = Annotated[
    Literal["attachment", "inline"], Query(description="Inline is for variants; originals are attachments.")
]


class Waiting(Shown):
    """Something that is being made."""

    status: Literal["processing"] = "processing"


@router.get("/files", summary="The files of a project")
def find(
    caller: Annotated[Caller, needs("files.read", of="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, Placed],
    project_id: ProjectId = None,  # noqa: ARG001  # read by the door
    kind: Kind = None,
    prefix: Prefix = None,
    sort: Sort = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Listed[FileView]:
    cursors = Cursors("files", project.id, kind, prefix, sort)
    return cursors.answer(service.page(project, Listing(kind, prefix, sort), cursors.request(limit, cursor)), limit)


@router.get("/files/<fileId>", summary="One file")
def fetch(
    caller: Annotated[Caller, needs("files.read", of="fileId")],  # noqa: ARG001  # stands for the permission
    file_id: FileId,
) -> Data[FileView]:
    return Data(data=service.view(service.fetch(file_id)))


@router.get("/files/<fileId>/content", summary="The bytes of a file or of a variant")
def content(
    caller: Annotated[Caller, needs("files.read", of="fileId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, Placed],
    file_id: FileId,
    variant: VariantName = None,
    disposition: How = "attachment",
) -> Response[Data[Waiting] | None]:
    file = service.fetch(file_id)
    if variant is None:
        return _see(service.original(file).url)
    drawn = variants.wanted(project, file, variant)
    if drawn.status != "ready":
        waiting = Data(data=Waiting())
        return Response(status_code=202, content_type="application/json", body=waiting, headers={"retry-after": "1"})
    return _see(service.variant_url(file, drawn, disposition))


@router.delete("/files/<fileId>", summary="Put a file into the trash, or remove it for good")
def remove(
    caller: Annotated[Caller, needs("files.write", of="fileId", when={"permanent": "files.purge"})],
    file_id: FileId,
    permanent: Annotated[bool, Query(description="For good, with all versions and variants.")] = False,  # noqa: FBT002
) -> Response[Data[FileView] | Data[Started]]:
    if not permanent:
        return Response(
            status_code=200, content_type="application/json", body=Data(data=service.trash(caller, file_id))
        )
    started = Data(data=Started(job_id=service.purge(caller, file_id).id))
    return Response(status_code=202, content_type="application/json", body=started)


def _see(url: str) -> Response[Data[Waiting] | None]:
    return Response(status_code=302, headers={"location": url})
