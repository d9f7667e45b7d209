"""The records of uploads."""

from dataclasses import replace
from datetime import datetime, timedelta

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall import ids
from holdall.errors import Conflict, Failure
from holdall.page import PageRequest
from holdall.table import Awaited, ByOwner, Reading, Record, Transaction, page_of
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


def add(write: Transaction, upload: Upload) -> None:
    """Add an upload to those that are open."""
    record = UploadRecord(
        _key(upload.id),
        "UPLOAD",
        owner=_open_uploads(ids.shard(upload.id)),
        position=_position(upload.deadline, upload.id),
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
            UploadRecord.owner.remove(),
            UploadRecord.position.remove(),
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
            UploadRecord.owner.remove(),
            UploadRecord.position.remove(),
        ],
        when=(UploadRecord.state == "open") & (UploadRecord.deadline <= now),
        otherwise=otherwise,
    )
    return replace(upload, state=state)


def due(shard: int, now: datetime) -> list[str]:
    """The ids of open uploads of a shard whose time has passed. One round trip. Raises Unavailable."""
    page = page_of(UploadRecord, ByOwner, _open_uploads(shard), PageRequest(_DUE_AT_ONCE))
    return [record.id for record in page.items if (record.position or "") <= _position(now, "~")]


def _model(record: UploadRecord) -> Upload:
    values = {name: getattr(record, name) for name in Upload.__dataclass_fields__}
    return Upload(**{**values, "size": int(record.size), "number": int(record.number)})


def _key(upload_id: str) -> str:
    return f"UPLOAD#{upload_id}"


def _open_uploads(shard: int) -> str:
    return f"UPLOADS#open#{shard}"


def _position(moment: datetime, upload_id: str) -> str:
    return f"{moment.isoformat(timespec='milliseconds')}#{upload_id}"
