"""Originals that arrive: they complete their uploads, or are deleted. S3 tells of them; in the edge store one has to look."""

from holdall.api_keys import rights
from holdall.files import service as files
from holdall.files.model import File, version_id_of
from holdall.platform import clock, messaging, observability, storage
from holdall.platform.config import settings
from holdall.platform.errors import Busy, Conflict, ServiceUnavailable, ValidationFailed
from holdall.platform.originals import EdgeUnavailable, bucket_at
from holdall.uploads import cleanup, store
from holdall.uploads.completion import complete
from holdall.uploads.messages import FindAtEdge
from holdall.uploads.model import Upload

_FIRST_LOOK_SECONDS, _MAX_LOOK_SECONDS = 2, 60


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
    elif upload.location == "edge":
        return  # the sync moves it here, and deletes what it does not need
    elif upload.state in ("expired", "aborted"):
        storage.delete_version(key, s3_version_id)
    elif upload.completion is not None:
        _delete_stray_version(upload, upload.completion.version_number, s3_version_id)
    elif completed := _complete_open(upload):
        file, version_number = completed
        if (file.current.id, file.current.s3_version_id) != (upload.id, s3_version_id):
            # A form can be posted twice before the first notification arrives.
            _delete_stray_version(upload, version_number, s3_version_id)


def _delete_stray_version(upload: Upload, version_number: int, s3_version_id: str) -> None:
    """Delete an object that is neither the one of the version nor shared by a version that restored it."""
    _, version = files.get_file_and_version(upload.file_id, version_number)
    if version is None:  # it was deleted
        version = files.find_version(upload.file_id, lambda other: other.key == upload.key)
    if version is None or version.s3_version_id != s3_version_id:
        storage.delete_version(upload.key, s3_version_id)


def look_later(upload: Upload, checks: int = 0) -> None:
    """Look for the object of an upload that commits itself, if no event tells of its arrival: it is one object at the edge.

    The pauses grow to a minute.
    """
    if upload.location != "edge" or upload.multipart is not None:
        return
    try:
        delay = min(_FIRST_LOOK_SECONDS * 2**checks, _MAX_LOOK_SECONDS)
        messaging.send(FindAtEdge(upload.id, checks), delay_seconds=delay)
    except ServiceUnavailable:  # the client may commit
        observability.log_event("upload.send_failed", upload_id=upload.id)


def look_at_edge(message: FindAtEdge) -> None:
    """Complete an upload if its object is in the edge store, or look again later. Raises ServiceUnavailable and Busy."""
    upload = store.get_or_none(message.upload_id)
    if upload is None or upload.state != "open" or upload.expires_at <= clock.now():
        return
    try:
        bucket_at(upload.location).require_reachable()
        is_there = storage.head_or_none(upload.key, upload.location) is not None
    except EdgeUnavailable:
        is_there = False
    if is_there:
        _complete_open(upload)
    else:
        look_later(upload, message.checks + 1)


def _complete_open(upload: Upload) -> tuple[File, int] | None:
    """Complete an open upload that commits itself, or abort it if its caller may not write any more. Raises Busy."""
    project = rights.get_project_if_permitted(
        upload.project_id, "files.write", user_id=upload.created_by, api_key_id=upload.api_key_id
    )
    try:
        if project is None:
            cleanup.abort(upload)
        elif upload.auto_commit:
            return complete(project, upload)
    except Busy:
        raise  # the message comes back
    except (Conflict, ValidationFailed) as error:
        # The object is late or deleted, or another request ended the upload. No one waits for a response here.
        observability.log_event("upload.arrival_ignored", upload_id=upload.id, code=error.code)
    return None
