"""The export of the audit log: every night, to a bucket whose objects no one can change."""

from dataclasses import replace
from datetime import timedelta

from holdall.audit import service as audit
from holdall.audit.model import SHARDS
from holdall.maintenance.model import ExportAudit
from holdall.platform import clock, messaging, storage
from holdall.platform.pagination import PageRequest

CATCH_UP_DAYS = 3  # the next two nights make up for a night that was lost; existing objects stay as they are
_SETTLE_TIME = timedelta(minutes=15)  # longer than a request takes from the ID of an entry to its commit
ROWS_PER_OBJECT = 3000  # at most 7 MB, because an entry has at most 2.2 kB. A retry cuts at the same rows


def enqueue_due() -> int:
    """Send a message for each shard of the days that are over. Return their number. Raises ServiceUnavailable."""
    today = (clock.now() - _SETTLE_TIME).date()
    days = [today - timedelta(days=number) for number in range(1, CATCH_UP_DAYS + 1)]
    messages = [ExportAudit(day, shard) for day in days for shard in range(SHARDS)]
    for message in messages:
        messaging.send(message)
    return len(messages)


def export_partition(message: ExportAudit) -> None:
    """Write one object of a shard of a day, and send a message for the next one. Raises ServiceUnavailable.

    A shard without entries gets an empty object, which says that it was exported.
    """
    page = audit.list_day_shard(message.day, message.shard, PageRequest(ROWS_PER_OBJECT, message.position))
    lines = "".join(f"{entry.model_dump_json(by_alias=True)}\n" for entry in page.items)
    storage.put_export(f"{message.day:%Y/%m/%d}/{message.shard}-{message.number}.jsonl", lines.encode())
    if page.next:
        messaging.send(replace(message, number=message.number + 1, position=page.next))
