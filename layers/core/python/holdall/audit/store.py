"""The rows of the audit table. They are only ever added."""

from pynamodb.attributes import UnicodeAttribute

from holdall import clock, ids
from holdall.audit.model import Entry
from holdall.errors import Conflict
from holdall.table import AuditRecord, Transaction

_SHARDS = 4


class EntryRecord(AuditRecord):
    id = UnicodeAttribute()
    at = UnicodeAttribute()  # the sort key of the indexes by actor, target and action
    actor = UnicodeAttribute()
    action = UnicodeAttribute()
    target = UnicodeAttribute()
    outcome = UnicodeAttribute()
    address = UnicodeAttribute()
    agent = UnicodeAttribute()
    request_id = UnicodeAttribute()


def add(write: Transaction, entry: Entry) -> None:
    """Add a row. The condition is what keeps a later put from replacing it."""
    day = clock.now().date().isoformat()
    record = EntryRecord(f"DAY#{day}#{ids.shard(entry.id, _SHARDS)}", entry.id, at=entry.id, **entry.model_dump())
    write.create(record, otherwise=Conflict("audit_exists", "This has been recorded already."))
