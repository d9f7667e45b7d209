"""Records of uploads."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from holdall.platform import ids
from holdall.platform.errors import NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, GSI2, BatchGet, Pending, Record, Transaction, query_page
from holdall.uploads.model import Completion, EndState, Upload, UploadChanged
from holdall.uploads.parts import Multipart

_RETENTION = timedelta(days=30)  # an upload without a version explains an object that arrives late, for this long
_PAGE_SIZE = 100


class UploadRecord(Record, discriminator="upload"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    file_id = UnicodeAttribute()
    creates_file = BooleanAttribute()
    name = UnicodeAttribute()
    relative_path = UnicodeAttribute(null=True)
    size = NumberAttribute()
    is_sized = BooleanAttribute(null=True)  # rows of older releases have no value: their sizes are declared
    content_type = UnicodeAttribute()
    declared_sha256 = UnicodeAttribute(null=True)
    auto_commit = BooleanAttribute()
    key = UnicodeAttribute()
    multipart_id = UnicodeAttribute(null=True)
    part_size = NumberAttribute(null=True)
    has_part_checksums = BooleanAttribute(null=True)
    state = UnicodeAttribute()
    created_by = UnicodeAttribute()
    api_key_id = UnicodeAttribute(null=True)
    share_id = UnicodeAttribute(null=True)
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    version_number = NumberAttribute(null=True)
    completed_at = UTCDateTimeAttribute(null=True)
    location = UnicodeAttribute(null=True)  # rows of older releases have no value: their bytes are in S3


def put(tx: Transaction, upload: Upload) -> None:
    """Add an open upload."""
    values = {name: value for name, value in vars(upload).items() if name not in ("completion", "multipart")}
    if multipart := upload.multipart:
        values |= {
            "multipart_id": multipart.id,
            "part_size": multipart.part_size,
            "has_part_checksums": multipart.has_checksums,
        }
    tx.put_new(
        UploadRecord(
            *_key(upload.id),
            gsi1pk=_open_uploads_pk(ids.shard(upload.id)),
            gsi1sk=_due_sk(upload.expires_at, upload.id),
            gsi2pk=_open_in_project_pk(upload.project_id),
            gsi2sk=upload.id,
            **values,
        )
    )


def get_or_none(upload_id: str) -> Upload | None:
    """Return an upload in any state, or None. Raises ServiceUnavailable."""
    record = UploadRecord.get_or_none(*_key(upload_id))
    return _to_model(record) if record else None


def get(upload_id: str) -> Upload:
    """Return an upload in any state. Raises NotFound and ServiceUnavailable."""
    upload = get_or_none(upload_id)
    if upload is None:
        raise NotFound
    return upload


def get_pending(batch: BatchGet, upload_id: str) -> Pending[Upload]:
    """Read an upload in any state."""
    return batch.get(UploadRecord, *_key(upload_id), _to_model)


def complete(tx: Transaction, upload: Upload, completion: Completion) -> None:
    """Complete an open upload. The record stays as long as the version, because it leads from an object to its file.

    The transaction raises UploadChanged.
    """
    is_open = (UploadRecord.state == "open") & (UploadRecord.expires_at > completion.completed_at)
    actions = [
        UploadRecord.state.set("completed"),
        UploadRecord.version_number.set(completion.version_number),
        UploadRecord.completed_at.set(completion.completed_at),
        *_remove_index_keys(),
    ]
    tx.update(UploadRecord(*_key(upload.id)), actions, condition=is_open, error=UploadChanged)


def end(tx: Transaction, upload: Upload, state: EndState, now: datetime) -> Upload:
    """Abort an open upload, or expire one that is due, and return it. The transaction raises UploadChanged.

    It is due from now on, and in the lists of uploads that ended until its objects are deleted, so an interruption loses none.
    """
    is_open = UploadRecord.state == "open"
    condition = is_open & (UploadRecord.expires_at <= now) if state == "expired" else is_open
    actions = [
        UploadRecord.state.set(state),
        _set_ttl(now),
        UploadRecord.gsi1sk.set(_due_sk(now, upload.id)),
        UploadRecord.gsi2pk.set(_ended_in_project_pk(upload.project_id)),
    ]
    tx.update(UploadRecord(*_key(upload.id)), actions, condition=condition, error=UploadChanged)
    return replace(upload, state=state)


def remove_from_lists(tx: Transaction, upload: Upload) -> None:
    """Remove an upload that ended from all lists, after its objects."""
    tx.update(UploadRecord(*_key(upload.id)), _remove_index_keys())


def set_ttl(tx: Transaction, upload_id: str, now: datetime) -> None:
    """Let the record expire, because its version is purged. The transaction raises UploadChanged if there is none."""
    tx.update(UploadRecord(*_key(upload_id)), [_set_ttl(now)], error=UploadChanged)


def list_open(project_id: str, page: PageRequest) -> Page[Upload]:
    """Return the open uploads of a project, oldest first. One round trip. Raises ServiceUnavailable."""
    found = query_page(UploadRecord, GSI2, _open_in_project_pk(project_id), page)
    return Page([_to_model(record) for record in found.items], next=found.next, prev=found.prev)


def list_ended(project_id: str, limit: int) -> list[Upload]:
    """Return uploads of a project that ended and may have objects. One round trip. Raises ServiceUnavailable."""
    found = query_page(UploadRecord, GSI2, _ended_in_project_pk(project_id), PageRequest(limit))
    return [_to_model(record) for record in found.items]


def iterate_due_ids(shard: int, now: datetime) -> Iterator[str]:
    """Return the IDs of all uploads of a shard that are due. One round trip for each hundred. Raises ServiceUnavailable."""
    page: PageRequest | None = PageRequest(_PAGE_SIZE)
    while page is not None:
        found = query_page(UploadRecord, GSI1, _open_uploads_pk(shard), page, range_=(None, _due_sk(now, "~")))
        yield from (record.id for record in found.items)
        page = PageRequest(_PAGE_SIZE, found.next) if found.next else None


def _set_ttl(now: datetime) -> Action:
    return UploadRecord.ttl.set(int((now + _RETENTION).timestamp()))


def _remove_index_keys() -> list[Action]:
    return [getattr(UploadRecord, name).remove() for name in ("gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk")]


def _to_model(record: UploadRecord) -> Upload:
    fields = Upload.__dataclass_fields__.keys() - {"completion", "multipart"}
    values: dict[str, Any] = {name: getattr(record, name) for name in fields}
    is_completed = record.state == "completed"
    return Upload(
        **{
            **values,
            "size": int(record.size),
            "is_sized": record.is_sized is not False,
            "location": record.location or "s3",
        },
        multipart=_to_multipart(record),
        completion=Completion(int(record.version_number), record.completed_at) if is_completed else None,
    )


def _to_multipart(record: UploadRecord) -> Multipart | None:
    if not record.multipart_id:
        return None
    part_size = int(record.part_size) if record.part_size else None
    return Multipart(record.multipart_id, part_size, bool(record.has_part_checksums))


def _key(upload_id: str) -> tuple[str, str]:
    return f"UPLOAD#{upload_id}", "UPLOAD"


def _open_uploads_pk(shard: int) -> str:
    return f"UPLOADS#open#{shard}"


def _open_in_project_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#UPLOADS#open"


def _ended_in_project_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#UPLOADS#ended"


def _due_sk(expires_at: datetime, upload_id: str) -> str:
    return f"{expires_at.isoformat(timespec='milliseconds')}#{upload_id}"
