"""Use cases of the S3 part of the contract of Uppy Companion. The uploads commit themselves.

`uploadId` is the ID of an upload, so the token and the upload are read together, in one round trip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from holdall.companion.contract import (
    CompletedMultipart,
    CompleteMultipartRequest,
    CreatedMultipart,
    FileDescription,
    PartUrl,
    PartUrls,
    PostParameters,
    StoredPart,
    WrongTotal,
    check_numbers,
    choose_parts,
)
from holdall.companion.model import CompanionToken
from holdall.companion.service import tokens
from holdall.files import service as files
from holdall.platform import clock, ids, multipart, originals, presigning
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.errors import NotFound
from holdall.platform.multipart import Part
from holdall.platform.table import BatchGet
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import FileTooLarge
from holdall.rate_limits import service as rate_limits
from holdall.uploads import cleanup
from holdall.uploads import multipart as parts_of_uploads
from holdall.uploads import service as uploads
from holdall.uploads.model import MAX_PUT_BYTES, InitUploadRequest, Upload
from holdall.uploads.parts import MAX_MULTIPART_BYTES, Multipart

# What an upload without a size reserves at most. Uppy sends files above 100 MiB in parts.
_POST_BYTES = 100 * 1024**2
_MULTIPART_BYTES = 1024**3


@dataclass(frozen=True)
class UploadReference:
    """The token, the upload and the key in the URL of a request."""

    token: str
    upload_id: str
    key: str


@dataclass(frozen=True)
class _Found:
    caller: Caller
    project: Project
    upload: Upload
    stored: Multipart


def create_post(client: ClientInfo, token: str, file: FileDescription) -> PostParameters:
    """Start an upload by one request, and return its form. Raises the errors of `_start`."""
    upload = _start(client, token, file, is_multipart=False)
    form = presigning.presign_post(
        upload.key,
        min_size=upload.size if upload.is_sized else 0,
        max_size=upload.size,
        content_type=upload.content_type,
        expires_in=_seconds_until(upload.url_expires_at),
        location=upload.location,
    )
    return PostParameters(url=form.url, fields=form.fields, expires=_seconds_until(form.expires_at))


def create_multipart(client: ClientInfo, token: str, file: FileDescription) -> CreatedMultipart:
    """Start an upload in parts. Raises the errors of `_start`."""
    upload = _start(client, token, file, is_multipart=True)
    return CreatedMultipart(key=upload.key, upload_id=upload.id, bucket=originals.bucket_at(upload.location).name)


def sign_part(client: ClientInfo, reference: UploadReference, number: int) -> PartUrl:
    """Return the URL of a part. One round trip. Raises NotFound, Forbidden, UploadNotOpen and PartOutOfRange."""
    found = _find_open(client, reference, [number])
    presigned = parts_of_uploads.presign(found.upload, found.stored, number, size=None)
    # A client gives up a part after this time, so it is never made shorter than the URL is valid.
    return PartUrl(url=presigned.url, expires=_seconds_until(presigned.expires_at))


def sign_parts(client: ClientInfo, reference: UploadReference, numbers: Sequence[int]) -> PartUrls:
    """Return the URLs of several parts. One round trip. Raises the errors of `sign_part`."""
    found = _find_open(client, reference, numbers)
    urls = {number: parts_of_uploads.presign(found.upload, found.stored, number, size=None) for number in numbers}
    return PartUrls(presigned_urls={str(number): presigned.url for number, presigned in urls.items()})


def list_parts(client: ClientInfo, reference: UploadReference) -> list[StoredPart]:
    """Return the parts that S3 has. One round trip. Raises NotFound, Forbidden and UploadNotOpen.

    A client whose completion succeeded and that lost the response lists the parts before it completes again, so the parts of
    a completed upload are listed as well.
    """
    found = _find(client, reference)
    parts = _list_parts(found)
    if parts is None:
        parts = multipart.list_assembled(found.upload.key, found.upload.location)
    return [StoredPart(number=part.number, etag=part.etag, size=part.size) for part in parts]


def complete(client: ClientInfo, reference: UploadReference, request: CompleteMultipartRequest) -> CompletedMultipart:
    """Assemble the parts, and commit the upload. A repeated request returns the same.

    Raises NotFound, Forbidden, UploadNotOpen, the errors of `choose_parts`, WrongTotal, FileTooLarge, and those of
    `multipart.assemble` and `uploads.commit_upload`.
    """
    found = _find(client, reference)
    upload, stored_parts = found.upload, _list_parts(found)
    if stored_parts is not None:
        parts = choose_parts(stored_parts, request.parts)
        _check_total(found, sum(part.size for part in parts))
        parts_of_uploads.assemble(found.caller, upload, found.stored, parts)
    uploads.commit_upload(found.caller, found.project, upload, None)
    return CompletedMultipart(
        location=files.content_url(upload.file_id), key=upload.key, bucket=originals.bucket_at(upload.location).name
    )


def abort(client: ClientInfo, reference: UploadReference) -> None:
    """Abort an upload, unless it is completed or has ended. Raises NotFound and Forbidden.

    A client aborts also when it does not know whether its completion succeeded. The file stays then.
    """
    found = _find(client, reference)
    cleanup.abort_if_open(found.upload, found.caller)


def _start(client: ClientInfo, token: str, file: FileDescription, *, is_multipart: bool) -> Upload:
    """Reserve the announced size, or what is left up to a limit.

    Raises EndpointNotFound, Forbidden, TooManyRequests, FileTooLarge, and the errors of `uploads.start_unsized`.
    """
    with BatchGet() as batch:
        lookup = tokens.load(batch, CompanionToken.parse(token))
    caller, project = tokens.authorize(client, lookup)
    rate_limits.hit("companion", caller.user_id)
    max_bytes = MAX_MULTIPART_BYTES if is_multipart else MAX_PUT_BYTES
    if file.size is not None and file.size > max_bytes:
        raise FileTooLarge(f"An upload of this kind has at most {max_bytes} bytes.", pointer="/metadata/size")
    unsized_bytes = _MULTIPART_BYTES if is_multipart else _POST_BYTES
    values = {
        "filename": file.name,
        "relative_path": file.relative_path,
        "size": unsized_bytes if file.size is None else file.size,
        "content_type": file.content_type,
        "auto_commit": True,
        "multipart": is_multipart,
    }
    request = InitUploadRequest.model_validate(values, by_name=True)
    if file.size is None:
        return uploads.start_unsized(caller, project, request)
    return uploads.start(caller, project, request, client_chooses_parts=True)


def _find(client: ClientInfo, reference: UploadReference) -> _Found:
    """Return an upload that the holder of the token began, in any state. One round trip.

    Raises EndpointNotFound, Forbidden, and NotFound for an upload or a key of another caller.
    """
    token = CompanionToken.parse(reference.token)
    if ids.project_id_of(reference.upload_id) != token.project_id:
        raise NotFound
    with BatchGet() as batch:
        lookup = tokens.load(batch, token)
        pending = uploads.get_pending(batch, reference.upload_id)
    caller, project = tokens.authorize(client, lookup)
    upload = pending.require(NotFound)
    stored = upload.multipart
    if (upload.key, upload.created_by, upload.api_key_id) != (reference.key, caller.user_id, caller.api_key_id):
        raise NotFound
    if stored is None or stored.part_size is not None:
        raise NotFound  # it was not begun here
    return _Found(caller, project, upload, stored)


def _find_open(client: ClientInfo, reference: UploadReference, numbers: Sequence[int]) -> _Found:
    """Return an upload that can have parts with these numbers. Raises UploadNotOpen, PartOutOfRange, and those of `_find`."""
    found = _find(client, reference)
    parts_of_uploads.require_open(found.upload)
    max_file_bytes = projects.quota_limits(found.project).max_file_bytes
    check_numbers(numbers, found.upload.size if found.upload.is_sized else max_file_bytes)
    return found


def _list_parts(found: _Found) -> list[Part] | None:
    """Return the parts that S3 has, or None if they are assembled. Raises UploadNotOpen."""
    if found.upload.completion is not None:
        return None
    parts_of_uploads.require_open(found.upload)
    return multipart.list_parts(found.upload.key, found.stored.id, found.upload.location)


def _check_total(found: _Found, total: int) -> None:
    """Check the size of the file. An upload that is too large is aborted, and one that lacks a part can be continued.

    Raises WrongTotal and FileTooLarge.
    """
    upload = found.upload
    if upload.is_sized and total != upload.size:
        if total > upload.size:
            cleanup.abort_if_open(upload, found.caller)
        raise WrongTotal(f"The parts have {total} bytes, but {upload.size} were announced.")
    try:
        quotas.check_file_size(total, projects.quota_limits(found.project))
    except FileTooLarge:
        cleanup.abort_if_open(upload, found.caller)
        raise


def _seconds_until(time: datetime) -> int:
    return ceil((time - clock.now()).total_seconds())
