"""What an upload is: from the wish to send bytes to the version that they become."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from holdall.files.model import File, FileView, Version, clean_name, kind_of, original_key, planned_variants, prefix_for
from holdall.platform import clock, ids
from holdall.platform.schemas import RequestModel, ResponseModel
from holdall.projects.model import Project

UploadState = Literal["open", "completed", "expired", "aborted"]
MAX_PUT_BYTES = 5 * 1024**3  # bytes of one PUT (Amazon S3 user guide, "Uploading objects")


def _validate_filename(filename: str) -> str:
    cleaned = clean_name(filename)
    if not cleaned:
        raise ValueError("must be a valid file name")
    return cleaned


Filename = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_validate_filename)]
ContentType = Annotated[
    str, Field(max_length=127, pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$")
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Id = Annotated[str, Field(min_length=1, max_length=64)]


class InitUploadRequest(RequestModel):
    """What a client says to upload a file."""

    project_id: Id | None = None
    filename: Filename
    size: Annotated[int, Field(ge=0, le=MAX_PUT_BYTES)]
    content_type: ContentType
    sha256: Sha256 | None = None
    file_id: Id | None = None
    auto_commit: bool = False


class CommitUploadRequest(RequestModel):
    """What a client says when the bytes have been sent."""

    upload_id: Id | None = None
    key: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    checksum: Sha256 | None = None

    @model_validator(mode="after")
    def _require_upload_id_or_key(self) -> "CommitUploadRequest":
        if (self.upload_id is None) == (self.key is None):
            raise ValueError("either uploadId or key must be given")
        return self


class InitUploadResponse(ResponseModel):
    """Where to send the bytes, how, and until when."""

    upload_id: str
    file_id: str
    key: str
    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


class CommitUploadResponse(ResponseModel):
    """The version that the bytes became."""

    file_id: str
    version: int
    file: FileView


@dataclass(frozen=True)
class Upload:
    """An upload. Its id is the id of the version that it makes."""

    id: str
    project_id: str
    file_id: str
    creates_file: bool
    name: str
    size: int
    content_type: str
    declared_sha256: str | None
    auto_commit: bool
    key: str
    state: UploadState
    version_number: int  # of the version, once it is completed
    created_by: str
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None = None  # the birth of its version as well, to the microsecond


def new_upload(request: InitUploadRequest, project: Project, created_by: str, lifetime: timedelta) -> Upload:
    """The upload that a client asks for, with an id and a key of ours."""
    upload_id, now = ids.new_scoped_id(project.id), clock.now()
    return Upload(
        id=upload_id,
        project_id=project.id,
        file_id=request.file_id or ids.new_scoped_id(project.id),
        creates_file=request.file_id is None,
        name=request.filename,
        size=request.size,
        content_type=request.content_type,
        declared_sha256=request.sha256,
        auto_commit=request.auto_commit,
        key=original_key(project, upload_id, request.filename, request.content_type),
        state="open",
        version_number=0,
        created_by=created_by,
        created_at=now,
        expires_at=now + lifetime,
    )


def new_version(
    upload: Upload, project: Project, number: int, now: datetime, *, s3_version_id: str, sha256: str | None
) -> Version:
    """The version that an upload becomes. Without its SHA-256, or before it was drawn, it is not ready."""
    image = kind_of(upload.content_type) == "image"
    return Version(
        id=upload.id,
        number=number,
        key=upload.key,
        s3_version_id=s3_version_id,
        size=upload.size,
        content_type=upload.content_type,
        sha256=sha256,
        declared_sha256=upload.declared_sha256,
        status="ready" if sha256 and not image else "processing",
        reason=None,
        width=None,
        height=None,
        variants=planned_variants(project, upload.id, prefix_for(project, "live")) if image else (),
        created_by=upload.created_by,
        created_at=now,
    )


def new_file(upload: Upload, version: Version) -> File:
    """The file that is born with the version of an upload."""
    return File(
        id=upload.file_id,
        project_id=upload.project_id,
        name=upload.name,
        kind=kind_of(upload.content_type),
        state="live",
        last_number=version.number,
        current=version,
        created_by=upload.created_by,
        created_at=version.created_at,
        updated_at=version.created_at,
        revision=0,
    )
