"""Use cases of uploads. The client commits an upload, or the upload commits itself when its object arrives in S3."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import ceil

from holdall.audit.service import log
from holdall.files import service as files
from holdall.files.model import File, FileInTrash, kind_of, version_id_of
from holdall.idempotency import service as idempotency
from holdall.platform import clock, ids, multipart, originals, presigning
from holdall.platform.caller import Caller
from holdall.platform.errors import Busy, HoldallError, NotFound, ServiceUnavailable
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import InstallationFull, QuotaExceeded, QuotaLimits, TooMuchOpen
from holdall.quotas.service import UsageLookup
from holdall.uploads import arrivals, cleanup, store
from holdall.uploads.completion import complete
from holdall.uploads.model import (
    ChecksumMismatch,
    CommitUploadRequest,
    CommitUploadResponse,
    InitUploadRequest,
    InitUploadResponse,
    KindMismatch,
    SizeMismatch,
    TypeNotAllowed,
    Upload,
    UploadChanged,
    UploadNotOpen,
    UploadView,
    new_upload,
)
from holdall.uploads.parts import Multipart, choose_part_size, plan_of
from holdall.uploads.store import get_pending, list_open

__all__ = ["get_pending", "list_open"]

_UNSIZED_ATTEMPTS = 5


def init(caller: Caller, project: Project, request: InitUploadRequest) -> InitUploadResponse:
    """Reserve quota for an upload, and return the request that uploads its bytes to S3, or the plan of its parts.

    Raises the errors of `start`, and UploadNotOpen for a duplicate request when the upload can no longer begin.
    """
    return _to_response(start(caller, project, request))


def start(
    caller: Caller,
    project: Project,
    request: InitUploadRequest,
    *,
    is_sized: bool = True,
    client_chooses_parts: bool = False,
) -> Upload:
    """Reserve quota for an upload, and return it. Without `is_sized`, the client does not know `request.size`.

    Raises TypeNotAllowed, KindMismatch, NotFound and FileInTrash for the file of a new version, and the errors of
    `quotas.reserve`.
    """
    lookup = _check(project, request)
    upload, limits = new_upload(request, project, caller, is_sized=is_sized), projects.quota_limits(project)

    def work(tx: Transaction) -> Upload:
        nonlocal upload
        _reserve(tx, upload, limits, lookup)
        if request.is_multipart:
            part_size = None if client_chooses_parts else choose_part_size(upload.size)
            upload = replace(upload, multipart=_create_multipart(upload, request, part_size))
        store.put(tx, upload)
        if upload.auto_commit:
            tx.on_commit(partial(arrivals.look_later, upload))
        log(tx, caller, "uploads.init", upload.id)
        return upload

    try:
        started = _run_once(caller, work)
    except ServiceUnavailable:  # the transaction may have been committed
        raise
    except HoldallError:
        _discard_multipart(upload)
        raise
    if started.id != upload.id:
        _discard_multipart(upload)
    return started


def _reserve(tx: Transaction, upload: Upload, limits: QuotaLimits, lookup: UsageLookup) -> None:
    quotas.reserve(
        tx,
        upload.project_id,
        upload.size,
        opener_id=upload.opener_id,
        is_share=upload.share_id is not None,
        version_id=upload.id,
        limits=limits,
        lookup=lookup,
    )


def start_unsized(caller: Caller, project: Project, request: InitUploadRequest) -> Upload:
    """Reserve as much quota as there is for an upload whose size is unknown, `request.size` at most, and return it.

    Its completion changes the reservation. Raises the errors of `start` and of `quotas.get_room`.
    """
    limits = projects.quota_limits(project)
    for _ in range(_UNSIZED_ATTEMPTS):
        room = quotas.get_room(project.id, caller.user_id, limits)
        with suppress(QuotaExceeded, TooMuchOpen):  # others reserved meanwhile
            sized = request.model_copy(update={"size": min(request.size, room)})
            return start(caller, project, sized, is_sized=False, client_chooses_parts=True)
    raise Busy


def commit(caller: Caller, project: Project, request: CommitUploadRequest) -> CommitUploadResponse:
    """Create the version of an upload whose bytes are in S3. A repeated commit returns the same version.

    Raises NotFound, SizeMismatch, ChecksumMismatch, and the errors of `complete`.
    """
    upload = get(project, request.upload_id or version_id_of(request.key or "") or "")
    if request.key not in (None, upload.key):
        raise NotFound
    if request.size not in (None, upload.size) and upload.is_sized:
        raise SizeMismatch(f"The size differs from the {upload.size} bytes that the upload was initiated with.")
    return commit_upload(caller, project, upload, request.checksum)


def commit_upload(caller: Caller, project: Project, upload: Upload, checksum: str | None) -> CommitUploadResponse:
    """Commit an upload of the project, and compare its bytes with the SHA-256 `checksum`.

    Raises IdempotencyKeyReused, ChecksumMismatch, and the errors of `complete`.
    """
    idempotency.claim(caller, upload.id)
    if checksum is not None:
        if upload.declared_sha256 not in (None, checksum):
            raise ChecksumMismatch
        upload = replace(upload, declared_sha256=checksum)
    file, version_number = complete(project, upload, caller)
    return CommitUploadResponse(file_id=file.id, version=version_number, file=files.view(file))


def get(project: Project, upload_id: str) -> Upload:
    """Return an upload of a project, in any state. One round trip. Raises NotFound."""
    if ids.project_id_of(upload_id) != project.id:
        raise NotFound
    return store.get(upload_id)


def list_views(project: Project, page: PageRequest) -> Page[UploadView]:
    """Return the open uploads of a project, oldest first. One round trip."""
    found = store.list_open(project.id, page)
    views = [UploadView.model_validate(vars(upload)) for upload in found.items]
    return Page(views, next=found.next, prev=found.prev)


def abort(caller: Caller, project: Project, upload_id: str) -> None:
    """Abort an open upload, and delete what was uploaded. A repeated request has no effect.

    Raises NotFound, UploadNotOpen and Busy.
    """
    if ids.project_id_of(upload_id) != project.id:
        raise NotFound
    retry_on(UploadChanged, action=lambda: _abort(caller, upload_id))


def get_version_key_or_none(version_id: str) -> tuple[str, int] | None:
    """Return the file and the number of a version, or None if no upload created it. One round trip."""
    upload = store.get_or_none(version_id)
    return (upload.file_id, upload.completion.version_number) if upload and upload.completion else None


def _check(project: Project, request: InitUploadRequest) -> UsageLookup:
    """Check the type of an upload, its store, and the file that it adds a version to. Return the usage of the project."""
    if not project.settings.allows(request.content_type):
        raise TypeNotAllowed(pointer="/contentType")
    originals.bucket_at(project.settings.storage).require_reachable()
    with BatchGet() as batch:
        lookup = quotas.load_usage(batch, project.id)
        file = files.get_pending(batch, request.file_id) if request.file_id else None
    if file is not None:
        _check_file(project, file.value, request.content_type)
    return lookup


def _check_file(project: Project, file: File | None, content_type: str) -> None:
    if file is None or file.state == "purging" or file.project_id != project.id:
        raise NotFound
    if file.state != "live":
        raise FileInTrash
    kind = kind_of(file.current.declared_type or file.current.content_type)
    if kind != kind_of(content_type):
        raise KindMismatch(f"A new version of this file must have the kind {kind}.", pointer="/contentType")


def _run_once(caller: Caller, work: Callable[[Transaction], Upload]) -> Upload:
    try:
        return idempotency.run(caller, work, save=lambda upload: upload.id, replay=store.get)
    except (InstallationFull, TooMuchOpen):  # a duplicate request gets the upload that took the last room
        upload_id = idempotency.find(caller)
        if upload_id is None:
            raise
        return store.get(upload_id)


def _create_multipart(upload: Upload, request: InitUploadRequest, part_size: int | None) -> Multipart:
    has_checksums = request.part_checksums
    multipart_id = multipart.create(
        upload.key, content_type=upload.content_type, part_checksums=has_checksums, location=upload.location
    )
    return Multipart(multipart_id, part_size, has_checksums)


def _discard_multipart(upload: Upload) -> None:
    """Abort a multipart upload that no record names. If this fails, a lifecycle rule of the bucket does it."""
    if upload.multipart is not None:
        with suppress(ServiceUnavailable):
            multipart.abort(upload.key, upload.multipart.id, upload.location)


def _to_response(upload: Upload) -> InitUploadResponse:
    seconds = ceil((upload.url_expires_at - clock.now()).total_seconds())
    if upload.state != "open" or seconds <= 0:
        raise UploadNotOpen
    response = InitUploadResponse(
        upload_id=upload.id, file_id=upload.file_id, key=upload.key, expires_at=upload.expires_at
    )
    if upload.multipart is not None and upload.multipart.part_size is not None:
        return response.model_copy(update={"multipart": plan_of(upload.size, upload.multipart.part_size)})
    presigned = presigning.presign_put(
        upload.key,
        size=upload.size,
        content_type=upload.content_type,
        sha256=upload.declared_sha256,
        expires_in=seconds,
        location=upload.location,
    )
    return response.model_copy(update=vars(presigned))


def _abort(caller: Caller, upload_id: str) -> None:
    upload = store.get(upload_id)
    if upload.state == "open":
        cleanup.abort(upload, caller)
    elif upload.state != "aborted":
        raise UploadNotOpen
