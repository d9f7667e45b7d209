"""Correcting what a recount found, when an operator says so."""

from datetime import timedelta

from holdall.maintenance import store
from holdall.maintenance.model import INSTALLATION
from holdall.platform import clock, observability
from holdall.platform.errors import Conflict
from holdall.platform.table import Transaction
from holdall.quotas import service as quotas
from holdall.quotas.model import QuotaUsage

_MAX_REPORT_AGE = timedelta(days=1)  # how old a report may be that is still believed
_ALREADY_APPLIED = Conflict("The report was already applied.", code="already_applied")


def repair() -> int:
    """Correct the counters that the last report names, each once; tells how many. Raises Unavailable.

    A project in which something came or went since is left to another recount. The installation never stands still: what was
    missing there stays missing while it is moved, so the difference is added whatever it says by now.
    """
    report, corrected = store.get_report_or_none(), 0
    if report is None or report.ended_at is None or clock.now() - report.ended_at > _MAX_REPORT_AGE:
        observability.log_event("recount.no_recent_report")
        return 0
    for drift in report.drifts:
        change = QuotaUsage(drift.counted_bytes - drift.recorded_bytes, drift.counted_files - drift.recorded_files)
        try:
            with Transaction() as write:
                if drift.scope == INSTALLATION:
                    store.mark_applied(write, report, error=_ALREADY_APPLIED)
                    quotas.correct_installation(write, change)
                else:
                    quotas.correct(write, drift.scope, QuotaUsage(version=drift.version), change)
        except Conflict as conflict:
            observability.log_event("quota.correction_skipped", scope=drift.scope, code=conflict.code)
        else:
            observability.log_event("quota.corrected", scope=drift.scope, bytes=change.bytes, files=change.files)
            corrected += 1
    return corrected
