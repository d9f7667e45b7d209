"""Uploads: begun by a client, completed by its commit or by the arrival of the bytes, whichever comes first."""

from dataclasses import replace
from datetime import datetime, timedelta

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import File, kind_of, version_id_of
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import DuplicateRequest
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import clock, ids, messaging, observability, storage
from holdall.platform.caller import Caller
from holdall.platform.config import settings
from holdall.platform.errors import Conflict, NotFound, ValidationFailed
from holdall.platform.pagination import PageRequest
from holdall.platform.storage import ObjectMetadata
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.uploads import store
from holdall.uploads.model import (
    CommitUploadRequest,
    CommitUploadResponse,
    InitUploadRequest,
    InitUploadResponse,
    Upload,
    new_file,
    new_upload,
    new_version,
)

_MAX_ATTEMPTS = 5
_BATCH_SIZE = 50  # of a project in one run
_UPLOAD_CHANGED = Conflict("The upload was changed meanwhile. Try again.", code="upload_changed")
_WRONG_STATE = Conflict("This upload is no longer open. Start a new upload.", code="wrong_state")


def init(caller: Caller, project: Project, request: InitUploadRequest) -> InitUploadResponse:
    """Count the bytes in and sign the URL that takes them, and nothing else.

    Raises Invalid for a size or type that the project does not take, NotFound for a file that is not there, and Conflict when
    the project or the installation is full.
    """
    if not project.settings.allows(request.content_type):
        raise ValidationFailed(
            "The project does not allow files of this type.", code="type_not_allowed", pointer="/contentType"
        )
    if request.file_id is not None:
        _check_file(project, request)
    upload = new_upload(request, project, caller.user_id, timedelta(seconds=settings().upload_expiry_seconds))
    bounds = projects.quota_limits(project)
    for place in quotas.reservations(upload.id, request.size, limits=bounds):
        try:
            with Transaction() as write:
                quotas.reserve(write, project.id, place, limits=bounds)
                store.put(write, upload)
                log(write, caller, "uploads.init", upload.id)
                idempotency.save(write, caller, upload.id)
        except DuplicateRequest:
            return _presign(_get(idempotency.load(caller)))
        except Conflict as conflict:
            if conflict is not quotas.SHARD_FULL:
                raise
        else:
            break
    return _presign(upload)


def commit(caller: Caller, project: Project, request: CommitUploadRequest) -> CommitUploadResponse:
    """Make the uploaded bytes a version of their file. Asked again, it gives the same answer.

    Raises NotFound, and Conflict while the bytes are not there, when they are not those that were announced, or when the upload
    has ended otherwise.
    """
    upload_id = request.upload_id or version_id_of(request.key or "")
    if upload_id is None or ids.project_id_of(upload_id) != project.id:
        raise NotFound
    upload = _get(upload_id)
    if request.key not in (None, upload.key):
        raise NotFound
    if request.size not in (None, upload.size):
        raise Conflict(
            f"The size differs from the {upload.size} bytes that the upload was initiated with.", code="size_mismatch"
        )
    if request.checksum is not None and upload.declared_sha256 not in (None, request.checksum):
        raise Conflict(
            "The checksum differs from the SHA-256 that the upload was initiated with.", code="checksum_mismatch"
        )
    if request.checksum is not None and upload.declared_sha256 is None:
        upload = replace(upload, declared_sha256=request.checksum)
    file, number = complete(project, upload, caller)
    return CommitUploadResponse(file_id=file.id, version=number, file=files.view(file))


def on_object_created(key: str, s3_version_id: str) -> None:
    """An object is there: complete its upload if it asked for that, and remove what has no use.

    An event is only a hint: it may come twice, late or in any order. Raises Unavailable.
    """
    upload_id = version_id_of(key)
    if upload_id is None:
        return
    with BatchGet() as read:
        awaited, place = store.get(read, upload_id), projects.get_project(read, ids.project_id_of(upload_id))
    upload, project = awaited.value, place.value
    if upload is None or upload.key != key:
        observability.log_event(
            "object.without_upload", key=key
        )  # perhaps put there by an operator: the sweep tells, and asks twice
    elif upload.state in ("expired", "aborted"):
        storage.delete_version(key, s3_version_id)
    elif upload.state == "completed":
        _delete_stray_version(upload, s3_version_id)
    elif upload.auto_commit and project is not None:
        _try_complete(project, upload)


def complete(project: Project, upload: Upload, caller: Caller | None = None) -> tuple[File, int]:
    """Turn an open upload into a version: one transaction, whoever comes first; the others find it done.

    Two round trips more than the upload's own read, three for a version of a file that was there. Raises Conflict.
    """
    for _ in range(_MAX_ATTEMPTS):
        if upload.state == "completed":
            return files.get(upload.file_id), upload.version_number
        now = clock.now()
        if upload.state != "open" or upload.expires_at <= now:
            raise _WRONG_STATE
        stored = _verify_object(upload, storage.head_or_none(upload.key))
        older = None if upload.creates_file else files.get_or_none(upload.file_id)
        if not upload.creates_file and (older is None or older.state != "live"):
            raise Conflict("The file of this upload was deleted.", code="wrong_state")
        try:
            return _create_version(project, upload, stored, older, caller)
        except Conflict as conflict:
            if conflict.code not in ("upload_changed", "version_exists", "file_changed", "file_exists"):
                raise
        upload = replace(_get(upload.id), declared_sha256=upload.declared_sha256)
    raise Conflict("Too many changes at once. Try again.", code="busy")


def enqueue_expirations() -> int:
    """Ask for the end of each open upload whose time has passed; tells how many. Bounded; the next run goes on."""
    now, asked = clock.now(), 0
    for shard in range(ids.SHARDS):
        for upload_id in store.list_due_ids(shard, now):
            messaging.send_work_message("expire-upload", upload_id)
            asked += 1
    return asked


def expire(upload_id: str) -> None:
    """End an upload whose time has passed: give its quota back once, and remove what was sent. Raises Unavailable."""
    upload = store.get_or_none(upload_id)
    if upload is None:
        return
    if upload.state == "open":
        try:
            with Transaction() as write:
                upload = store.expire(write, upload, clock.now(), error=_UPLOAD_CHANGED)
                quotas.release(write, upload.project_id, upload.size, version_id=upload.id)
                emit(write, upload.project_id, "upload.expired", uploadId=upload.id)
        except Conflict:
            return  # completed in this moment, or not due at all
    if upload.state == "expired":
        _delete_objects(upload)


def abort_all(project_id: str) -> bool:
    """End open uploads of a project that is purged, and remove what was sent; tells whether there were any. Bounded.

    Stopped half-way it is done again, as an upload leaves the list when nothing is left of it: called until there were none,
    it has left none. Raises Unavailable.
    """
    page = store.list_for_project(project_id, PageRequest(_BATCH_SIZE))
    ended = [upload for upload in page.items if _abort(upload)]
    for upload in ended:
        _delete_objects(upload)
    if ended:
        with Transaction() as write:
            for upload in ended:
                store.remove_from_index(write, upload, error=_UPLOAD_CHANGED)
    return bool(page.items)


def scan_originals(start_key: str | None, since: datetime) -> tuple[list[tuple[str, int]], str | None]:
    """What uploads hold in the next megabyte of the table, as projects and bytes, and where it goes on. Raises Unavailable.

    An upload counts while it is open, and one that was completed at `since` or later where its version was not purged:
    `files.originals` counts the versions from before. So each original counts once, whenever either row is read.
    """
    uploads, after = store.scan(start_key)
    fresh = [each for each in uploads if each.completed_at is not None and each.completed_at >= since]
    there = files.existing([(each.file_id, each.version_number) for each in fresh])
    counted = [each for each in uploads if each.state == "open" or (each.file_id, each.version_number) in there]
    return [(each.project_id, each.size) for each in counted], after


def expire_rows(version_ids: list[str]) -> None:
    """Let go of the uploads of versions that are purged: their rows still explain a late object, and end with time."""
    for version_id in version_ids:
        store.expire_row(version_id, clock.now())


def get_file_id_or_none(version_id: str) -> str | None:
    """The file of a version, or None for an upload that nobody knows. One round trip."""
    upload = store.get_or_none(version_id)
    return upload.file_id if upload else None


def _check_file(project: Project, request: InitUploadRequest) -> None:
    if request.file_id is None or ids.project_id_of(request.file_id) != project.id:
        raise NotFound
    file = files.get(request.file_id)
    if file.state != "live":
        raise Conflict("This file is in the trash. Restore it first.", code="wrong_state")
    if file.kind != kind_of(request.content_type):
        raise ValidationFailed(
            f"A new version of this file must have the kind {file.kind}.", code="kind_mismatch", pointer="/contentType"
        )


def _presign(upload: Upload) -> InitUploadResponse:
    signed = storage.presign_put(
        upload.key, size=upload.size, content_type=upload.content_type, sha256=upload.declared_sha256
    )
    return InitUploadResponse(
        upload_id=upload.id,
        file_id=upload.file_id,
        key=upload.key,
        method=signed.method,
        url=signed.url,
        headers=signed.headers,
        expires_at=signed.expires_at,
    )


def _get(upload_id: str) -> Upload:
    upload = store.get_or_none(upload_id)
    if upload is None:
        raise NotFound
    return upload


def _verify_object(upload: Upload, metadata: ObjectMetadata | None) -> ObjectMetadata:
    if metadata is None:
        raise Conflict(
            "The object was not uploaded yet. Upload it to the presigned URL, then commit.", code="not_uploaded"
        )
    if metadata.size != upload.size or (
        upload.declared_sha256 and metadata.sha256 and metadata.sha256 != upload.declared_sha256
    ):
        raise Conflict(
            "The size or checksum of the object differs from what was declared. Start a new upload.",
            code="object_mismatch",
        )
    return metadata


def _create_version(
    project: Project, upload: Upload, metadata: ObjectMetadata, existing_file: File | None, caller: Caller | None
) -> tuple[File, int]:
    number, now = existing_file.last_number + 1 if existing_file else 1, clock.now()
    version = new_version(upload, project, number, now, s3_version_id=metadata.version_id, sha256=metadata.sha256)
    job: Job | None = None
    with Transaction() as write:
        store.complete(write, upload, number, now, error=_UPLOAD_CHANGED)
        if existing_file is None:
            file = new_file(upload, version)
            files.create(write, file)
        else:
            file = files.add_version(write, existing_file, version)
        quotas.add_version(write, project.id, file.kind, version)
        if version.status == "processing":
            job = jobs.create(write, "render" if file.kind == "image" else "hash", file.id, version.number)
        if caller is not None:
            log(write, caller, "uploads.commit", upload.id)
        emit(write, project.id, "file.created", fileId=file.id, version=version.number, status=version.status)
    if job:
        jobs.send(job)
    return file, version.number


def _abort(upload: Upload) -> bool:
    try:
        with Transaction() as write:
            store.abort(write, upload, clock.now(), error=_UPLOAD_CHANGED)
            quotas.release(write, upload.project_id, upload.size, version_id=upload.id)
            emit(write, upload.project_id, "upload.aborted", uploadId=upload.id)
    except Conflict:
        return upload.state == "aborted"  # by a run that was stopped; else completed or expired in this moment
    return True


def _delete_objects(upload: Upload) -> None:
    for s3_version in storage.list_versions(upload.key):
        storage.delete_version(upload.key, s3_version)


def _delete_stray_version(upload: Upload, s3_version_id: str) -> None:
    """Remove what came to a key after its version was pinned."""
    _, version = files.get_file_and_version(upload.file_id, upload.version_number)
    if version is None or version.s3_version_id != s3_version_id:
        storage.delete_version(upload.key, s3_version_id)


def _try_complete(project: Project, upload: Upload) -> None:
    try:
        complete(project, upload)
    except Conflict as conflict:
        # Late, gone again, or done by the client's own commit: nobody waits for an answer here.
        observability.log_event("upload.auto_commit_failed", upload_id=upload.id, code=conflict.code)
