"""The audit table, copied each night to a bucket whose objects nobody can change: what it said then, it said."""

from datetime import date, timedelta

from holdall.audit import service as audit
from holdall.platform import clock, messaging, storage
from holdall.platform.pagination import PageRequest

CATCH_UP_DAYS = 3  # a night that was lost is made up by the two after it; what is there already stays as it is
_SETTLE_TIME = timedelta(minutes=15)  # longer than a deed takes from its id to its row
ROWS_PER_OBJECT = 3000  # of an object: at most 7 MB, as a row has at most 2.2 kB. A number, so that a repetition cuts at the same places


def enqueue_due() -> int:
    """Ask for the export of each part of the days that are over; how many were asked for. Raises Unavailable."""
    today = (clock.now() - _SETTLE_TIME).date()
    days = [today - timedelta(days=number) for number in range(1, CATCH_UP_DAYS + 1)]
    parts = [f"{day.isoformat()}#{shard}" for day in days for shard in range(audit.SHARDS)]
    for part in parts:
        messaging.send_work_message("export-audit", part)
    return len(parts)


def export_partition(payload: str) -> None:
    """Write one object of a part of a day, and ask for the next one. Raises ValueError for no such part, and Unavailable.

    `subject` is the day and the part, as `2026-11-20#0`; behind them, from the second object on, its number and the last row of
    the one before. A part without rows has an empty object: it says that nothing was done, and not that nobody looked.
    """
    day, shard, number, after = [*payload.split("#"), "0", ""][:4]
    page = audit.list_day_shard(date.fromisoformat(day), int(shard), PageRequest(ROWS_PER_OBJECT, after or None))
    lines = "".join(f"{entry.model_dump_json(by_alias=True)}\n" for entry in page.items)
    storage.put_export(f"{day.replace('-', '/')}/{shard}-{number}.jsonl", lines.encode())
    if page.next:
        messaging.send_work_message("export-audit", f"{day}#{shard}#{int(number) + 1}#{page.next}")
