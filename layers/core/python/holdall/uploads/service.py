"""Uploads: begun by a client, completed by its commit or by the arrival of the bytes, whichever comes first."""

from dataclasses import replace
from datetime import datetime, timedelta

from holdall import clock, ids, observe, queue, storage
from holdall.audit.service import record
from holdall.caller import Caller
from holdall.config import settings
from holdall.errors import Conflict, Invalid, NotFound
from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import File, kind_of, version_id_of
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import Repeated
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.page import PageRequest
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.storage import Stored
from holdall.table import Reading, Transaction
from holdall.uploads import store
from holdall.uploads.model import Begun, Commit, Committed, InitUpload, Upload, first_file, opened, version_of

_ATTEMPTS = 5
_AT_ONCE = 50  # of a project in one run
_RACED = Conflict("raced", "Another request was first.")
_WRONG_STATE = Conflict("wrong_state", "This upload has ended. Begin another.")


def init(caller: Caller, project: Project, said: InitUpload) -> Begun:
    """Count the bytes in and sign the URL that takes them, and nothing else.

    Raises Invalid for a size or type that the project does not take, NotFound for a file that is not there, and Conflict when
    the project or the installation is full.
    """
    if not project.settings.allows(said.content_type):
        raise Invalid("type_not_allowed", "The project takes no files of this type.", pointer="/contentType")
    if said.file_id is not None:
        _check_file(project, said)
    upload = opened(said, project, caller.user_id, timedelta(seconds=settings().upload_expiry))
    bounds = projects.bounds(project)
    for place in quotas.places(upload.id, said.size, within=bounds):
        try:
            with Transaction() as write:
                quotas.reserve(write, project.id, place, within=bounds)
                store.add(write, upload)
                record(write, caller, "uploads.init", upload.id)
                idempotency.keep(write, caller, upload.id)
        except Repeated:
            return _signed(_found(idempotency.outcome(caller)))
        except Conflict as conflict:
            if conflict is not quotas.TAKEN:
                raise
        else:
            break
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
    if upload is None or upload.key != key:
        observe.event("object.unknown", key=key)  # perhaps put there by an operator: the sweep tells, and asks twice
    elif upload.state in ("expired", "aborted"):
        storage.delete_version(key, s3_version)
    elif upload.state == "completed":
        _settle(upload, s3_version)
    elif upload.auto_commit and project is not None:
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
                quotas.give_back(write, upload.project_id, upload.size, of=upload.id)
                emit(write, upload.project_id, "upload.expired", uploadId=upload.id)
        except Conflict:
            return  # completed in this moment, or not due at all
    if upload.state == "expired":
        _remove(upload)


def abort_all(project_id: str) -> bool:
    """End open uploads of a project that is purged, and remove what was sent; tells whether there were any. Bounded.

    Stopped half-way it is done again, as an upload leaves the list when nothing is left of it: called until there were none,
    it has left none. Raises Unavailable.
    """
    page = store.of_project(project_id, PageRequest(_AT_ONCE))
    ended = [upload for upload in page.items if _abort(upload)]
    for upload in ended:
        _remove(upload)
    if ended:
        with Transaction() as write:
            for upload in ended:
                store.settle(write, upload, otherwise=_RACED)
    return bool(page.items)


def originals(start: str | None, since: datetime) -> tuple[list[tuple[str, int]], str | None]:
    """What uploads hold in the next megabyte of the table, as projects and bytes, and where it goes on. Raises Unavailable.

    An upload counts while it is open, and one that was completed at `since` or later where its version was not purged:
    `files.originals` counts the versions from before. So each original counts once, whenever either row is read.
    """
    uploads, after = store.stretch(start)
    fresh = [each for each in uploads if each.completed_at is not None and each.completed_at >= since]
    there = files.there([(each.file_id, each.number) for each in fresh])
    counted = [each for each in uploads if each.state == "open" or (each.file_id, each.number) in there]
    return [(each.project_id, each.size) for each in counted], after


def retire(version_ids: list[str]) -> None:
    """Let go of the uploads of versions that are purged: their rows still explain a late object, and end with time."""
    for version_id in version_ids:
        store.retire(version_id, clock.now())


def file_of(version_id: str) -> str | None:
    """The file of a version, or None for an upload that nobody knows. One round trip."""
    upload = store.find(version_id)
    return upload.file_id if upload else None


def _check_file(project: Project, said: InitUpload) -> None:
    if said.file_id is None or ids.project_of(said.file_id) != project.id:
        raise NotFound
    file = files.fetch(said.file_id)
    if file.state != "live":
        raise Conflict("wrong_state", "This file lies in the trash. Restore it first.")
    if file.kind != kind_of(said.content_type):
        raise Invalid("other_kind", f"A new version of this file must be of kind {file.kind}.", pointer="/contentType")


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
    number, now = older.latest + 1 if older else 1, clock.now()
    version = version_of(upload, project, number, now, s3_version=stored.version_id, sha256=stored.sha256)
    job: Job | None = None
    with Transaction() as write:
        store.complete(write, upload, number, now, otherwise=_RACED)
        if older is None:
            file = first_file(upload, version)
            files.add(write, file)
        else:
            file = files.add_version(write, older, version)
        quotas.count_in(write, project.id, file.kind, version)
        if version.status == "processing":
            job = jobs.start(write, "render" if file.kind == "image" else "hash", file.id, version.number)
        if caller is not None:
            record(write, caller, "uploads.commit", upload.id)
        emit(write, project.id, "file.created", fileId=file.id, version=version.number, status=version.status)
    if job:
        jobs.send(job)
    return file, version.number


def _abort(upload: Upload) -> bool:
    try:
        with Transaction() as write:
            store.abort(write, upload, clock.now(), otherwise=_RACED)
            quotas.give_back(write, upload.project_id, upload.size, of=upload.id)
            emit(write, upload.project_id, "upload.aborted", uploadId=upload.id)
    except Conflict:
        return upload.state == "aborted"  # by a run that was stopped; else completed or expired in this moment
    return True


def _remove(upload: Upload) -> None:
    for s3_version in storage.versions_of(upload.key):
        storage.delete_version(upload.key, s3_version)


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
