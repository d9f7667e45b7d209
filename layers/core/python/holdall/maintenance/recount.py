"""The recount: what projects and the installation hold, counted anew beside their counters. It tells, and corrects nothing.

Exact while people upload. A counter is moved in the transaction of what it counts, so whatever comes or goes between two
readings of a project shows in its `moves`, and that project is left to the next round. What changes its rows without that is
an upload that becomes a version: both rows tell the same moment, and `since` decides which of them counts.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from holdall.files import service as files
from holdall.maintenance import store
from holdall.maintenance.model import INSTALLATION, MAX_LISTED, Checkpoint, Drift, Partial, RecountStep, Report
from holdall.platform import clock, ids, messaging, observability
from holdall.platform.errors import Conflict
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import QuotaUsage
from holdall.uploads import service as uploads

_MAX_ROUNDS = 3
_ROUND_DELAY_SECONDS = 60  # seconds before another round
_SETTLE_TIME = timedelta(minutes=5)  # longer than a commit takes from its moment to its row, with clocks that differ
_STEP_TIME_BUDGET = timedelta(seconds=60)  # of one step
_MAX_PROJECTS_PER_STEP = 10_000  # of one step, about: all of one shard are 300 KB, and an item holds 400
_PAGE_SIZE = 100
_STEP_TIMEOUT = timedelta(minutes=30)  # after which the message of a step is taken for lost
_RUN_TIMEOUT = timedelta(hours=12)  # after which a run is given up
_STEP_CONFLICT = Conflict("Another message already did this step.", code="step_conflict")

Partials = list[tuple[Partial, int, dict[str, Any]]]  # what to keep of which shard


def start() -> int:
    """Begin a recount, or go on with one that was interrupted; tells how many were begun. Raises Unavailable."""
    seen, now = store.get_checkpoint_or_none(), clock.now()
    if seen is not None and not seen.done and now - seen.report.started_at < _RUN_TIMEOUT:
        _enqueue(seen)  # should its message be under way after all, one of the two finds the step done
        return 0
    run = ids.new_id()
    fresh = Checkpoint(
        run_id=run, cutoff_at=now - _SETTLE_TIME, updated_at=now, report=Report(run_id=run, started_at=now)
    )
    try:
        with Transaction() as write:
            store.save_checkpoint(write, seen, fresh, error=_STEP_CONFLICT)
    except Conflict:
        return 0
    _enqueue(fresh)
    return 1


def run_step(message: RecountStep) -> None:
    """Do one step of a recount, and ask for the next. Raises Unavailable.

    A message that comes twice does nothing twice: what a step found is kept in the transaction that moves the checkpoint on.
    """
    at, now = store.get_checkpoint_or_none(), clock.now()
    if at is None or at.run_id != message.run_id or at.done:
        return
    if at.step != message.step:
        if at.step == message.step + 1 and now - at.updated_at > _STEP_TIMEOUT:
            _enqueue(at)  # whoever did this step died before it asked for the next
        return
    after, found = {
        "snapshot": _run_snapshot_phase,
        "versions": _run_count_phase,
        "uploads": _run_count_phase,
        "compare": _run_compare_phase,
    }[at.phase](at)
    after = after.model_copy(update={"step": at.step + 1, "updated_at": clock.now()})
    try:
        with Transaction() as write:
            store.save_checkpoint(write, at, after, error=_STEP_CONFLICT)
            for kind, shard, content in found:
                store.save_partial(write, at, kind, shard, content, now)
            if after.done:
                store.save_report(write, after.report)
    except Conflict:
        return
    if not after.done:
        _enqueue(after, delay_seconds=_ROUND_DELAY_SECONDS if after.round_number > at.round_number else 0)


def _run_snapshot_phase(checkpoint: Checkpoint) -> tuple[Checkpoint, Partials]:
    """Remember how often each project was moved; in a later round, each that was left by the one before."""
    moves: dict[int, dict[str, int]] = {}

    def look(shard: int, project_ids: list[str]) -> None:
        if checkpoint.round_number > 1:
            left = _load_partials(checkpoint.run_id, checkpoint.round_number - 1, "changed", shard)
            project_ids = [each for each in project_ids if each in left]
        held = quotas.batch_get_usage(project_ids)
        moves.setdefault(shard, {}).update({each: counted.version for each, counted in held.items()})

    after = _scan_projects(checkpoint, look)
    if after.shard == ids.SHARDS:
        after = after.model_copy(update={"phase": "versions", "shard": 0})
    return after, [("snapshot", shard, content) for shard, content in moves.items() if content]


def _run_count_phase(checkpoint: Checkpoint) -> tuple[Checkpoint, Partials]:
    """Sum up by projects what versions hold, then what uploads do."""
    until, cursor = clock.now() + _STEP_TIME_BUDGET, checkpoint.cursor
    sums: dict[str, list[int]] = {}
    originals = files.scan_originals if checkpoint.phase == "versions" else uploads.scan_originals
    while True:
        counted, cursor = originals(cursor, checkpoint.cutoff_at)
        for project_id, size in counted:
            entry = sums.setdefault(project_id, [0, 0])
            entry[:] = entry[0] + size, entry[1] + 1
        if cursor is None or len(sums) >= _MAX_PROJECTS_PER_STEP or clock.now() >= until:
            break
    by_shard: dict[int, dict[str, list[int]]] = {}
    for project_id, entry in sums.items():
        by_shard.setdefault(ids.shard(project_id), {})[project_id] = entry
    behind = "uploads" if checkpoint.phase == "versions" else "compare"
    after = checkpoint.model_copy(update={"phase": checkpoint.phase if cursor else behind, "cursor": cursor})
    return after, [("counts", shard, content) for shard, content in by_shard.items()]


def _run_compare_phase(checkpoint: Checkpoint) -> tuple[Checkpoint, Partials]:
    """Judge each project that was moved by nothing since it was looked at before, and the installation at the end."""
    if (checkpoint.shard, checkpoint.cursor) == (0, None):
        checkpoint = checkpoint.model_copy(update={"installation_version": quotas.get_installation_usage().version})
    judged, read = checkpoint, dict[int, tuple[dict[str, int], dict[str, list[int]]]]()
    left: dict[int, dict[str, int]] = {}

    def look(shard: int, project_ids: list[str]) -> None:
        nonlocal judged
        if shard not in read:
            read.clear()  # one shard is in memory at a time
            read[shard] = (
                _load_partials(checkpoint.run_id, checkpoint.round_number, "snapshot", shard),
                _load_counts(checkpoint, shard),
            )
        held = quotas.batch_get_usage(project_ids)
        judged, moved = _compare(judged, held, *read[shard])
        left.setdefault(shard, {}).update(dict.fromkeys(moved, 1))

    place = _scan_projects(checkpoint, look)
    after = judged.model_copy(update={"shard": place.shard, "cursor": place.cursor})
    found: Partials = [("changed", shard, content) for shard, content in left.items() if content]
    return (_finish_round(after) if after.shard == ids.SHARDS else after), found


def _compare(
    checkpoint: Checkpoint, usage: dict[str, QuotaUsage], snapshot: dict[str, int], counts: dict[str, list[int]]
) -> tuple[Checkpoint, list[str]]:
    """Judge a page of projects; those that were moved. One that is born since waits for the second round."""
    still = [each for each in usage if snapshot.get(each) == usage[each].version]
    moved = [each for each in usage if each not in still and (each in snapshot or checkpoint.round_number == 1)]
    drifts = [
        Drift(
            scope=each,
            recorded_bytes=usage[each].bytes,
            recorded_files=usage[each].files,
            counted_bytes=counted[0],
            counted_files=counted[1],
            version=usage[each].version,
        )
        for each in still
        if (counted := counts.get(each, [0, 0])) != [usage[each].bytes, usage[each].files]
    ]
    report = _report_drift(checkpoint.report, drifts).model_copy(
        update={
            "compared": checkpoint.report.compared + len(still),
            "skipped": checkpoint.report.skipped + len(moved),
            "skipped_projects": [*checkpoint.report.skipped_projects, *moved][:MAX_LISTED],
        }
    )
    totals = {
        "total_bytes": checkpoint.total_bytes + sum(each.bytes for each in usage.values()),
        "total_files": checkpoint.total_files + sum(each.files for each in usage.values()),
        "missing_bytes": checkpoint.missing_bytes + sum(each.counted_bytes - each.recorded_bytes for each in drifts),
        "missing_files": checkpoint.missing_files + sum(each.counted_files - each.recorded_files for each in drifts),
    }
    return checkpoint.model_copy(update={**totals, "report": report}), moved


def _finish_round(checkpoint: Checkpoint) -> Checkpoint:
    """The end of a round: judge the installation if nothing moved, or begin another round, or end the run."""
    report, holds = checkpoint.report, quotas.get_installation_usage()
    if not report.skipped and holds.version == checkpoint.installation_version:
        # All projects have been judged: what they hold, and what is missing there, is what the installation should say.
        bytes_, files_ = (
            checkpoint.total_bytes + checkpoint.missing_bytes,
            checkpoint.total_files + checkpoint.missing_files,
        )
        drift = Drift(
            scope=INSTALLATION,
            recorded_bytes=holds.bytes,
            recorded_files=holds.files,
            counted_bytes=bytes_,
            counted_files=files_,
            version=holds.version,
        )
        drifts = [drift] if (bytes_, files_) != (holds.bytes, holds.files) else []
        report = _report_drift(report, drifts).model_copy(update={"installation_compared": True})
    elif checkpoint.round_number < _MAX_ROUNDS:
        left = report.model_copy(update={"skipped": 0, "skipped_projects": []})
        again = {
            "round_number": checkpoint.round_number + 1,
            "phase": "snapshot" if report.skipped else "compare",
            "report": left,
        }
        totals = {"total_bytes": 0, "total_files": 0, "cutoff_at": clock.now() - _SETTLE_TIME}
        return checkpoint.model_copy(update={**again, **totals, "shard": 0, "cursor": None})
    observability.log_event(
        "recount.done", compared=report.compared, skipped=report.skipped, drift_count=report.drift_count
    )
    return checkpoint.model_copy(update={"done": True, "report": report.model_copy(update={"ended_at": clock.now()})})


def _report_drift(report: Report, drifts: list[Drift]) -> Report:
    """Tell of drifts before they are written down: rather twice than never."""
    for drift in drifts:
        observability.logger.error("quota.drift", extra={"event": "quota.drift", **drift.model_dump()})
        observability.count_metric("QuotaDrift")
    # The installation is told last, and must not be what is cut: it is corrected from here.
    named = sorted([*report.drifts, *drifts], key=lambda drift: drift.scope != INSTALLATION)[:MAX_LISTED]
    return report.model_copy(update={"drift_count": report.drift_count + len(drifts), "drifts": named})


def _scan_projects(checkpoint: Checkpoint, visit: Callable[[int, list[str]], None]) -> Checkpoint:
    """Look at pages of all projects, shard by shard, as far as a step goes; where the next goes on."""
    until, seen, shard, cursor = clock.now() + _STEP_TIME_BUDGET, 0, checkpoint.shard, checkpoint.cursor
    while True:
        page, cursor = projects.list_ids(shard, PageRequest(_PAGE_SIZE, cursor))
        visit(shard, page)
        seen += len(page)
        shard += cursor is None
        if shard == ids.SHARDS or seen >= _MAX_PROJECTS_PER_STEP or clock.now() >= until:
            return checkpoint.model_copy(update={"shard": shard, "cursor": cursor})


def _load_partials(run_id: str, round_number: int, kind: Partial, shard: int) -> dict[str, int]:
    return {
        key: value for part in store.load_partials(run_id, round_number, kind, shard) for key, value in part.items()
    }


def _load_counts(checkpoint: Checkpoint, shard: int) -> dict[str, list[int]]:
    sums: dict[str, list[int]] = {}
    for part in store.load_partials(checkpoint.run_id, checkpoint.round_number, "counts", shard):
        for project_id, (size, number) in part.items():
            entry = sums.setdefault(project_id, [0, 0])
            entry[:] = entry[0] + size, entry[1] + number
    return sums


def _enqueue(checkpoint: Checkpoint, *, delay_seconds: int = 0) -> None:
    messaging.send(RecountStep(checkpoint.run_id, checkpoint.step), delay_seconds=delay_seconds)
