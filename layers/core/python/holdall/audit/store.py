"""The rows of the audit table. They are only ever added."""

from datetime import date

from pynamodb.attributes import UnicodeAttribute

from holdall import ids
from holdall.audit.model import Entry, Filter
from holdall.errors import Conflict
from holdall.page import Page, PageRequest
from holdall.table import AuditRecord, ByAction, ByActor, ByTarget, ByTime, Transaction, page_of

SHARDS = 4
_JOURNAL = "AUDIT"  # one partition for all rows, as that of "uploads.commit" is already: about 1000 rows a second


class EntryRecord(AuditRecord):
    id = UnicodeAttribute()
    key = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute()
    address = UnicodeAttribute()
    agent = UnicodeAttribute()
    request_id = UnicodeAttribute()

    def entry(self) -> Entry:
        """What the row says."""
        return Entry(
            id=self.id,
            at=ids.born_at(self.id),
            actor=self.actor,
            key=self.key,
            action=self.action,
            target=self.target,
            outcome=self.outcome,  # type: ignore[arg-type]  # written by us, from an Entry
            address=self.address,
            agent=self.agent,
            request_id=self.request_id,
        )


def add(write: Transaction, entry: Entry) -> None:
    """Add a row. The condition is what keeps a later put from replacing it."""
    shard = ids.shard(entry.id, SHARDS)
    told = entry.model_dump(exclude={"at"})
    record = EntryRecord(_day(entry.at.date(), shard), entry.id, at=entry.id, journal=_JOURNAL, **told)
    write.create(record, otherwise=Conflict("audit_exists", "This has been recorded already."))


def page(wanted: Filter, asked: PageRequest) -> Page[Entry]:
    """Those that are asked for, newest first. One round trip. Raises Unavailable."""
    index, partition = next(
        (index, value)
        for index, value in (
            (ByActor, wanted.actor),
            (ByAction, wanted.action),
            (ByTarget, wanted.target),
            (ByTime, _JOURNAL),
        )
        if value is not None
    )
    since = ids.first_at(wanted.since) if wanted.since else None
    until = ids.first_at(wanted.until) if wanted.until else None
    found = page_of(EntryRecord, index, partition, asked, descending=True, between=(since, until))
    return Page([row.entry() for row in found.items], found.next, found.prev)


def page_of_day(day: date, shard: int, asked: PageRequest) -> Page[Entry]:
    """Those of a day, one part of four, oldest first, strongly consistent. One round trip a megabyte. Raises Unavailable."""
    found = page_of(EntryRecord, None, _day(day, shard), asked)
    return Page([row.entry() for row in found.items], found.next, found.prev)


def _day(day: date, shard: int) -> str:
    return f"DAY#{day.isoformat()}#{shard}"
