"""The records of uploads."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from holdall.platform import ids
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, GSI2, BatchGet, Pending, Record, Transaction, query_page, scan_page
from holdall.uploads.model import Upload, UploadState

_RETENTION = timedelta(days=30)  # how long one that came to nothing still explains a late object
_DUE_LIMIT = 100  # of one shard in one run


class UploadRecord(Record, discriminator="upload"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    file_id = UnicodeAttribute()
    creates_file = BooleanAttribute()
    name = UnicodeAttribute()
    size = NumberAttribute()
    content_type = UnicodeAttribute()
    declared_sha256 = UnicodeAttribute(null=True)
    auto_commit = BooleanAttribute()
    key = UnicodeAttribute()
    state = UnicodeAttribute()
    version_number = NumberAttribute(default=0)
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    completed_at = UTCDateTimeAttribute(null=True)


def put(tx: Transaction, upload: Upload) -> None:
    """Add an upload to those that are open."""
    record = UploadRecord(
        _pk(upload.id),
        "UPLOAD",
        gsi1pk=_open_uploads_pk(ids.shard(upload.id)),
        gsi1sk=_gsi1sk(upload.expires_at, upload.id),
        gsi2pk=_project_uploads_pk(upload.project_id),
        gsi2sk=upload.id,
        **vars(upload),
    )
    tx.put_new(record, error=Conflict("An upload with this ID already exists.", code="upload_exists"))


def get_or_none(upload_id: str) -> Upload | None:
    """The upload with this id, or None. Raises Unavailable."""
    record = UploadRecord.get_or_none(_pk(upload_id), "UPLOAD")
    return _to_model(record) if record else None


def get(batch: BatchGet, upload_id: str) -> Pending[Upload]:
    """An upload, in whatever state."""
    return batch.get(UploadRecord, _pk(upload_id), "UPLOAD", _to_model)


def complete(tx: Transaction, upload: Upload, version_number: int, now: datetime, *, error: HoldallError) -> None:
    """Say which version an upload became: it stays as long as the version, as the way from a key to it."""
    tx.update(
        UploadRecord(_pk(upload.id), "UPLOAD"),
        [
            UploadRecord.state.set("completed"),
            UploadRecord.version_number.set(version_number),
            UploadRecord.completed_at.set(now),
            *_remove_index_keys(),
        ],
        condition=(UploadRecord.state == "open") & (UploadRecord.expires_at > now),
        error=error,
    )


def expire(tx: Transaction, upload: Upload, now: datetime, *, error: HoldallError) -> Upload:
    """End an upload whose time has passed."""
    state: UploadState = "expired"
    tx.update(
        UploadRecord(_pk(upload.id), "UPLOAD"),
        [
            UploadRecord.state.set(state),
            UploadRecord.ttl.set(int((now + _RETENTION).timestamp())),
            *_remove_index_keys(),
        ],
        condition=(UploadRecord.state == "open") & (UploadRecord.expires_at <= now),
        error=error,
    )
    return replace(upload, state=state)


def abort(tx: Transaction, upload: Upload, now: datetime, *, error: HoldallError) -> None:
    """End an upload before its time. It stays among those of its project until what was sent is removed."""
    tx.update(
        UploadRecord(_pk(upload.id), "UPLOAD"),
        [
            UploadRecord.state.set("aborted"),
            UploadRecord.ttl.set(int((now + _RETENTION).timestamp())),
            UploadRecord.gsi1pk.remove(),
            UploadRecord.gsi1sk.remove(),
        ],
        condition=UploadRecord.state == "open",
        error=error,
    )


def remove_from_index(tx: Transaction, upload: Upload, *, error: HoldallError) -> None:
    """Take an upload that was aborted from those of its project, as nothing is left of it."""
    tx.update(UploadRecord(_pk(upload.id), "UPLOAD"), _remove_index_keys(), error=error)


def list_for_project(project_id: str, page: PageRequest) -> Page[Upload]:
    """Uploads of a project that are open, or were aborted and left something. One round trip. Raises Unavailable."""
    page_result = query_page(UploadRecord, GSI2, _project_uploads_pk(project_id), page)
    return Page([_to_model(record) for record in page_result.items], next=page_result.next)


def scan(start_key: str | None) -> tuple[list[Upload], str | None]:
    """All uploads in the next megabyte of the table, and where it goes on. One round trip. Raises Unavailable."""
    found = scan_page(UploadRecord, json.loads(start_key) if start_key else None)
    return [_to_model(record) for record in found.rows], json.dumps(
        found.last_evaluated_key
    ) if found.last_evaluated_key else None


def expire_row(upload_id: str, now: datetime) -> None:
    """Let the row of an upload end with time, as its version is purged. Raises Unavailable."""
    actions = [UploadRecord.ttl.set(int((now + _RETENTION).timestamp()))]
    try:
        with Transaction() as write:
            record = UploadRecord(_pk(upload_id), "UPLOAD")
            write.update(record, actions, error=Conflict("The upload was deleted.", code="upload_gone"))
    except Conflict:
        return


def list_due_ids(shard: int, now: datetime) -> list[str]:
    """The ids of open uploads of a shard whose time has passed. One round trip. Raises Unavailable."""
    page = query_page(UploadRecord, GSI1, _open_uploads_pk(shard), PageRequest(_DUE_LIMIT))
    return [record.id for record in page.items if (record.gsi1sk or "") <= _gsi1sk(now, "~")]


def _remove_index_keys() -> list[Action]:
    return [getattr(UploadRecord, name).remove() for name in ("gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk")]


def _to_model(record: UploadRecord) -> Upload:
    values = {name: getattr(record, name) for name in Upload.__dataclass_fields__}
    return Upload(**{**values, "size": int(record.size), "version_number": int(record.version_number)})


def _pk(upload_id: str) -> str:
    return f"UPLOAD#{upload_id}"


def _open_uploads_pk(shard: int) -> str:
    return f"UPLOADS#open#{shard}"


def _project_uploads_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#UPLOADS"


def _gsi1sk(expires_at: datetime, upload_id: str) -> str:
    return f"{expires_at.isoformat(timespec='milliseconds')}#{upload_id}"
