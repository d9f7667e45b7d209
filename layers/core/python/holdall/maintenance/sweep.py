"""The sweep: it looks for objects that no record names, and for records whose objects are gone.

It reads the buckets page by page, each in a message of its own. An object that no record names is marked, and is removed by a
later run that finds it in the same state: what no record names now, none will ever name. Nothing younger than a day is looked
at, so the database may be ahead of what a page shows. A record is never changed because its object is gone; that is reported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from holdall.maintenance import orphans, store, sweep_rows
from holdall.maintenance.model import SweepArea, SweepPage
from holdall.maintenance.orphans import Orphan
from holdall.platform import clock, messaging, observability, stored_objects
from holdall.platform.stored_objects import Listing, Marker, StoredObject
from holdall.platform.table import BatchGet, Transaction
from holdall.tasks import service as tasks
from holdall.tasks.model import TaskRun

MIN_AGE = timedelta(days=1)
MIN_INTERVAL = timedelta(hours=1)  # between the first look at an orphan and the second, which are in two runs
_RUN_TIMEOUT = timedelta(days=2)
_MARKS_PER_TRANSACTION = 100  # the most that one has


@dataclass(frozen=True)
class _Area:
    """Objects of one kind: how to list them, which keys are ours, and which of them are orphans."""

    list_page: Callable[[Marker | None], Listing]
    is_ours: Callable[[str], bool]
    find_orphans: Callable[[Sequence[StoredObject]], list[Orphan]]


_AREAS: dict[SweepArea, _Area] = {
    "originals": _Area(stored_objects.list_originals, orphans.is_original_key, orphans.find_originals),
    "multipart uploads": _Area(
        stored_objects.list_multipart_uploads, orphans.is_original_key, orphans.find_multipart_uploads
    ),
    "public variants": _Area(
        partial(stored_objects.list_variants, "media/"), orphans.is_variant_key, orphans.find_variants
    ),
    "private variants": _Area(
        partial(stored_objects.list_variants, "private/"), orphans.is_variant_key, orphans.find_variants
    ),
}
_ORDER: tuple[SweepArea, ...] = (*_AREAS, "records")


def start(run: TaskRun) -> None:
    """Start a run. Raises ServiceUnavailable."""
    messaging.send(SweepPage(run))


def run_page(message: SweepPage) -> None:
    """Process a page, and send a message for the next one. A message that comes twice does no harm.

    Raises ServiceUnavailable and Busy.
    """
    if not tasks.is_current(message.run):
        return
    if message.area == "records":
        run, marker = sweep_rows.run_page(message.run, message.marker)
    else:
        run, marker = _sweep(message.run, _AREAS[message.area], message.marker)
    run, following = run.stepped(), _next_message(message, marker)
    if following is not None and clock.now() - (run.started_at or run.updated_at) < _RUN_TIMEOUT:
        messaging.send(replace(following, run=run))
    else:
        run = (run if following is None else run.counted(unfinished=1)).ended()
        observability.log_event("sweep.done", **run.counts)
    tasks.save(run)


def _next_message(message: SweepPage, marker: Marker | None) -> SweepPage | None:
    if marker is not None:
        return replace(message, marker=marker)
    areas = _ORDER[_ORDER.index(message.area) + 1 :]
    return replace(message, area=areas[0], marker=None) if areas else None


def _sweep(run: TaskRun, area: _Area, marker: Marker | None) -> tuple[TaskRun, Marker | None]:
    page = area.list_page(marker)
    ours = [each for each in page.items if area.is_ours(each.key)]
    run = run.counted(listed=len(page.items), foreign=len(page.items) - len(ours))
    cutoff = clock.now() - MIN_AGE
    found = area.find_orphans([each for each in ours if each.modified_at <= cutoff])
    with BatchGet() as batch:
        marks = [store.get_mark(batch, orphan.stored.key, orphan.stored.version_id) for orphan in found]
    first_seen: list[StoredObject] = []
    for orphan, pending in zip(found, marks, strict=True):
        mark = pending.value
        if mark is None:
            first_seen.append(orphan.stored)
            run = _report(run, "suspected", orphan.stored)
        elif mark.run_id == run.id or clock.now() - mark.seen_at < MIN_INTERVAL:
            run = _report(run, "suspected", orphan.stored)
        else:
            run = _remove(run, area, orphan)
    if not run.dry_run:
        _mark(run, first_seen)
    return run, page.next


def _remove(run: TaskRun, area: _Area, orphan: Orphan) -> TaskRun:
    """Remove an orphan that an earlier run saw, after another look at the records."""
    if run.dry_run:
        return _report(run, "removable", orphan.stored)
    for again in area.find_orphans([orphan.stored]):
        again.remove()
        observability.log_event("object.removed", key=again.stored.key, version_id=again.stored.version_id)
        run = _report(run, "removed", again.stored).counted(removedBytes=again.stored.size)
    return run


def _report(run: TaskRun, finding: str, item: StoredObject) -> TaskRun:
    return run.found(finding, item.key, item.size)


def _mark(run: TaskRun, objects: Sequence[StoredObject]) -> None:
    for start_ in range(0, len(objects), _MARKS_PER_TRANSACTION):
        with Transaction() as tx:
            for each in objects[start_ : start_ + _MARKS_PER_TRANSACTION]:
                store.put_mark(tx, each.key, each.version_id, run.id)
