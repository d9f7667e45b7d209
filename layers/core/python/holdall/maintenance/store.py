"""Records of the recount: the last run, its results, and the last report."""

from datetime import timedelta

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.maintenance.model import (
    AlreadyApplied,
    AlreadyReported,
    ProjectResult,
    RecountRun,
    RecountStarted,
    Report,
)
from holdall.platform import clock
from holdall.platform.table import BatchGet, Pending, Record, Transaction

_PK = "TASK#recount"
_RESULT_TTL = timedelta(days=2)  # longer than a run may take


class RecountRunRecord(Record, discriminator="recount-run"):
    id = UnicodeAttribute()
    started_at = UTCDateTimeAttribute()


class RecountResultRecord(Record, discriminator="recount-result"):
    content = UnicodeAttribute()  # JSON


class RecountReportRecord(Record, discriminator="recount-report"):
    run_id = UnicodeAttribute()
    content = UnicodeAttribute()  # JSON
    applied = BooleanAttribute(null=True)  # whether it has corrected the installation


def put_run(tx: Transaction, run: RecountRun, previous: RecountRun | None) -> None:
    """Replace the last run. The transaction raises RecountStarted if another one did."""
    is_previous = RecountRunRecord.id == previous.id if previous else None
    tx.put_new(RecountRunRecord(_PK, "RUN", **vars(run)), or_condition=is_previous, error=RecountStarted)


def get_run(batch: BatchGet) -> Pending[RecountRun]:
    """Read the last run."""
    return batch.get(RecountRunRecord, _PK, "RUN", lambda record: RecountRun(record.id, record.started_at))


def put_result(tx: Transaction, run_id: str, project_id: str, result: ProjectResult) -> None:
    """Set the result for a project."""
    ttl = int((clock.now() + _RESULT_TTL).timestamp())
    tx.put(RecountResultRecord(*_result_key(run_id, project_id), content=result.model_dump_json(), ttl=ttl))


def get_result(batch: BatchGet, run_id: str, project_id: str) -> Pending[ProjectResult]:
    """Read the result for a project."""
    return batch.get(
        RecountResultRecord,
        *_result_key(run_id, project_id),
        lambda record: ProjectResult.model_validate_json(record.content),
    )


def put_report(tx: Transaction, report: Report) -> None:
    """Replace the last report. The transaction raises AlreadyReported if it is of the same run."""
    record = RecountReportRecord(_PK, "REPORT", run_id=report.run_id, content=report.model_dump_json())
    tx.put_new(record, or_condition=RecountReportRecord.run_id != report.run_id, error=AlreadyReported)


def get_report(batch: BatchGet) -> Pending[Report]:
    """Read the last report."""
    return batch.get(RecountReportRecord, _PK, "REPORT", lambda record: Report.model_validate_json(record.content))


def mark_applied(tx: Transaction, report: Report) -> None:
    """Record that a report has corrected the installation. The transaction raises AlreadyApplied."""
    is_unapplied = (RecountReportRecord.run_id == report.run_id) & RecountReportRecord.applied.does_not_exist()
    actions = [RecountReportRecord.applied.set(True)]
    tx.update(RecountReportRecord(_PK, "REPORT"), actions, condition=is_unapplied, error=AlreadyApplied)


def _result_key(run_id: str, project_id: str) -> tuple[str, str]:
    return f"{_PK}#{run_id}#{project_id}", "RESULT"
