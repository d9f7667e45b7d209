"""The records of API keys."""

from datetime import datetime

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute, UTCDateTimeAttribute

from holdall import ids
from holdall.errors import Conflict, Failure
from holdall.keys.model import ApiKey
from holdall.page import Page, PageRequest
from holdall.table import Awaited, ByOwner, Reading, Record, Transaction, page_of


class KeyRecord(Record, discriminator="key"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    name = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    enabled = BooleanAttribute()
    digest = UnicodeAttribute()
    membership = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute(null=True)
    used_at = UTCDateTimeAttribute(null=True)


def add(write: Transaction, key: ApiKey) -> None:
    """Add a key."""
    record = KeyRecord(
        _key(key.id), "KEY", owner=f"PROJECT#{key.project_id}#KEYS", position=ids.birth_of_key(key.id), **vars(key)
    )
    write.create(record, otherwise=Conflict("key_exists", "There is a key with this id already."))


def key(read: Reading, key_id: str) -> Awaited[ApiKey]:
    """A key, in whatever state."""
    return read.get(KeyRecord, _key(key_id), "KEY", _model)


def page(project_id: str, asked: PageRequest) -> Page[ApiKey]:
    """The keys of a project, newest first. One round trip. Raises Unavailable."""
    found = page_of(KeyRecord, ByOwner, f"PROJECT#{project_id}#KEYS", asked, descending=True)
    return Page([_model(record) for record in found.items], next=found.next, prev=found.prev)


def enable(write: Transaction, key_id: str, *, enabled: bool, otherwise: Failure) -> None:
    """Switch a key on or off."""
    write.update(KeyRecord(_key(key_id), "KEY"), [KeyRecord.enabled.set(enabled)], otherwise=otherwise)


def remove(write: Transaction, key_id: str, *, otherwise: Failure) -> None:
    """Remove a key."""
    write.delete(KeyRecord(_key(key_id), "KEY"), otherwise=otherwise)


def forget(write: Transaction, key_id: str) -> None:
    """Remove a key, with its project."""
    write.forget(KeyRecord(_key(key_id), "KEY"))


def touch(key: ApiKey, now: datetime) -> None:
    """Write when a key was last used. One round trip, and nothing is lost when it fails. Raises Unavailable."""
    before = KeyRecord.used_at == key.used_at if key.used_at else KeyRecord.used_at.does_not_exist()
    try:
        with Transaction() as write:
            record = KeyRecord(_key(key.id), "KEY")
            write.update(record, [KeyRecord.used_at.set(now)], when=before, otherwise=Conflict("touched", "Written."))
    except Conflict:
        return


def _model(record: KeyRecord) -> ApiKey:
    values = {name: getattr(record, name) for name in ApiKey.__dataclass_fields__}
    return ApiKey(**{**values, "scopes": frozenset(record.scopes)})


def _key(key_id: str) -> str:
    return f"KEY#{key_id}"
