"""The records of uploads."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from holdall import ids
from holdall.errors import Conflict, Failure
from holdall.page import Page, PageRequest
from holdall.table import Awaited, ByFacet, ByOwner, Reading, Record, Transaction, page_of, stretch_of
from holdall.uploads.model import State, Upload

_REMEMBERED = timedelta(days=30)  # how long one that came to nothing still explains a late object
_DUE_AT_ONCE = 100  # of one shard in one run


class UploadRecord(Record, discriminator="upload"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    file_id = UnicodeAttribute()
    new_file = BooleanAttribute()
    name = UnicodeAttribute()
    size = NumberAttribute()
    content_type = UnicodeAttribute()
    sha256 = UnicodeAttribute(null=True)
    auto_commit = BooleanAttribute()
    key = UnicodeAttribute()
    state = UnicodeAttribute()
    number = NumberAttribute(default=0)
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    deadline = UTCDateTimeAttribute()
    completed_at = UTCDateTimeAttribute(null=True)


def add(write: Transaction, upload: Upload) -> None:
    """Add an upload to those that are open."""
    record = UploadRecord(
        _key(upload.id),
        "UPLOAD",
        owner=_open_uploads(ids.shard(upload.id)),
        position=_position(upload.deadline, upload.id),
        facet=_of_project(upload.project_id),
        rank=upload.id,
        **vars(upload),
    )
    write.create(record, otherwise=Conflict("upload_exists", "There is an upload with this id already."))


def find(upload_id: str) -> Upload | None:
    """The upload with this id, or None. Raises Unavailable."""
    record = UploadRecord.find(_key(upload_id), "UPLOAD")
    return _model(record) if record else None


def upload(read: Reading, upload_id: str) -> Awaited[Upload]:
    """An upload, in whatever state."""
    return read.get(UploadRecord, _key(upload_id), "UPLOAD", _model)


def complete(write: Transaction, upload: Upload, number: int, now: datetime, *, otherwise: Failure) -> None:
    """Say which version an upload became: it stays as long as the version, as the way from a key to it."""
    write.update(
        UploadRecord(_key(upload.id), "UPLOAD"),
        [
            UploadRecord.state.set("completed"),
            UploadRecord.number.set(number),
            UploadRecord.completed_at.set(now),
            *_out_of_lists(),
        ],
        when=(UploadRecord.state == "open") & (UploadRecord.deadline > now),
        otherwise=otherwise,
    )


def expire(write: Transaction, upload: Upload, now: datetime, *, otherwise: Failure) -> Upload:
    """End an upload whose time has passed."""
    state: State = "expired"
    write.update(
        UploadRecord(_key(upload.id), "UPLOAD"),
        [
            UploadRecord.state.set(state),
            UploadRecord.ttl.set(int((now + _REMEMBERED).timestamp())),
            *_out_of_lists(),
        ],
        when=(UploadRecord.state == "open") & (UploadRecord.deadline <= now),
        otherwise=otherwise,
    )
    return replace(upload, state=state)


def abort(write: Transaction, upload: Upload, now: datetime, *, otherwise: Failure) -> None:
    """End an upload before its time. It stays among those of its project until what was sent is removed."""
    write.update(
        UploadRecord(_key(upload.id), "UPLOAD"),
        [
            UploadRecord.state.set("aborted"),
            UploadRecord.ttl.set(int((now + _REMEMBERED).timestamp())),
            UploadRecord.owner.remove(),
            UploadRecord.position.remove(),
        ],
        when=UploadRecord.state == "open",
        otherwise=otherwise,
    )


def settle(write: Transaction, upload: Upload, *, otherwise: Failure) -> None:
    """Take an upload that was aborted from those of its project, as nothing is left of it."""
    write.update(UploadRecord(_key(upload.id), "UPLOAD"), _out_of_lists(), otherwise=otherwise)


def of_project(project_id: str, asked: PageRequest) -> Page[Upload]:
    """Uploads of a project that are open, or were aborted and left something. One round trip. Raises Unavailable."""
    page = page_of(UploadRecord, ByFacet, _of_project(project_id), asked)
    return Page([_model(record) for record in page.items], next=page.next)


def stretch(start: str | None) -> tuple[list[Upload], str | None]:
    """All uploads in the next megabyte of the table, and where it goes on. One round trip. Raises Unavailable."""
    found = stretch_of(UploadRecord, json.loads(start) if start else None)
    return [_model(record) for record in found.rows], json.dumps(found.next) if found.next else None


def retire(upload_id: str, now: datetime) -> None:
    """Let the row of an upload end with time, as its version is purged. Raises Unavailable."""
    actions = [UploadRecord.ttl.set(int((now + _REMEMBERED).timestamp()))]
    try:
        with Transaction() as write:
            record = UploadRecord(_key(upload_id), "UPLOAD")
            write.update(record, actions, otherwise=Conflict("upload_gone", "It has ended already."))
    except Conflict:
        return


def due(shard: int, now: datetime) -> list[str]:
    """The ids of open uploads of a shard whose time has passed. One round trip. Raises Unavailable."""
    page = page_of(UploadRecord, ByOwner, _open_uploads(shard), PageRequest(_DUE_AT_ONCE))
    return [record.id for record in page.items if (record.position or "") <= _position(now, "~")]


def _out_of_lists() -> list[Action]:
    return [getattr(UploadRecord, name).remove() for name in ("owner", "position", "facet", "rank")]


def _model(record: UploadRecord) -> Upload:
    values = {name: getattr(record, name) for name in Upload.__dataclass_fields__}
    return Upload(**{**values, "size": int(record.size), "number": int(record.number)})


def _key(upload_id: str) -> str:
    return f"UPLOAD#{upload_id}"


def _open_uploads(shard: int) -> str:
    return f"UPLOADS#open#{shard}"


def _of_project(project_id: str) -> str:
    return f"PROJECT#{project_id}#UPLOADS"


def _position(moment: datetime, upload_id: str) -> str:
    return f"{moment.isoformat(timespec='milliseconds')}#{upload_id}"
