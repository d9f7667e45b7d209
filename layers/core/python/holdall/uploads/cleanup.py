"""The end of uploads that create no version: they expire, or are aborted because their project is purged."""

from contextlib import suppress

from holdall.events.service import emit
from holdall.platform import clock, ids, messaging, storage
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction
from holdall.quotas import service as quotas
from holdall.uploads import store
from holdall.uploads.model import ExpireUpload, Upload, UploadChanged

_BATCH_SIZE = 50  # uploads of a project in one run


def enqueue_expirations() -> int:
    """Send a message for each open upload that is due, and return their number. The next run continues a long list."""
    now, sent = clock.now(), 0
    for shard in range(ids.SHARDS):
        for upload_id in store.list_due_ids(shard, now):
            messaging.send(ExpireUpload(upload_id))
            sent += 1
    return sent


def expire(upload_id: str) -> None:
    """Expire an upload that is due: release its quota once, and delete its objects. Raises ServiceUnavailable."""
    upload = store.get_or_none(upload_id)
    if upload is None:
        return
    if upload.state == "open":
        try:
            with Transaction() as tx:
                upload = store.expire(tx, upload, clock.now())
                quotas.release(tx, upload.project_id, upload.size, version_id=upload.id)
                emit(tx, upload.project_id, "upload.expired", uploadId=upload.id)
        except UploadChanged:
            return  # it was completed or aborted, or is not due
    if upload.state == "expired":
        _delete_objects(upload)


def abort_all(project_id: str) -> bool:
    """Abort some open uploads of a purged project, and delete their objects. Return whether there were any.

    Call it until there are none. An aborted upload leaves the list after its objects are deleted, so an interrupted call loses
    nothing. Raises ServiceUnavailable.
    """
    page = store.list_for_project(project_id, PageRequest(_BATCH_SIZE))
    aborted = [upload for upload in page.items if _abort(upload)]
    for upload in aborted:
        _delete_objects(upload)
    if aborted:
        with Transaction() as tx:
            for upload in aborted:
                store.remove_from_index(tx, upload)
    return bool(page.items)


def expire_rows(version_ids: list[str]) -> None:
    """Let the records of uploads expire, because their versions are purged. Until then they explain late objects."""
    for version_id in version_ids:
        with suppress(UploadChanged), Transaction() as tx:
            store.set_ttl(tx, version_id, clock.now())


def _abort(upload: Upload) -> bool:
    try:
        with Transaction() as tx:
            store.abort(tx, upload, clock.now())
            quotas.release(tx, upload.project_id, upload.size, version_id=upload.id)
            emit(tx, upload.project_id, "upload.aborted", uploadId=upload.id)
    except UploadChanged:
        return upload.state == "aborted"  # by an interrupted run; otherwise it was completed or expired meanwhile
    return True


def _delete_objects(upload: Upload) -> None:
    for s3_version_id in storage.list_versions(upload.key):
        storage.delete_version(upload.key, s3_version_id)
