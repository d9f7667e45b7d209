"""Correcting what a recount found, when an operator says so."""

from datetime import timedelta

from holdall import clock, observe
from holdall.errors import Conflict
from holdall.maintenance import store
from holdall.maintenance.model import INSTALLATION
from holdall.quotas import service as quotas
from holdall.quotas.model import Held
from holdall.table import Transaction

_FRESH = timedelta(days=1)  # how old a report may be that is still believed
_APPLIED = Conflict("applied", "This was done before.")


def repair() -> int:
    """Correct the counters that the last report names, each once; tells how many. Raises Unavailable.

    A project in which something came or went since is left to another recount. The installation never stands still: what was
    missing there stays missing while it is moved, so the difference is added whatever it says by now.
    """
    report, corrected = store.report(), 0
    if report is None or report.ended_at is None or clock.now() - report.ended_at > _FRESH:
        observe.event("recount.no-fresh-report")
        return 0
    for drift in report.drifts:
        change = Held(drift.counted_bytes - drift.held_bytes, drift.counted_files - drift.held_files)
        try:
            with Transaction() as write:
                if drift.of == INSTALLATION:
                    store.apply(write, report, otherwise=_APPLIED)
                    quotas.correct_installation(write, change)
                else:
                    quotas.correct(write, drift.of, Held(moves=drift.moves), change)
        except Conflict as conflict:
            observe.event("quota.left", of=drift.of, code=conflict.code)
        else:
            observe.event("quota.corrected", of=drift.of, bytes=change.bytes, files=change.files)
            corrected += 1
    return corrected
