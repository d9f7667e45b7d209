"""Use cases of uploads. The client commits an upload, or the upload commits itself when its object arrives in S3."""

from dataclasses import replace
from math import ceil
from operator import attrgetter

from holdall.api_keys import rights
from holdall.audit.service import log
from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import File, FileChanged, FileInTrash, kind_of, version_id_of
from holdall.idempotency import service as idempotency
from holdall.jobs import service as jobs
from holdall.platform import clock, ids, observability, presigning, storage
from holdall.platform.caller import Caller
from holdall.platform.config import settings
from holdall.platform.errors import Busy, Conflict, NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.storage import ObjectMetadata
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import InstallationFull, TooMuchOpen
from holdall.uploads import cleanup, store
from holdall.uploads.model import (
    ChecksumMismatch,
    CommitUploadRequest,
    CommitUploadResponse,
    Completion,
    FileDeleted,
    InitUploadRequest,
    InitUploadResponse,
    KindMismatch,
    NotUploaded,
    ObjectMismatch,
    SizeMismatch,
    TypeNotAllowed,
    Upload,
    UploadChanged,
    UploadNotOpen,
    UploadView,
    new_file,
    new_upload,
    new_version,
)
from holdall.uploads.store import list_open

__all__ = ["list_open"]


def init(caller: Caller, project: Project, request: InitUploadRequest) -> InitUploadResponse:
    """Reserve quota for an upload, and return the request that uploads its bytes to S3.

    Raises TypeNotAllowed, KindMismatch, NotFound and FileInTrash for the file of a new version, the errors of
    `quotas.reserve`, and UploadNotOpen for a duplicate request when the upload can no longer begin.
    """
    if not project.settings.allows(request.content_type):
        raise TypeNotAllowed(pointer="/contentType")
    with BatchGet() as batch:
        lookup = quotas.load_usage(batch, project.id)
        file = files.get_pending(batch, request.file_id) if request.file_id else None
    if file is not None:
        _check_file(project, file.value, request.content_type)
    upload = new_upload(request, project, caller)
    limits = projects.quota_limits(project)

    def work(tx: Transaction) -> Upload:
        quotas.reserve(
            tx, project.id, upload.size, user_id=caller.user_id, version_id=upload.id, limits=limits, lookup=lookup
        )
        store.put(tx, upload)
        log(tx, caller, "uploads.init", upload.id)
        return upload

    try:
        return _presign(idempotency.run(caller, work, save=attrgetter("id"), replay=_get))
    except (InstallationFull, TooMuchOpen):  # a duplicate request gets the upload that took the last room
        stored = idempotency.find(caller)
        if stored is None:
            raise
        return _presign(_get(stored))


def commit(caller: Caller, project: Project, request: CommitUploadRequest) -> CommitUploadResponse:
    """Create the version of an upload whose bytes are in S3. A repeated commit returns the same version.

    Raises NotFound, SizeMismatch, ChecksumMismatch, and the errors of `complete`.
    """
    upload_id = request.upload_id or version_id_of(request.key or "")
    if upload_id is None or ids.project_id_of(upload_id) != project.id:
        raise NotFound
    upload = _get(upload_id)
    if request.key not in (None, upload.key):
        raise NotFound
    if request.size not in (None, upload.size):
        raise SizeMismatch(f"The size differs from the {upload.size} bytes that the upload was initiated with.")
    if request.checksum is not None:
        if upload.declared_sha256 not in (None, request.checksum):
            raise ChecksumMismatch
        upload = replace(upload, declared_sha256=request.checksum)
    file, version_number = complete(project, upload, caller)
    return CommitUploadResponse(file_id=file.id, version=version_number, file=files.view(file))


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


def on_object_created(bucket: str, key: str, s3_version_id: str) -> None:
    """Process an original that has arrived: complete its upload if it has `auto_commit`, or delete it if no upload needs it.

    An open upload is aborted if the caller who began it may not write any more. An event is only a hint: it may come twice,
    late, or in any order. Raises ServiceUnavailable and Busy.
    """
    upload_id = version_id_of(key)
    if bucket != settings().originals_bucket or upload_id is None:
        return  # every bucket of the account may send events to the queue
    upload = store.get_or_none(upload_id)
    if upload is None or upload.key != key:
        # An operator may have put it there. The sweep reports it, and deletes it only when asked to.
        observability.log_event("object.without_upload", key=key)
    elif upload.state in ("expired", "aborted"):
        storage.delete_version(key, s3_version_id)
    elif upload.completion is not None:
        _delete_stray_version(upload, upload.completion, s3_version_id)
    else:
        _on_open_upload(upload)


def complete(project: Project, upload: Upload, caller: Caller | None = None) -> tuple[File, int]:
    """Create the version of an upload, once. Return its file and its number.

    Two round trips after the read of the upload, and three if the upload adds a version to a file. Raises UploadNotOpen,
    NotUploaded, ObjectMismatch, FileDeleted, NotFound for a project that was deleted meanwhile, and Busy.
    """
    return retry_on(
        UploadChanged,
        FileChanged,
        first=lambda: _complete(project, upload, caller),
        action=lambda: _complete(project, replace(_get(upload.id), declared_sha256=upload.declared_sha256), caller),
    )


def get_version_key_or_none(version_id: str) -> tuple[str, int] | None:
    """Return the file and the number of a version, or None if no upload created it. One round trip."""
    upload = store.get_or_none(version_id)
    return (upload.file_id, upload.completion.version_number) if upload and upload.completion else None


def _check_file(project: Project, file: File | None, content_type: str) -> None:
    if file is None or file.state == "purging" or file.project_id != project.id:
        raise NotFound
    if file.state != "live":
        raise FileInTrash
    kind = kind_of(file.current.declared_type or file.current.content_type)
    if kind != kind_of(content_type):
        raise KindMismatch(f"A new version of this file must have the kind {kind}.", pointer="/contentType")


def _presign(upload: Upload) -> InitUploadResponse:
    seconds = ceil((upload.url_expires_at - clock.now()).total_seconds())
    if upload.state != "open" or seconds <= 0:
        raise UploadNotOpen
    presigned = presigning.presign_put(
        upload.key,
        size=upload.size,
        content_type=upload.content_type,
        sha256=upload.declared_sha256,
        expires_in=seconds,
    )
    return InitUploadResponse(
        upload_id=upload.id,
        file_id=upload.file_id,
        key=upload.key,
        method=presigned.method,
        url=presigned.url,
        headers=presigned.headers,
        expires_at=presigned.expires_at,
    )


def _get(upload_id: str) -> Upload:
    upload = store.get_or_none(upload_id)
    if upload is None:
        raise NotFound
    return upload


def _abort(caller: Caller, upload_id: str) -> None:
    upload = _get(upload_id)
    if upload.state == "open":
        cleanup.abort(upload, caller)
    elif upload.state != "aborted":
        raise UploadNotOpen


def _complete(project: Project, upload: Upload, caller: Caller | None) -> tuple[File, int]:
    if upload.completion is not None:
        return files.get(upload.file_id), upload.completion.version_number
    if upload.state != "open" or upload.expires_at <= clock.now():
        raise UploadNotOpen
    metadata = _verify_object(upload, storage.head_or_none(upload.key))
    existing_file = None if upload.creates_file else files.get_or_none(upload.file_id)
    if not upload.creates_file and (existing_file is None or existing_file.state != "live"):
        raise FileDeleted
    return _create_version(project, upload, metadata, existing_file, caller)


def _verify_object(upload: Upload, metadata: ObjectMetadata | None) -> ObjectMetadata:
    if metadata is None:
        raise NotUploaded
    differs = upload.declared_sha256 and metadata.sha256 and metadata.sha256 != upload.declared_sha256
    if metadata.size != upload.size or differs:
        raise ObjectMismatch
    return metadata


def _create_version(
    project: Project, upload: Upload, metadata: ObjectMetadata, existing_file: File | None, caller: Caller | None
) -> tuple[File, int]:
    completion = Completion(existing_file.last_number + 1 if existing_file else 1, clock.now())
    version = new_version(upload, project, completion, s3_version_id=metadata.version_id, sha256=metadata.sha256)
    with Transaction() as tx:
        store.complete(tx, upload, completion)
        if existing_file is None:
            file = new_file(upload, version)
            files.create(tx, file)
        else:
            file = files.add_version(tx, existing_file, version)
        quotas.add_version(tx, project.id, version)
        quotas.close_upload(tx, upload.created_by, upload.size)
        if version.status == "processing":
            jobs.create(tx, "render" if file.kind == "image" else "hash", file.id, version.number)
        if caller is not None:
            log(tx, caller, "uploads.commit", upload.id)
        emit(tx, project.id, "file.created", fileId=file.id, version=version.number, status=version.status)
    return file, version.number


def _delete_stray_version(upload: Upload, completion: Completion, s3_version_id: str) -> None:
    """Delete an object that is not the one of the version."""
    _, version = files.get_file_and_version(upload.file_id, completion.version_number)
    if version is None or version.s3_version_id != s3_version_id:
        storage.delete_version(upload.key, s3_version_id)


def _on_open_upload(upload: Upload) -> None:
    project = rights.get_project_if_permitted(
        upload.project_id, "files.write", user_id=upload.created_by, api_key_id=upload.api_key_id
    )
    try:
        if project is None:
            cleanup.abort(upload)
        elif upload.auto_commit:
            complete(project, upload)
    except Busy:
        raise  # the event comes back
    except Conflict as conflict:
        # The object is late or deleted, or another request ended the upload. No one waits for a response here.
        observability.log_event("upload.arrival_ignored", upload_id=upload.id, code=conflict.code)
