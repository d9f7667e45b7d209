"""Records of the recount, its results and its last report, and of the sweep, its marks."""

from datetime import timedelta

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.maintenance.model import AlreadyApplied, AlreadyReported, Mark, ProjectResult, Report
from holdall.platform import clock
from holdall.platform.table import BatchGet, EphemeralRecord, Pending, Record, Transaction

_REPORT_KEY = ("TASK#recount", "REPORT")
_RESULT_TTL = timedelta(days=2)  # longer than a run may take
_MARK_TTL = timedelta(days=60)  # longer than from one run of the sweep to the next


class RecountResultRecord(Record, discriminator="recount-result"):
    content = UnicodeAttribute()  # JSON


class RecountReportRecord(Record, discriminator="recount-report"):
    run_id = UnicodeAttribute()
    content = UnicodeAttribute()  # JSON
    applied = BooleanAttribute(null=True)  # whether it has corrected the installation


class MarkRecord(EphemeralRecord, discriminator="orphan"):
    run_id = UnicodeAttribute()
    seen_at = UTCDateTimeAttribute()


def put_result(tx: Transaction, run_id: str, project_id: str, result: ProjectResult) -> None:
    """Set the result for a project."""
    ttl = int((clock.now() + _RESULT_TTL).timestamp())
    tx.put(RecountResultRecord(*_result_key(run_id, project_id), content=result.model_dump_json(), ttl=ttl))


def get_result(batch: BatchGet, run_id: str, project_id: str) -> Pending[ProjectResult]:
    """Read the result for a project."""
    key = _result_key(run_id, project_id)
    return batch.get(RecountResultRecord, *key, lambda record: ProjectResult.model_validate_json(record.content))


def put_report(tx: Transaction, report: Report) -> None:
    """Replace the report of an earlier run. The transaction raises AlreadyReported."""
    is_earlier = RecountReportRecord.run_id < report.run_id  # ULIDs sort by time
    record = RecountReportRecord(*_REPORT_KEY, run_id=report.run_id, content=report.model_dump_json())
    tx.put_new(record, or_condition=is_earlier, error=AlreadyReported)


def get_report(batch: BatchGet) -> Pending[Report]:
    """Read the last report."""
    return batch.get(RecountReportRecord, *_REPORT_KEY, lambda record: Report.model_validate_json(record.content))


def mark_applied(tx: Transaction, report: Report) -> None:
    """Record that a report has corrected the installation. The transaction raises AlreadyApplied."""
    is_unapplied = (RecountReportRecord.run_id == report.run_id) & RecountReportRecord.applied.does_not_exist()
    actions = [RecountReportRecord.applied.set(True)]
    tx.update(RecountReportRecord(*_REPORT_KEY), actions, condition=is_unapplied, error=AlreadyApplied)


def put_mark(tx: Transaction, key: str, version_id: str | None, run_id: str) -> None:
    """Mark an object that no record names."""
    now = clock.now()
    ttl = int((now + _MARK_TTL).timestamp())
    tx.put(MarkRecord(*_mark_key(key, version_id), run_id=run_id, seen_at=now, ttl=ttl))


def get_mark(batch: BatchGet, key: str, version_id: str | None) -> Pending[Mark]:
    """Read the mark of an object."""
    return batch.get(MarkRecord, *_mark_key(key, version_id), lambda record: Mark(record.run_id, record.seen_at))


def _mark_key(key: str, version_id: str | None) -> tuple[str, str]:
    return f"ORPHAN#{key}", version_id or "NONE"


def _result_key(run_id: str, project_id: str) -> tuple[str, str]:
    return f"TASK#recount#{run_id}#{project_id}", "RESULT"
