"""The records of API keys."""

from datetime import datetime

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute, UTCDateTimeAttribute

from holdall.api_keys.model import StoredApiKey
from holdall.platform import ids
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, Pending, Record, Transaction, query_page


class ApiKeyRecord(Record, discriminator="api-key"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    name = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    enabled = BooleanAttribute()
    secret_sha256 = UnicodeAttribute()
    membership_id = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute(null=True)
    last_used_at = UTCDateTimeAttribute(null=True)


def put(tx: Transaction, key: StoredApiKey) -> None:
    """Add a key."""
    record = ApiKeyRecord(
        _pk(key.id), "KEY", gsi1pk=f"PROJECT#{key.project_id}#KEYS", gsi1sk=ids.key_ulid(key.id), **vars(key)
    )
    tx.put_new(record, error=Conflict("An API key with this ID exists.", code="key_exists"))


def get(batch: BatchGet, key_id: str) -> Pending[StoredApiKey]:
    """A key, in whatever state."""
    return batch.get(ApiKeyRecord, _pk(key_id), "KEY", _to_api_key)


def list_page(project_id: str, page: PageRequest) -> Page[StoredApiKey]:
    """The keys of a project, newest first. One round trip. Raises Unavailable."""
    found = query_page(ApiKeyRecord, GSI1, f"PROJECT#{project_id}#KEYS", page, descending=True)
    return Page([_to_api_key(record) for record in found.items], next=found.next, prev=found.prev)


def set_enabled(tx: Transaction, key_id: str, *, enabled: bool, error: HoldallError) -> None:
    """Switch a key on or off."""
    tx.update(ApiKeyRecord(_pk(key_id), "KEY"), [ApiKeyRecord.enabled.set(enabled)], error=error)


def delete(tx: Transaction, key_id: str, *, error: HoldallError) -> None:
    """Remove a key."""
    tx.delete(ApiKeyRecord(_pk(key_id), "KEY"), error=error)


def delete_if_exists(tx: Transaction, key_id: str) -> None:
    """Remove a key, with its project."""
    tx.delete_if_exists(ApiKeyRecord(_pk(key_id), "KEY"))


def set_last_used(key: StoredApiKey, now: datetime) -> None:
    """Write when a key was last used. One round trip, and nothing is lost when it fails. Raises Unavailable."""
    before = (
        ApiKeyRecord.last_used_at == key.last_used_at
        if key.last_used_at
        else ApiKeyRecord.last_used_at.does_not_exist()
    )
    try:
        with Transaction() as write:
            record = ApiKeyRecord(_pk(key.id), "KEY")
            write.update(
                record,
                [ApiKeyRecord.last_used_at.set(now)],
                condition=before,
                error=Conflict("Another request updated the time of the last use.", code="already_updated"),
            )
    except Conflict:
        return


def _to_api_key(record: ApiKeyRecord) -> StoredApiKey:
    values = {name: getattr(record, name) for name in StoredApiKey.__dataclass_fields__}
    return StoredApiKey(**{**values, "scopes": frozenset(record.scopes)})


def _pk(key_id: str) -> str:
    return f"KEY#{key_id}"
