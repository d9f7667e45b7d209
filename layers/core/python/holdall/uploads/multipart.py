"""Use cases of multipart uploads: sign parts, list them, and assemble the object."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from holdall.platform import clock, multipart, presigning
from holdall.platform.caller import Caller
from holdall.platform.multipart import Part
from holdall.projects.model import Project
from holdall.uploads import cleanup, service
from holdall.uploads.model import (
    CommitUploadResponse,
    CompleteUploadRequest,
    ObjectMismatch,
    Upload,
    UploadNotOpen,
)
from holdall.uploads.parts import (
    AlreadyAssembled,
    ChecksumsRequired,
    ChecksumsUnexpected,
    Multipart,
    NotMultipart,
    PartPlan,
    PartView,
    SignedPart,
    SignPartsRequest,
    UploadedParts,
    check_parts,
    plan_of,
)

_URL_TTL = timedelta(minutes=60)


def sign_parts(project: Project, upload_id: str, request: SignPartsRequest) -> list[SignedPart]:
    """Return the requests that upload parts of an upload. One round trip.

    Raises NotFound, NotMultipart, UploadNotOpen, PartOutOfRange, ChecksumsRequired and ChecksumsUnexpected.
    """
    upload = service.get(project, upload_id)
    stored, plan = _require_planned(upload)
    require_open(upload)
    if stored.has_checksums and request.checksums is None:
        raise ChecksumsRequired(pointer="/checksums")
    if request.checksums is not None and not stored.has_checksums:
        raise ChecksumsUnexpected(pointer="/checksums")
    sizes = [plan.size_of(number, upload.size) for number in request.part_numbers]
    checksums: Sequence[str | None] = request.checksums or [None] * len(sizes)
    return [
        _to_response(number, size, presign(upload, stored, number, size=size, sha256=sha256))
        for number, size, sha256 in zip(request.part_numbers, sizes, checksums, strict=True)
    ]


def list_parts(project: Project, upload_id: str) -> UploadedParts:
    """Return the parts that S3 has, for a client that resumes. One round trip, and one to S3 for each thousand parts.

    Raises NotFound, NotMultipart, UploadNotOpen and AlreadyAssembled.
    """
    upload = service.get(project, upload_id)
    stored, plan = _require_planned(upload)
    require_open(upload)
    parts = multipart.list_parts(upload.key, stored.id, upload.location)
    if parts is None:
        raise AlreadyAssembled
    views = [PartView(part_number=part.number, size=part.size, etag=part.etag, sha256=part.sha256) for part in parts]
    return UploadedParts(
        part_size=plan.part_size, part_count=plan.part_count, parts=views, expires_at=upload.expires_at
    )


def complete(caller: Caller, project: Project, upload_id: str, request: CompleteUploadRequest) -> CommitUploadResponse:
    """Assemble the parts, and commit the upload. A repeated request returns the same version.

    Raises NotFound, NotMultipart, UploadNotOpen, PartsMissing, PartMismatch, and the errors of `service.commit`.
    """
    upload = service.get(project, upload_id)
    stored, plan = _require_planned(upload)
    if upload.state == "open":
        require_open(upload)
        parts = multipart.list_parts(upload.key, stored.id, upload.location)
        if parts is not None:  # else they are assembled, and the answer was lost
            check_parts(plan, upload.size, {part.number: part.size for part in parts})
            assemble(caller, upload, stored, parts)
    return service.commit_upload(caller, project, upload, request.checksum)


def assemble(caller: Caller, upload: Upload, stored: Multipart, parts: list[Part]) -> None:
    """Let S3 make the object of these parts. If its checksum is not theirs, the upload is aborted.

    Raises ObjectMismatch, and the errors of `platform.multipart.complete`.
    """
    expected = multipart.composite_sha256(parts)
    checksum = multipart.complete(upload.key, stored.id, parts, upload.location)
    if expected is not None and checksum not in (None, expected):
        cleanup.abort_if_open(upload, caller)
        raise ObjectMismatch


def presign(
    upload: Upload, stored: Multipart, number: int, *, size: int | None, sha256: str | None = None
) -> presigning.PresignedUrl:
    """Return a URL for a part, which is valid for an hour, or until the upload expires."""
    seconds = ceil(min(_URL_TTL, upload.expires_at - clock.now()).total_seconds())
    return presigning.presign_part(
        upload.key, stored.id, number, size=size, sha256=sha256, expires_in=seconds, location=upload.location
    )


def require_open(upload: Upload) -> None:
    """Raise UploadNotOpen if the upload was completed, aborted or expired."""
    if upload.state != "open" or upload.expires_at <= clock.now():
        raise UploadNotOpen


def _require_planned(upload: Upload) -> tuple[Multipart, PartPlan]:
    """Return the multipart upload and its parts. Raises NotMultipart, also if the client decides the parts."""
    stored = upload.multipart
    if stored is None or stored.part_size is None:
        raise NotMultipart
    return stored, plan_of(upload.size, stored.part_size)


def _to_response(number: int, size: int, presigned: presigning.PresignedUrl) -> SignedPart:
    return SignedPart(part_number=number, size=size, **vars(presigned))
