"""Records of the recount: the results of a run, and the last report."""

from datetime import timedelta

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from holdall.maintenance.model import AlreadyApplied, AlreadyReported, ProjectResult, Report
from holdall.platform import clock
from holdall.platform.table import BatchGet, Pending, Record, Transaction

_REPORT_KEY = ("TASK#recount", "REPORT")
_RESULT_TTL = timedelta(days=2)  # longer than a run may take


class RecountResultRecord(Record, discriminator="recount-result"):
    content = UnicodeAttribute()  # JSON


class RecountReportRecord(Record, discriminator="recount-report"):
    run_id = UnicodeAttribute()
    content = UnicodeAttribute()  # JSON
    applied = BooleanAttribute(null=True)  # whether it has corrected the installation


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


def _result_key(run_id: str, project_id: str) -> tuple[str, str]:
    return f"TASK#recount#{run_id}#{project_id}", "RESULT"
