"""Uploads: begun by a client, completed by its commit or by the arrival of the bytes, whichever comes first."""

from dataclasses import replace
from datetime import timedelta

from holdall import clock, ids, observe, queue, storage
from holdall.audit.service import record
from holdall.caller import Caller
from holdall.config import settings
from holdall.errors import Conflict, Invalid, NotFound
from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import File, Version, kind_of, original_key, planned, shelf_of, version_id_of
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import Repeated
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.projects import service as projects
from holdall.projects.model import Project
from holdall.storage import Stored
from holdall.table import Reading, Transaction
from holdall.uploads import store
from holdall.uploads.model import Begun, Commit, Committed, InitUpload, Upload

_ATTEMPTS = 5
_RACED = Conflict("raced", "Another request was first.")
_WRONG_STATE = Conflict("wrong_state", "This upload has ended. Begin another.")


def init(caller: Caller, project: Project, said: InitUpload) -> Begun:
    """Count the bytes in and sign the URL that takes them, and nothing else.

    Raises Invalid for a size or type that the project does not take, NotFound for a file that is not there, and Conflict when
    the project is full.
    """
    if not project.settings.allows(said.content_type):
        raise Invalid("type_not_allowed", "The project takes no files of this type.", pointer="/contentType")
    if said.file_id is not None:
        _check_file(project, said)
    upload = _upload(caller, project, said)
    try:
        with Transaction() as write:
            projects.reserve(write, project, said.size)
            store.add(write, upload)
            record(write, caller, "uploads.init", upload.id)
            idempotency.keep(write, caller, upload.id)
    except Repeated:
        upload = _found(idempotency.outcome(caller))
    return _signed(upload)


def commit(caller: Caller, project: Project, said: Commit) -> Committed:
    """Make the uploaded bytes a version of their file. Asked again, it gives the same answer.

    Raises NotFound, and Conflict while the bytes are not there, when they are not those that were announced, or when the upload
    has ended otherwise.
    """
    upload_id = said.upload_id or version_id_of(said.key or "")
    if upload_id is None or ids.project_of(upload_id) != project.id:
        raise NotFound
    upload = _found(upload_id)
    if said.key not in (None, upload.key):
        raise NotFound
    if said.size not in (None, upload.size):
        raise Conflict("size_mismatch", f"The upload was begun with {upload.size} bytes.")
    if said.checksum is not None and upload.sha256 not in (None, said.checksum):
        raise Conflict("checksum_mismatch", "The upload was begun with another SHA-256.")
    if said.checksum is not None and upload.sha256 is None:
        upload = replace(upload, sha256=said.checksum)
    file, number = complete(project, upload, caller)
    return Committed(file_id=file.id, version=number, file=files.view(file))


def arrived(key: str, s3_version: str) -> None:
    """An object is there: complete its upload if it asked for that, and remove what has no use.

    An event is only a hint: it may come twice, late or in any order. Raises Unavailable.
    """
    upload_id = version_id_of(key)
    if upload_id is None:
        return
    with Reading() as read:
        awaited, place = store.upload(read, upload_id), projects.project(read, ids.project_of(upload_id))
    upload, project = awaited.value, place.value
    if upload is None or upload.key != key or project is None:
        observe.event("object.unknown", key=key)  # perhaps put there by an operator: the sweep tells, and asks twice
        return
    if upload.state in ("expired", "aborted"):
        storage.delete_version(key, s3_version)
    elif upload.state == "completed":
        _settle(upload, s3_version)
    elif upload.auto_commit:
        _complete_quietly(project, upload)


def complete(project: Project, upload: Upload, caller: Caller | None = None) -> tuple[File, int]:
    """Turn an open upload into a version: one transaction, whoever comes first; the others find it done.

    Two round trips more than the upload's own read, three for a version of a file that was there. Raises Conflict.
    """
    for _ in range(_ATTEMPTS):
        if upload.state == "completed":
            return files.fetch(upload.file_id), upload.number
        now = clock.now()
        if upload.state != "open" or upload.deadline <= now:
            raise _WRONG_STATE
        stored = _checked(upload, storage.head(upload.key))
        older = None if upload.new_file else files.find(upload.file_id)
        if not upload.new_file and (older is None or older.state != "live"):
            raise Conflict("wrong_state", "The file of this upload is not there any more.")
        try:
            return _write(project, upload, stored, older, caller)
        except Conflict as conflict:
            if conflict.code not in ("raced", "file_changed", "file_exists"):
                raise
        upload = replace(_found(upload.id), sha256=upload.sha256)
    raise Conflict("busy", "Too many changes at once. Try again.")


def expire_due() -> int:
    """Ask for the end of each open upload whose time has passed; tells how many. Bounded; the next run goes on."""
    now, asked = clock.now(), 0
    for shard in range(ids.SHARDS):
        for upload_id in store.due(shard, now):
            queue.send_work("expire-upload", upload_id)
            asked += 1
    return asked


def expire(upload_id: str) -> None:
    """End an upload whose time has passed: give its quota back once, and remove what was sent. Raises Unavailable."""
    upload = store.find(upload_id)
    if upload is None:
        return
    if upload.state == "open":
        try:
            with Transaction() as write:
                upload = store.expire(write, upload, clock.now(), otherwise=_RACED)
                projects.give_back(write, upload.project_id, upload.size)
                emit(write, upload.project_id, "upload.expired", uploadId=upload.id)
        except Conflict:
            return  # completed in this moment, or not due at all
    if upload.state == "expired":
        for s3_version in storage.versions_of(upload.key):
            storage.delete_version(upload.key, s3_version)


def _check_file(project: Project, said: InitUpload) -> None:
    if said.file_id is None or ids.project_of(said.file_id) != project.id:
        raise NotFound
    file = files.fetch(said.file_id)
    if file.state != "live":
        raise Conflict("wrong_state", "This file lies in the trash. Restore it first.")
    if file.kind != kind_of(said.content_type):
        raise Invalid("other_kind", f"A new version of this file must be of kind {file.kind}.", pointer="/contentType")


def _upload(caller: Caller, project: Project, said: InitUpload) -> Upload:
    upload_id, now = ids.new_id_in(project.id), clock.now()
    return Upload(
        id=upload_id,
        project_id=project.id,
        file_id=said.file_id or ids.new_id_in(project.id),
        new_file=said.file_id is None,
        name=said.filename,
        size=said.size,
        content_type=said.content_type,
        sha256=said.sha256,
        auto_commit=said.auto_commit,
        key=original_key(project, upload_id, said.filename, said.content_type),
        state="open",
        number=0,
        created_by=caller.user_id,
        created_at=now,
        deadline=now + timedelta(seconds=settings().upload_expiry),
    )


def _signed(upload: Upload) -> Begun:
    signed = storage.presign_put(upload.key, size=upload.size, content_type=upload.content_type, sha256=upload.sha256)
    return Begun(
        upload_id=upload.id,
        file_id=upload.file_id,
        key=upload.key,
        method=signed.method,
        url=signed.url,
        headers=signed.headers,
        expires_at=signed.expires_at,
    )


def _found(upload_id: str) -> Upload:
    upload = store.find(upload_id)
    if upload is None:
        raise NotFound
    return upload


def _checked(upload: Upload, stored: Stored | None) -> Stored:
    if stored is None:
        raise Conflict("not_uploaded", "The bytes have not arrived yet. Send them to the URL, then commit.")
    if stored.size != upload.size or (upload.sha256 and stored.sha256 and stored.sha256 != upload.sha256):
        raise Conflict("object_mismatch", "What was stored is not what was announced. Begin another upload.")
    return stored


def _write(
    project: Project, upload: Upload, stored: Stored, older: File | None, caller: Caller | None
) -> tuple[File, int]:
    version = _version(project, upload, stored, older.latest + 1 if older else 1)
    job: Job | None = None
    with Transaction() as write:
        store.complete(write, upload, version.number, clock.now(), otherwise=_RACED)
        if older is None:
            file = _file(upload, version)
            files.add(write, file)
        else:
            file = files.add_version(write, older, version)
        if version.status == "processing":
            job = jobs.start(write, "render" if file.kind == "image" else "hash", file.id, version.number)
        if caller is not None:
            record(write, caller, "uploads.commit", upload.id)
        emit(write, project.id, "file.created", fileId=file.id, version=version.number, status=version.status)
    if job:
        jobs.send(job)
    return file, version.number


def _version(project: Project, upload: Upload, stored: Stored, number: int) -> Version:
    image = kind_of(upload.content_type) == "image"
    return Version(
        id=upload.id,
        number=number,
        key=upload.key,
        s3_version=stored.version_id,
        size=stored.size,
        content_type=upload.content_type,
        sha256=stored.sha256,
        announced=upload.sha256,
        status="ready" if stored.sha256 and not image else "processing",
        reason=None,
        width=None,
        height=None,
        variants=planned(project, upload.id, shelf_of(project, "live")) if image else (),
        created_by=upload.created_by,
        created_at=clock.now(),
    )


def _file(upload: Upload, version: Version) -> File:
    return File(
        id=upload.file_id,
        project_id=upload.project_id,
        name=upload.name,
        kind=kind_of(upload.content_type),
        state="live",
        latest=version.number,
        current=version,
        created_by=upload.created_by,
        created_at=version.created_at,
        updated_at=version.created_at,
        revision=0,
    )


def _settle(upload: Upload, s3_version: str) -> None:
    """Remove what came to a key after its version was pinned."""
    _, version = files.file_and_version(upload.file_id, upload.number)
    if version is None or version.s3_version != s3_version:
        storage.delete_version(upload.key, s3_version)


def _complete_quietly(project: Project, upload: Upload) -> None:
    try:
        complete(project, upload)
    except Conflict as conflict:
        # Late, gone again, or done by the client's own commit: nobody waits for an answer here.
        observe.event("upload.not-completed", upload_id=upload.id, code=conflict.code)
