"""The recount: what projects and the installation hold, counted anew beside their counters. It tells, and corrects nothing.

Exact while people upload. A counter is moved in the transaction of what it counts, so whatever comes or goes between two
readings of a project shows in its `moves`, and that project is left to the next round. What changes its rows without that is
an upload that becomes a version: both rows tell the same moment, and `since` decides which of them counts.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from holdall import clock, ids, observe, queue
from holdall.errors import Conflict
from holdall.files import service as files
from holdall.maintenance import store
from holdall.maintenance.model import INSTALLATION, NAMED, Checkpoint, Drift, Kept, Report
from holdall.page import PageRequest
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import Held
from holdall.table import Transaction
from holdall.uploads import service as uploads

_ROUNDS = 3
_PAUSE = 60  # seconds before another round
_SETTLING = timedelta(minutes=5)  # longer than a commit takes from its moment to its row, with clocks that differ
_WORK = timedelta(seconds=60)  # of one step
_PROJECTS = 10_000  # of one step, about: all of one shard are 300 KB, and an item holds 400
_PAGE = 100
_SILENCE = timedelta(minutes=30)  # after which the message of a step is taken for lost
_LONGEST = timedelta(hours=12)  # after which a run is given up
_RACED = Conflict("raced", "Another message was first.")

Found = list[tuple[Kept, int, dict[str, Any]]]  # what to keep of which shard


def start() -> int:
    """Begin a recount, or go on with one that was interrupted; tells how many were begun. Raises Unavailable."""
    seen, now = store.checkpoint(), clock.now()
    if seen is not None and not seen.done and now - seen.report.started_at < _LONGEST:
        _send(seen)  # should its message be under way after all, one of the two finds the step done
        return 0
    run = ids.new_id()
    fresh = Checkpoint(run=run, since=now - _SETTLING, moved_at=now, report=Report(run=run, started_at=now))
    try:
        with Transaction() as write:
            store.move(write, seen, fresh, otherwise=_RACED)
    except Conflict:
        return 0
    _send(fresh)
    return 1


def step(subject: str) -> None:
    """Do one step of a recount, and ask for the next. Raises Unavailable.

    A message that comes twice does nothing twice: what a step found is kept in the transaction that moves the checkpoint on.
    """
    run, _, number = subject.partition("#")
    at, now = store.checkpoint(), clock.now()
    if at is None or at.run != run or at.done:
        return
    if at.step != int(number):
        if at.step == int(number) + 1 and now - at.moved_at > _SILENCE:
            _send(at)  # whoever did this step died before it asked for the next
        return
    after, found = {"before": _before, "versions": _sum, "uploads": _sum, "compare": _compare}[at.phase](at)
    after = after.model_copy(update={"step": at.step + 1, "moved_at": clock.now()})
    try:
        with Transaction() as write:
            store.move(write, at, after, otherwise=_RACED)
            for kind, shard, content in found:
                store.keep(write, at, kind, shard, content, now)
            if after.done:
                store.keep_report(write, after.report)
    except Conflict:
        return
    if not after.done:
        _send(after, pause=_PAUSE if after.round > at.round else 0)


def _before(at: Checkpoint) -> tuple[Checkpoint, Found]:
    """Remember how often each project was moved; in a later round, each that was left by the one before."""
    moves: dict[int, dict[str, int]] = {}

    def look(shard: int, project_ids: list[str]) -> None:
        if at.round > 1:
            left = _merged(at.run, at.round - 1, "moved", shard)
            project_ids = [each for each in project_ids if each in left]
        held = quotas.held_by(project_ids)
        moves.setdefault(shard, {}).update({each: counted.moves for each, counted in held.items()})

    after = _walk(at, look)
    if after.shard == ids.SHARDS:
        after = after.model_copy(update={"phase": "versions", "shard": 0})
    return after, [("before", shard, content) for shard, content in moves.items() if content]


def _sum(at: Checkpoint) -> tuple[Checkpoint, Found]:
    """Sum up by projects what versions hold, then what uploads do."""
    until, cursor = clock.now() + _WORK, at.cursor
    sums: dict[str, list[int]] = {}
    originals = files.originals if at.phase == "versions" else uploads.originals
    while True:
        counted, cursor = originals(cursor, at.since)
        for project_id, size in counted:
            entry = sums.setdefault(project_id, [0, 0])
            entry[:] = entry[0] + size, entry[1] + 1
        if cursor is None or len(sums) >= _PROJECTS or clock.now() >= until:
            break
    by_shard: dict[int, dict[str, list[int]]] = {}
    for project_id, entry in sums.items():
        by_shard.setdefault(ids.shard(project_id), {})[project_id] = entry
    behind = "uploads" if at.phase == "versions" else "compare"
    after = at.model_copy(update={"phase": at.phase if cursor else behind, "cursor": cursor})
    return after, [("sums", shard, content) for shard, content in by_shard.items()]


def _compare(at: Checkpoint) -> tuple[Checkpoint, Found]:
    """Judge each project that was moved by nothing since it was looked at before, and the installation at the end."""
    if (at.shard, at.cursor) == (0, None):
        at = at.model_copy(update={"installation_moves": quotas.installation().moves})
    judged, read = at, dict[int, tuple[dict[str, int], dict[str, list[int]]]]()
    left: dict[int, dict[str, int]] = {}

    def look(shard: int, project_ids: list[str]) -> None:
        nonlocal judged
        if shard not in read:
            read.clear()  # one shard is in memory at a time
            read[shard] = _merged(at.run, at.round, "before", shard), _summed(at, shard)
        held = quotas.held_by(project_ids)
        judged, moved = _judge(judged, held, *read[shard])
        left.setdefault(shard, {}).update(dict.fromkeys(moved, 1))

    place = _walk(at, look)
    after = judged.model_copy(update={"shard": place.shard, "cursor": place.cursor})
    found: Found = [("moved", shard, content) for shard, content in left.items() if content]
    return (_ended(after) if after.shard == ids.SHARDS else after), found


def _judge(
    at: Checkpoint, held: dict[str, Held], before: dict[str, int], sums: dict[str, list[int]]
) -> tuple[Checkpoint, list[str]]:
    """Judge a page of projects; those that were moved. One that is born since waits for the second round."""
    still = [each for each in held if before.get(each) == held[each].moves]
    moved = [each for each in held if each not in still and (each in before or at.round == 1)]
    drifts = [
        Drift(
            of=each,
            held_bytes=held[each].bytes,
            held_files=held[each].files,
            counted_bytes=counted[0],
            counted_files=counted[1],
            moves=held[each].moves,
        )
        for each in still
        if (counted := sums.get(each, [0, 0])) != [held[each].bytes, held[each].files]
    ]
    report = _told(at.report, drifts).model_copy(
        update={
            "judged": at.report.judged + len(still),
            "unjudged": at.report.unjudged + len(moved),
            "unjudged_projects": [*at.report.unjudged_projects, *moved][:NAMED],
        }
    )
    totals = {
        "total_bytes": at.total_bytes + sum(each.bytes for each in held.values()),
        "total_files": at.total_files + sum(each.files for each in held.values()),
        "missing_bytes": at.missing_bytes + sum(each.counted_bytes - each.held_bytes for each in drifts),
        "missing_files": at.missing_files + sum(each.counted_files - each.held_files for each in drifts),
    }
    return at.model_copy(update={**totals, "report": report}), moved


def _ended(at: Checkpoint) -> Checkpoint:
    """The end of a round: judge the installation if nothing moved, or begin another round, or end the run."""
    report, holds = at.report, quotas.installation()
    if not report.unjudged and holds.moves == at.installation_moves:
        # All projects have been judged: what they hold, and what is missing there, is what the installation should say.
        bytes_, files_ = at.total_bytes + at.missing_bytes, at.total_files + at.missing_files
        drift = Drift(
            of=INSTALLATION,
            held_bytes=holds.bytes,
            held_files=holds.files,
            counted_bytes=bytes_,
            counted_files=files_,
            moves=holds.moves,
        )
        drifts = [drift] if (bytes_, files_) != (holds.bytes, holds.files) else []
        report = _told(report, drifts).model_copy(update={"installation_judged": True})
    elif at.round < _ROUNDS:
        left = report.model_copy(update={"unjudged": 0, "unjudged_projects": []})
        again = {"round": at.round + 1, "phase": "before" if report.unjudged else "compare", "report": left}
        totals = {"total_bytes": 0, "total_files": 0, "since": clock.now() - _SETTLING}
        return at.model_copy(update={**again, **totals, "shard": 0, "cursor": None})
    observe.event("recount.done", judged=report.judged, unjudged=report.unjudged, drifted=report.drifted)
    return at.model_copy(update={"done": True, "report": report.model_copy(update={"ended_at": clock.now()})})


def _told(report: Report, drifts: list[Drift]) -> Report:
    """Tell of drifts before they are written down: rather twice than never."""
    for drift in drifts:
        observe.logger.error("quota.drift", extra={"event": "quota.drift", **drift.model_dump()})
        observe.count("QuotaDrift")
    # The installation is told last, and must not be what is cut: it is corrected from here.
    named = sorted([*report.drifts, *drifts], key=lambda drift: drift.of != INSTALLATION)[:NAMED]
    return report.model_copy(update={"drifted": report.drifted + len(drifts), "drifts": named})


def _walk(at: Checkpoint, look: Callable[[int, list[str]], None]) -> Checkpoint:
    """Look at pages of all projects, shard by shard, as far as a step goes; where the next goes on."""
    until, seen, shard, cursor = clock.now() + _WORK, 0, at.shard, at.cursor
    while True:
        page, cursor = projects.every(shard, PageRequest(_PAGE, cursor))
        look(shard, page)
        seen += len(page)
        shard += cursor is None
        if shard == ids.SHARDS or seen >= _PROJECTS or clock.now() >= until:
            return at.model_copy(update={"shard": shard, "cursor": cursor})


def _merged(run: str, number: int, kind: Kept, shard: int) -> dict[str, int]:
    return {key: value for part in store.kept(run, number, kind, shard) for key, value in part.items()}


def _summed(at: Checkpoint, shard: int) -> dict[str, list[int]]:
    sums: dict[str, list[int]] = {}
    for part in store.kept(at.run, at.round, "sums", shard):
        for project_id, (size, number) in part.items():
            entry = sums.setdefault(project_id, [0, 0])
            entry[:] = entry[0] + size, entry[1] + number
    return sums


def _send(at: Checkpoint, *, pause: int = 0) -> None:
    queue.send_work("recount", f"{at.run}#{at.step}", after=pause)
