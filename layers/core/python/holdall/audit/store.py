"""The rows of the audit table. They are only ever added."""

from datetime import date

from pynamodb.attributes import UnicodeAttribute

from holdall.audit.model import AuditEntry, AuditFilter
from holdall.platform import ids
from holdall.platform.errors import Conflict
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import AuditRecord, ByAction, ByActor, ByTarget, ByTime, Transaction, query_page

SHARDS = 4
_TIME_PARTITION = (
    "AUDIT"  # one partition for all rows, as that of "uploads.commit" is already: about 1000 rows a second
)


class AuditEntryRecord(AuditRecord):
    id = UnicodeAttribute()
    api_key_id = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute()
    client_ip = UnicodeAttribute()
    user_agent = UnicodeAttribute()
    request_id = UnicodeAttribute()

    def to_entry(self) -> AuditEntry:
        """What the row says."""
        return AuditEntry(
            id=self.id,
            created_at=ids.created_at(self.id),
            actor=self.actor,
            api_key_id=self.api_key_id,
            action=self.action,
            target=self.target,
            outcome=self.outcome,  # type: ignore[arg-type]  # written by us, from an Entry
            client_ip=self.client_ip,
            user_agent=self.user_agent,
            request_id=self.request_id,
        )


def put(tx: Transaction, entry: AuditEntry) -> None:
    """Add a row. The condition is what keeps a later put from replacing it."""
    shard = ids.shard(entry.id, SHARDS)
    told = entry.model_dump(exclude={"created_at"})
    record = AuditEntryRecord(
        _pk(entry.created_at.date(), shard), entry.id, gsi_sk=entry.id, gsi_time_pk=_TIME_PARTITION, **told
    )
    tx.put_new(record, error=Conflict("The audit entry already exists.", code="audit_entry_exists"))


def list_page(filter_: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
    """Those that are asked for, newest first. One round trip. Raises Unavailable."""
    index, partition = next(
        (index, value)
        for index, value in (
            (ByActor, filter_.actor),
            (ByAction, filter_.action),
            (ByTarget, filter_.target),
            (ByTime, _TIME_PARTITION),
        )
        if value is not None
    )
    since = ids.min_id_at(filter_.since) if filter_.since else None
    until = ids.min_id_at(filter_.until) if filter_.until else None
    found = query_page(AuditEntryRecord, index, partition, page, descending=True, range_=(since, until))
    return Page([row.to_entry() for row in found.items], found.next, found.prev)


def list_day_shard(day: date, shard: int, page: PageRequest) -> Page[AuditEntry]:
    """Those of a day, one part of four, oldest first, strongly consistent. One round trip a megabyte. Raises Unavailable."""
    found = query_page(AuditEntryRecord, None, _pk(day, shard), page)
    return Page([row.to_entry() for row in found.items], found.next, found.prev)


def _pk(day: date, shard: int) -> str:
    return f"DAY#{day.isoformat()}#{shard}"
