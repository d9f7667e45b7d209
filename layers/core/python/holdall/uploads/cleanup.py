"""The end of uploads that create no version: they expire, or are aborted."""

from contextlib import suppress
from functools import partial

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.platform import clock, ids, messaging, multipart, observability, storage
from holdall.platform.caller import Caller
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.originals import EdgeUnavailable, bucket_at
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction
from holdall.quotas import service as quotas
from holdall.uploads import store
from holdall.uploads.messages import EndShareUploads, EndUpload
from holdall.uploads.model import EndState, Upload, UploadChanged

_BATCH_SIZE = 50  # uploads of a project in one run


def enqueue_due() -> int:
    """Send a message for each upload that is due, and return their number. Raises ServiceUnavailable."""
    now, sent = clock.now(), 0
    for shard in range(ids.SHARDS):
        for upload_id in store.iterate_due_ids(shard, now):
            messaging.send(EndUpload(upload_id))
            sent += 1
    return sent


def end(upload_id: str) -> None:
    """Expire an upload that is due, and delete the objects of one that expired or was aborted. Raises ServiceUnavailable."""
    upload = store.get_or_none(upload_id)
    if upload is None:
        return
    if upload.state == "open":
        try:
            with Transaction() as tx:
                upload = _end(tx, upload, "expired")
        except UploadChanged:
            return  # it was completed or aborted, or is not due
    if upload.state == "completed":
        return
    try:
        bucket_at(upload.location).require_reachable()
        _delete_objects(upload)
    except (
        EdgeUnavailable
    ):  # the upload is due until its objects are deleted, so the next run of the task sends it again
        observability.log_event("upload.objects_not_deleted", upload_id=upload.id)


def abort(upload: Upload, caller: Caller | None = None) -> None:
    """Abort an open upload. A message deletes its objects. Raises UploadChanged."""
    with Transaction() as tx:
        _end(tx, upload, "aborted")
        if caller is not None:
            log(tx, caller, "uploads.abort", upload.id)
        tx.on_commit(partial(_enqueue, upload))


def abort_if_open(upload: Upload, caller: Caller | None = None) -> None:
    """Abort an upload, unless another request ended or completed it."""
    with suppress(UploadChanged):
        abort(upload, caller)


def enqueue_share(share_id: str) -> None:
    """Let the open uploads of a revoked share be aborted. If that fails, they expire."""
    try:
        messaging.send(EndShareUploads(share_id))
    except ServiceUnavailable:
        observability.log_event("share.send_failed", share_id=share_id)


def abort_uploads_of_share(message: EndShareUploads) -> None:
    """Abort the open uploads of a share. The list lags, so the newest may expire instead. Raises ServiceUnavailable."""
    page: PageRequest | None = PageRequest(_BATCH_SIZE)
    while page is not None:
        found = store.list_open(message.group_id, page)
        for upload in found.items:
            if upload.share_id == message.share_id:
                abort_if_open(upload)
        page = PageRequest(_BATCH_SIZE, found.next) if found.next else None


def abort_all(project_id: str) -> bool:
    """Abort some open uploads of a deleted project, and delete their objects. Return whether there were any.

    Call it until there are none. Raises ServiceUnavailable.
    """
    ended, still_open = store.list_ended(project_id, _BATCH_SIZE), store.list_open(project_id, PageRequest(_BATCH_SIZE))
    for upload in still_open.items:
        with suppress(UploadChanged):  # the list lags: the upload may be completed, or have ended
            with Transaction() as tx:
                _end(tx, upload, "aborted")
            ended.append(upload)
    for upload in ended:
        _delete_objects(upload)
    return bool(ended or still_open.items)


def expire_rows(version_ids: list[str]) -> None:
    """Let the records of uploads expire, because their versions are purged. Until then they explain late objects."""
    for version_id in version_ids:
        with suppress(UploadChanged), Transaction() as tx:
            store.set_ttl(tx, version_id, clock.now())


def _end(tx: Transaction, upload: Upload, state: EndState) -> Upload:
    """End an open upload, and release what it reserves. The transaction raises UploadChanged."""
    ended = store.end(tx, upload, state, clock.now())
    quotas.release(tx, upload.project_id, upload.size, version_id=upload.id)
    quotas.close_upload(tx, upload.opener_id, upload.size)
    emit(tx, upload.project_id, f"upload.{state}", uploadId=upload.id)
    return ended


def _enqueue(upload: Upload) -> None:
    try:
        messaging.send(EndUpload(upload.id))
    except ServiceUnavailable:  # the upload is due, so a scheduled task sends the message again
        observability.log_event("upload.send_failed", upload_id=upload.id)


def _delete_objects(upload: Upload) -> None:
    """Delete the parts and objects of an upload that ended, and after them its entries in the lists."""
    if upload.multipart is not None:
        multipart.abort(upload.key, upload.multipart.id, upload.location)
    storage.delete_all_versions(upload.key, upload.location)
    with Transaction() as tx:
        store.remove_from_lists(tx, upload)
