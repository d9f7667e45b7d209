"""The records of tasks that take many steps."""

import json
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from holdall.errors import Failure
from holdall.maintenance.model import Checkpoint, Kept, Report
from holdall.table import Record, Transaction

_TASK = "TASK#recount"
_KEPT = timedelta(days=2)  # longer than a run may take; nobody reads what is kept of one that ended


class RecountRecord(Record, discriminator="recount"):
    run = UnicodeAttribute()
    step = NumberAttribute()
    content = UnicodeAttribute()


class RecountPartRecord(Record, discriminator="recount-part"):
    content = UnicodeAttribute()


class RecountReportRecord(Record, discriminator="recount-report"):
    run = UnicodeAttribute()
    content = UnicodeAttribute()
    applied = BooleanAttribute(null=True)  # the installation was corrected by it


def checkpoint() -> Checkpoint | None:
    """How far the last recount has come. Raises Unavailable."""
    record = RecountRecord.find(_TASK, "CHECKPOINT")
    return Checkpoint.model_validate_json(record.content) if record else None


def move(write: Transaction, seen: Checkpoint | None, after: Checkpoint, *, otherwise: Failure) -> None:
    """Write how far it has come, if nobody wrote it since it was seen."""
    record = RecountRecord(_TASK, "CHECKPOINT", run=after.run, step=after.step, content=after.model_dump_json())
    if seen is None:
        write.create(record, otherwise=otherwise)
        return
    actions = [
        RecountRecord.run.set(after.run),
        RecountRecord.step.set(after.step),
        RecountRecord.content.set(record.content),
    ]
    same = (RecountRecord.run == seen.run) & (RecountRecord.step == seen.step)
    write.update(record, actions, when=same, otherwise=otherwise)


def keep(write: Transaction, at: Checkpoint, kind: Kept, shard: int, content: dict[str, Any], now: datetime) -> None:
    """Keep what a step found in the projects of a shard: some ten thousand, which fit into an item."""
    write.put(
        RecountPartRecord(
            _shard(shard),
            f"{_beginning(at.run, at.round, kind)}{at.step:06d}",
            content=json.dumps(content, separators=(",", ":")),
            ttl=int((now + _KEPT).timestamp()),
        )
    )


def kept(run: str, number: int, kind: Kept, shard: int) -> list[dict[str, Any]]:
    """What the steps of a round found in the projects of a shard. Raises Unavailable."""
    found = RecountPartRecord.parts(_shard(shard), _beginning(run, number, kind))
    return [json.loads(record.content) for record in found]


def keep_report(write: Transaction, report: Report) -> None:
    """Keep what a recount found, instead of the one before."""
    write.put(RecountReportRecord(_TASK, "REPORT", run=report.run, content=report.model_dump_json()))


def report() -> Report | None:
    """What the last recount found that came to its end. Raises Unavailable."""
    record = RecountReportRecord.find(_TASK, "REPORT")
    return Report.model_validate_json(record.content) if record else None


def apply(write: Transaction, report: Report, *, otherwise: Failure) -> None:
    """Say that the installation was corrected by a report, once."""
    unapplied = RecountReportRecord.applied.does_not_exist()
    write.update(
        RecountReportRecord(_TASK, "REPORT"),
        [RecountReportRecord.applied.set(True)],
        when=(RecountReportRecord.run == report.run) & unapplied,
        otherwise=otherwise,
    )


def _shard(shard: int) -> str:
    return f"{_TASK}#{shard}"


def _beginning(run: str, number: int, kind: Kept) -> str:
    return f"{run}#{number}#{kind}#"
