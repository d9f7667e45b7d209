"""Records of API keys."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute, UTCDateTimeAttribute

from holdall.api_keys.model import ApiKeyId, ApiKeyNotFound, StoredApiKey
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, Pending, Record, Transaction, query_page


class ApiKeyRecord(Record, discriminator="api-key"):
    id = UnicodeAttribute()
    name = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    enabled = BooleanAttribute()
    secret_sha256 = UnicodeAttribute()
    membership_id = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute(null=True)


def put(tx: Transaction, key_id: ApiKeyId, key: StoredApiKey) -> None:
    """Add a key."""
    tx.put_new(ApiKeyRecord(*_key(key_id), gsi1pk=_gsi1pk(key_id.project_id), gsi1sk=key_id.ulid, **vars(key)))


def get(batch: BatchGet, key_id: ApiKeyId) -> Pending[StoredApiKey]:
    """Read a key."""
    return batch.get(ApiKeyRecord, *_key(key_id), _to_api_key)


def list_page(project_id: str, page: PageRequest) -> Page[StoredApiKey]:
    """Return the keys of a project, newest first. One round trip. Raises ServiceUnavailable."""
    found = query_page(ApiKeyRecord, GSI1, _gsi1pk(project_id), page, descending=True)
    return Page([_to_api_key(record) for record in found.items], next=found.next, prev=found.prev)


def set_enabled(tx: Transaction, key_id: ApiKeyId, *, enabled: bool) -> None:
    """Enable or disable a key. The transaction raises ApiKeyNotFound."""
    tx.update(ApiKeyRecord(*_key(key_id)), [ApiKeyRecord.enabled.set(enabled)], error=ApiKeyNotFound)


def check_exists(tx: Transaction, key_id: ApiKeyId) -> None:
    """Condition check: the key was not deleted. The transaction raises ApiKeyNotFound."""
    tx.condition_check(ApiKeyRecord, *_key(key_id), ApiKeyRecord.pk.exists(), error=ApiKeyNotFound)


def delete(tx: Transaction, key_id: ApiKeyId) -> None:
    """Delete a key. The transaction raises ApiKeyNotFound."""
    tx.delete(ApiKeyRecord(*_key(key_id)), error=ApiKeyNotFound)


def delete_if_exists(tx: Transaction, key_id: ApiKeyId) -> None:
    """Delete a key, whether or not it exists."""
    tx.delete_if_exists(ApiKeyRecord(*_key(key_id)))


def _to_api_key(record: ApiKeyRecord) -> StoredApiKey:
    values = {name: getattr(record, name) for name in StoredApiKey.__dataclass_fields__}
    return StoredApiKey(**{**values, "scopes": frozenset(record.scopes)})


def _key(key_id: ApiKeyId) -> tuple[str, str]:
    return f"KEY#{key_id}", "KEY"


def _gsi1pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#KEYS"
