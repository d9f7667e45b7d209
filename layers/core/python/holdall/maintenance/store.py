"""The records of tasks that take many steps."""

import json
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from holdall.maintenance.model import Checkpoint, Partial, Report
from holdall.platform.errors import HoldallError
from holdall.platform.table import Record, Transaction

_TASK = "TASK#recount"
_PARTIAL_TTL = timedelta(days=2)  # longer than a run may take; nobody reads what is kept of one that ended


class RecountCheckpointRecord(Record, discriminator="recount-checkpoint"):
    run_id = UnicodeAttribute()
    step = NumberAttribute()
    content = UnicodeAttribute()


class RecountPartialRecord(Record, discriminator="recount-partial"):
    content = UnicodeAttribute()


class RecountReportRecord(Record, discriminator="recount-report"):
    run_id = UnicodeAttribute()
    content = UnicodeAttribute()
    applied = BooleanAttribute(null=True)  # the installation was corrected by it


def get_checkpoint_or_none() -> Checkpoint | None:
    """How far the last recount has come. Raises Unavailable."""
    record = RecountCheckpointRecord.get_or_none(_TASK, "CHECKPOINT")
    return Checkpoint.model_validate_json(record.content) if record else None


def save_checkpoint(
    tx: Transaction, previous: Checkpoint | None, checkpoint: Checkpoint, *, error: HoldallError
) -> None:
    """Write how far it has come, if nobody wrote it since it was seen."""
    record = RecountCheckpointRecord(
        _TASK, "CHECKPOINT", run_id=checkpoint.run_id, step=checkpoint.step, content=checkpoint.model_dump_json()
    )
    if previous is None:
        tx.put_new(record, error=error)
        return
    actions = [
        RecountCheckpointRecord.run_id.set(checkpoint.run_id),
        RecountCheckpointRecord.step.set(checkpoint.step),
        RecountCheckpointRecord.content.set(record.content),
    ]
    same = (RecountCheckpointRecord.run_id == previous.run_id) & (RecountCheckpointRecord.step == previous.step)
    tx.update(record, actions, condition=same, error=error)


def save_partial(
    tx: Transaction, checkpoint: Checkpoint, kind: Partial, shard: int, content: dict[str, Any], now: datetime
) -> None:
    """Keep what a step found in the projects of a shard: some ten thousand, which fit into an item."""
    tx.put(
        RecountPartialRecord(
            _pk(shard),
            f"{_sk_prefix(checkpoint.run_id, checkpoint.round_number, kind)}{checkpoint.step:06d}",
            content=json.dumps(content, separators=(",", ":")),
            ttl=int((now + _PARTIAL_TTL).timestamp()),
        )
    )


def load_partials(run_id: str, round_number: int, kind: Partial, shard: int) -> list[dict[str, Any]]:
    """What the steps of a round found in the projects of a shard. Raises Unavailable."""
    found = RecountPartialRecord.query_prefix(_pk(shard), _sk_prefix(run_id, round_number, kind))
    return [json.loads(record.content) for record in found]


def save_report(tx: Transaction, report: Report) -> None:
    """Keep what a recount found, instead of the one before."""
    tx.put(RecountReportRecord(_TASK, "REPORT", run_id=report.run_id, content=report.model_dump_json()))


def get_report_or_none() -> Report | None:
    """What the last recount found that came to its end. Raises Unavailable."""
    record = RecountReportRecord.get_or_none(_TASK, "REPORT")
    return Report.model_validate_json(record.content) if record else None


def mark_applied(tx: Transaction, report: Report, *, error: HoldallError) -> None:
    """Say that the installation was corrected by a report, once."""
    unapplied = RecountReportRecord.applied.does_not_exist()
    tx.update(
        RecountReportRecord(_TASK, "REPORT"),
        [RecountReportRecord.applied.set(True)],
        condition=(RecountReportRecord.run_id == report.run_id) & unapplied,
        error=error,
    )


def _pk(shard: int) -> str:
    return f"{_TASK}#{shard}"


def _sk_prefix(run_id: str, round_number: int, kind: Partial) -> str:
    return f"{run_id}#{round_number}#{kind}#"
