"""Uploads, and the versions and files that they create."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from holdall.files.model import IMAGE_TYPES, FileView, original_key
from holdall.files.names import Filename, RelativePath
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.errors import Conflict, ValidationFailed
from holdall.platform.schemas import RequestModel, ResponseModel, Sha256, StorageLocation
from holdall.platform.text import MEDIA_TYPE_NAME, normalize_media_type
from holdall.projects.model import Project
from holdall.uploads.parts import MAX_MULTIPART_BYTES, Multipart, PartPlan

UploadState = Literal["open", "completed", "expired", "aborted"]
EndState = Literal["expired", "aborted"]
MAX_PUT_BYTES = 5 * 1024**3  # in one PUT (Amazon S3 user guide, "Uploading objects")
MULTIPART_FROM_BYTES = 100 * 1024**2  # AWS advises multipart uploads from this size on
_URL_TTL = timedelta(minutes=15)
MULTIPART_TTL = timedelta(hours=24)
_MIN_BYTES_PER_SECOND = 1024**2  # of the slowest client that can upload the largest object


class UploadChanged(Conflict):
    """Another request completed, expired or aborted the upload after this one had read it."""

    code, detail = "upload_changed", "The upload was changed meanwhile. Try again."


class UploadNotOpen(Conflict):
    """The upload expired or was aborted."""

    code, detail = "wrong_state", "This upload is no longer open. Start a new upload."


class FileDeleted(Conflict):
    """The file that the upload adds a version to was deleted."""

    code, detail = "wrong_state", "The file of this upload was deleted."


class NotUploaded(Conflict):
    """S3 has no object with the key of the upload."""

    code, detail = "not_uploaded", "The object was not uploaded yet. Upload it to the presigned URL, then commit."


class PartsNotAssembled(Conflict):
    """S3 has no object with the key of a multipart upload."""

    code = "not_uploaded"
    detail = "The parts were not assembled yet. Upload them, then send POST /api/v1/uploads/{id}/complete."


class ObjectMismatch(Conflict):
    """The object is not the one that was declared."""

    code = "object_mismatch"
    detail = "The size or checksum of the object differs from what was declared. Start a new upload."


class SizeMismatch(Conflict):
    """The commit names another size than the init."""

    code, detail = "size_mismatch", "The size differs from the one that the upload was initiated with."


class ChecksumMismatch(Conflict):
    """The commit names another checksum than the init."""

    code, detail = "checksum_mismatch", "The checksum differs from the SHA-256 that the upload was initiated with."


class TypeNotAllowed(ValidationFailed):
    """The settings of the project exclude the content type."""

    code, detail = "type_not_allowed", "The project does not allow files of this type."


class KindMismatch(ValidationFailed):
    """A version of an image must be an image, and a version of another file must not."""

    code, detail = "kind_mismatch", "A new version must have the kind of its file."


class FilenameMissing(ValidationFailed):
    """Neither the query nor the form of a direct upload names the file."""

    code, detail = "required", "Name the file in the query, as in ?filename=photo.jpg."


class NotAnImage(ValidationFailed):
    """The file is not declared as an image that can be rendered."""

    code, detail = "not_an_image", f"An image must have one of these types: {', '.join(IMAGE_TYPES)}."


ContentType = Annotated[
    str,
    Field(max_length=255, pattern=rf"^{MEDIA_TYPE_NAME}/{MEDIA_TYPE_NAME} *(;.*)?$"),
    AfterValidator(normalize_media_type),
]
Id = Annotated[str, Field(min_length=1, max_length=64)]


class InitUploadRequest(RequestModel):
    """The file to upload. With `file_id`, the upload adds a version to that file."""

    project_id: Id | None = None
    filename: Filename
    relative_path: RelativePath | None = Field(
        default=None,
        description="Of a file in a folder that its user uploads: the path in it, from the folder's name on.",
    )
    size: Annotated[int, Field(ge=0, le=MAX_MULTIPART_BYTES)]
    content_type: ContentType
    sha256: Sha256 | None = None
    file_id: Id | None = None
    auto_commit: bool = False
    multipart: bool | None = Field(default=None, description="Upload in parts. By default, from 100 MiB on.")
    part_checksums: bool = Field(
        default=False, description="Of a multipart upload: every part is signed with its SHA-256."
    )

    @property
    def is_multipart(self) -> bool:
        return self.size >= MULTIPART_FROM_BYTES if self.multipart is None else self.multipart

    @model_validator(mode="after")
    def _check_put_size(self) -> Self:
        if not self.is_multipart and self.size > MAX_PUT_BYTES:
            raise ValueError(f"a file of more than {MAX_PUT_BYTES} bytes needs a multipart upload")
        return self


class CommitUploadRequest(RequestModel):
    """The upload to commit, by ID or by key."""

    upload_id: Id | None = None
    key: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    checksum: Sha256 | None = None

    @model_validator(mode="after")
    def _require_upload_id_or_key(self) -> Self:
        if (self.upload_id is None) == (self.key is None):
            raise ValueError("either uploadId or key must be given")
        return self


class CompleteUploadRequest(RequestModel):
    """The SHA-256 of the whole file, if the client knows it only now."""

    checksum: Sha256 | None = None


class InitUploadResponse(ResponseModel):
    """The request that uploads the file to S3, valid until `expires_at`.

    The parts of a multipart upload have requests of their own, so it has `multipart` instead.
    """

    upload_id: str
    file_id: str
    key: str
    method: str | None = None
    url: str | None = None
    headers: dict[str, str] | None = None
    multipart: PartPlan | None = None
    expires_at: datetime


class CommitUploadResponse(ResponseModel):
    """The version that the upload created, and its file."""

    file_id: str
    version: int
    file: FileView


class DirectUploadResponse(CommitUploadResponse):
    """The version that the upload created, and its file with the URLs that it has and its variants will have."""

    upload_id: str


class UploadView(ResponseModel):
    """An open upload. It reserves its size in the quota until it is aborted or expires, soon after `expires_at`."""

    id: str
    file_id: str
    name: str
    size: int
    content_type: str
    auto_commit: bool
    created_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Completion:
    """The version that an upload created, and the time when it did. The version has the same time, to the microsecond."""

    version_number: int
    completed_at: datetime


@dataclass(frozen=True)
class Upload:
    """An upload. Its ID is the ID of the version that it creates.

    An upload whose client does not tell the size reserves `size` bytes, and its version may have fewer or more.
    """

    id: str
    project_id: str
    file_id: str
    creates_file: bool
    name: str
    relative_path: str | None
    size: int
    is_sized: bool  # whether the client declared `size`
    content_type: str
    declared_sha256: str | None
    auto_commit: bool
    key: str
    multipart: Multipart | None
    state: UploadState
    created_by: str  # of an API key, its creator
    api_key_id: str | None
    share_id: str | None  # of an upload that a stranger began with a share
    created_at: datetime
    expires_at: datetime
    completion: Completion | None  # of an upload in the state `completed`
    location: StorageLocation = "s3"  # of its bytes

    @property
    def opener_id(self) -> str:
        """Return the ID of the share or user whose open uploads this is one of. Strangers use up nothing of a user."""
        return self.share_id or self.created_by

    @property
    def url_expires_at(self) -> datetime:
        """Return the time until which the upload can begin. What began in time may end until `expires_at`."""
        return self.expires_at if self.multipart else self.expires_at - _transfer_time(self.size)


def new_upload(request: InitUploadRequest, project: Project, caller: Caller, *, is_sized: bool = True) -> Upload:
    """Return a new open upload, without its multipart upload.

    With one, it expires after 24 hours, and otherwise after its URL, when a PUT that began in time must have ended.
    """
    upload_id, now = ids.new_scoped_id(project.id), clock.now()
    lifetime = MULTIPART_TTL if request.is_multipart else _URL_TTL + _transfer_time(request.size)
    return Upload(
        id=upload_id,
        project_id=project.id,
        file_id=request.file_id or ids.new_scoped_id(project.id),
        creates_file=request.file_id is None,
        name=request.filename,
        relative_path=request.relative_path,
        size=request.size,
        is_sized=is_sized,
        content_type=request.content_type,
        declared_sha256=request.sha256,
        auto_commit=request.auto_commit,
        key=original_key(project, upload_id, request.filename, request.content_type),
        multipart=None,
        state="open",
        created_by=caller.user_id,
        api_key_id=caller.api_key_id,
        share_id=caller.share_id,
        created_at=now,
        expires_at=now + lifetime,
        completion=None,
        location=project.settings.storage,
    )


def _transfer_time(size: int) -> timedelta:
    """Return how long a PUT may take. S3 compares the expiry of a URL only with the time at which the request begins.

    See the Amazon S3 user guide, "Download and upload objects with presigned URLs".
    """
    return timedelta(minutes=15, seconds=size / _MIN_BYTES_PER_SECOND)
