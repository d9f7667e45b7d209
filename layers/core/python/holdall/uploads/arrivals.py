"""Originals that arrive in S3: they complete their uploads, or are deleted."""

from holdall.api_keys import rights
from holdall.files import service as files
from holdall.files.model import version_id_of
from holdall.platform import observability, storage
from holdall.platform.config import settings
from holdall.platform.errors import Busy, Conflict, ValidationFailed
from holdall.uploads import cleanup, store
from holdall.uploads.completion import complete
from holdall.uploads.model import Upload


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
        _delete_stray_version(upload, upload.completion.version_number, s3_version_id)
    else:
        _on_open_upload(upload, s3_version_id)


def _delete_stray_version(upload: Upload, version_number: int, s3_version_id: str) -> None:
    """Delete an object that is neither the one of the version nor shared by a version that restored it."""
    _, version = files.get_file_and_version(upload.file_id, version_number)
    if version is None:  # it was deleted
        version = files.find_version(upload.file_id, lambda other: other.key == upload.key)
    if version is None or version.s3_version_id != s3_version_id:
        storage.delete_version(upload.key, s3_version_id)


def _on_open_upload(upload: Upload, s3_version_id: str) -> None:
    project = rights.get_project_if_permitted(
        upload.project_id, "files.write", user_id=upload.created_by, api_key_id=upload.api_key_id
    )
    try:
        if project is None:
            cleanup.abort(upload)
        elif upload.auto_commit:
            file, version_number = complete(project, upload)
            if (file.current.id, file.current.s3_version_id) != (upload.id, s3_version_id):
                # A form can be posted twice before the first notification arrives.
                _delete_stray_version(upload, version_number, s3_version_id)
    except Busy:
        raise  # the event comes back
    except (Conflict, ValidationFailed) as error:
        # The object is late or deleted, or another request ended the upload. No one waits for a response here.
        observability.log_event("upload.arrival_ignored", upload_id=upload.id, code=error.code)
