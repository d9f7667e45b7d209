"""The correction of drift, on the command of an operator."""

from datetime import timedelta

from holdall.maintenance import store
from holdall.maintenance.model import INSTALLATION, AlreadyApplied
from holdall.platform import clock, observability
from holdall.platform.table import BatchGet, Transaction
from holdall.quotas import service as quotas
from holdall.quotas.model import UsageChanged

_MAX_REPORT_AGE = timedelta(days=1)


def repair() -> int:
    """Correct the counters that the last report lists, each once, and return their number. Raises ServiceUnavailable.

    A project that changed since its count is skipped. The installation changes all the time, but what its counters miss stays
    the same, so the difference is added to any value.
    """
    with BatchGet() as batch:
        pending = store.get_report(batch)
    report, corrected = pending.value, 0
    if report is None or report.ended_at is None or clock.now() - report.ended_at > _MAX_REPORT_AGE:
        observability.log_event("recount.no_recent_report")
        return 0
    for drift in report.drifts:
        try:
            with Transaction() as tx:
                if drift.scope == INSTALLATION:
                    store.mark_applied(tx, report)
                    quotas.correct_installation(tx, drift.missing.bytes, drift.missing.files)
                else:
                    missing, version = drift.missing, drift.recorded.version
                    quotas.correct(tx, drift.scope, missing.bytes, missing.files, version=version)
        except (AlreadyApplied, UsageChanged) as conflict:
            observability.log_event("quota.correction_skipped", scope=drift.scope, code=conflict.code)
        else:
            observability.log_event("quota.corrected", **drift.model_dump())
            corrected += 1
    return corrected
