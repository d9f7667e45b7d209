"""Records of the audit log. They are never changed."""

from datetime import date
from functools import partial

from pynamodb.attributes import UnicodeAttribute

from holdall.audit.model import SHARDS, AuditEntry, AuditFilter
from holdall.platform import ids
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import (
    AuditRecord,
    ByAction,
    ByActor,
    ByTarget,
    ByTime,
    Transaction,
    query_page,
    query_shards,
)


class AuditEntryRecord(AuditRecord):
    action = UnicodeAttribute()
    api_key_id = UnicodeAttribute(null=True)
    share_id = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute()
    client_ip = UnicodeAttribute()
    user_agent = UnicodeAttribute()
    request_id = UnicodeAttribute()


def put(tx: Transaction, entry: AuditEntry) -> None:
    """Add an entry. Two requests never have the same ID, and the condition protects an entry from a later put."""
    shard = ids.shard(entry.id, SHARDS)
    tx.put_new(
        AuditEntryRecord(
            _pk(entry.created_at.date(), shard),
            entry.id,
            gsi_action_pk=_gsi_action_pk(entry.action, shard),
            gsi_time_pk=_gsi_time_pk(shard),
            **entry.model_dump(exclude={"id", "created_at"}),
        )
    )


def list_page(filter_: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
    """Return the entries that match, newest first. One round trip, or one per shard. Raises ServiceUnavailable."""
    since = ids.min_id_at(filter_.since) if filter_.since else None
    until = ids.min_id_at(filter_.until) if filter_.until else None
    query = partial(query_shards, AuditEntryRecord, page=page, descending=True, range_=(since, until))
    match filter_:
        case AuditFilter(actor=str(actor)):
            found = query(ByActor, [actor])
        case AuditFilter(target=str(target)):
            found = query(ByTarget, [target])
        case AuditFilter(action=str(action)):
            found = query(ByAction, [_gsi_action_pk(action, shard) for shard in range(SHARDS)])
        case _:
            found = query(ByTime, [_gsi_time_pk(shard) for shard in range(SHARDS)])
    return _to_entries(found)


def list_day_shard(day: date, shard: int, page: PageRequest) -> Page[AuditEntry]:
    """Return entries of a shard of a day, oldest first. Strongly consistent, one round trip per megabyte.

    Raises ServiceUnavailable.
    """
    return _to_entries(query_page(AuditEntryRecord, None, _pk(day, shard), page))


def _to_entries(page: Page[AuditEntryRecord]) -> Page[AuditEntry]:
    names = AuditEntry.model_fields.keys() - {"id", "created_at"}
    entries = [
        AuditEntry.model_validate(
            {
                "id": record.sk,
                "created_at": ids.created_at(record.sk),
                **{name: getattr(record, name) for name in names},
            }
        )
        for record in page.items
    ]
    return Page(entries, page.next, page.prev)


def _pk(day: date, shard: int) -> str:
    return f"DAY#{day.isoformat()}#{shard}"


def _gsi_action_pk(action: str, shard: int) -> str:
    return f"{action}#{shard}"


def _gsi_time_pk(shard: int) -> str:
    return f"AUDIT#{shard}"
