"""The recount: it counts the originals of each project while users work, and reports drift. It corrects nothing.

Each project has a message. Its count is exact if the version of its usage is the same before and after it, because everything
that changes the usage changes the version. A commit does not, but turns an open upload into a version with the same ID, and an
ID counts once. The lists lag, so a drift is reported only if a second count finds the same one a minute later.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from holdall.files import service as files
from holdall.maintenance import store
from holdall.maintenance.model import (
    INSTALLATION,
    AlreadyReported,
    Drift,
    ProjectResult,
    RecountPage,
    RecountProject,
    RecountRun,
    RecountStarted,
    Report,
)
from holdall.platform import clock, ids, messaging, observability
from holdall.platform.pagination import PageRequest
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import QuotaUsage
from holdall.uploads import service as uploads

_PAGE_SIZE = 50  # projects: with two records each, the most that one BatchGetItem reads
_BATCH_SIZE = 1000  # originals in one message
_MAX_COUNTS = 3  # of a project that changes
_COUNT_DELAY_SECONDS = 60
_PAGE_DELAY_SECONDS = 90  # so that projects that are counted twice have their results
_MAX_DELAY_SECONDS = 900  # SQS API reference, SendMessage, DelaySeconds
_RUN_TIMEOUT = timedelta(hours=12)


def start() -> int:
    """Start a recount, or continue one that was interrupted. Return the number of recounts that were started.

    Raises ServiceUnavailable.
    """
    with BatchGet() as batch:
        pending_run, pending_report = store.get_run(batch), store.get_report(batch)
    last, report = pending_run.value, pending_report.value
    is_finished = last is None or (report is not None and report.run_id == last.id)
    if last is not None and not is_finished and not _is_over(last):
        messaging.send(_first_page(last))
        return 0
    run = RecountRun(ids.new_id(), clock.now())
    try:
        with Transaction() as tx:
            store.put_run(tx, run, last)
    except RecountStarted:
        return 0
    messaging.send(_first_page(run))
    return 1


def run_page(message: RecountPage) -> None:
    """Count the projects of a page that have no result, and report the others. Raises ServiceUnavailable.

    The pages are repeated until every project has a result, so a lost message delays the report, and a duplicate has no effect.
    """
    run = _get_run(message.report.run_id)
    if run is None:
        return
    if (message.shard, message.position) == (0, None):
        message = replace(message, installation_version=quotas.get_installation_usage().version)
    project_ids, position = projects.list_ids(message.shard, PageRequest(_PAGE_SIZE, message.position))
    with BatchGet() as batch:
        found = [
            (project_id, quotas.get_usage(batch, project_id), store.get_result(batch, run.id, project_id))
            for project_id in project_ids
        ]
    for project_id, usage, result in found:
        if usage.value is not None:  # else it is purged, and the list lags
            message = _add_project(message, project_id, usage.value, result.value)
    message = replace(message, shard=message.shard + (position is None), position=position)
    if message.shard < ids.SHARDS:
        messaging.send(message)
    elif message.missing:
        delay = min(message.attempt * _PAGE_DELAY_SECONDS, _MAX_DELAY_SECONDS)
        messaging.send(_first_page(run, attempt=message.attempt + 1), delay_seconds=delay)
    else:
        _finish(run, message)


def count_project(message: RecountProject) -> None:
    """Count a batch of the originals of a project, and send a message for the next one. Raises ServiceUnavailable."""
    with BatchGet() as batch:
        run = store.get_run(batch)
        result = store.get_result(batch, message.run_id, message.project_id)
        usage = quotas.get_usage(batch, message.project_id)
    if run.value is None or run.value.id != message.run_id or result.value is not None or usage.value is None:
        return
    if message.position is None:
        message = replace(message, version=usage.value.version)
    page = PageRequest(_BATCH_SIZE, message.position)
    # In this order, because an upload that is committed in between is then in both lists, and never in none.
    open_uploads = uploads.list_for_project(message.project_id, page)
    versions = files.list_project_versions(message.project_id, page)
    end = min((found.next for found in (open_uploads, versions) if found.next), default=None)
    sizes = {upload.id: upload.size for upload in open_uploads.items if upload.state == "open"}
    sizes |= {version.id: version.size for version in versions.items}
    counted = [size for id_, size in sizes.items() if end is None or id_ <= end]
    message = replace(
        message,
        position=end,
        counted_bytes=message.counted_bytes + sum(counted),
        counted_files=message.counted_files + len(counted),
    )
    if end is not None:
        messaging.send(message)
    else:
        _compare(message)


def _first_page(run: RecountRun, *, attempt: int = 1, comparison: int = 1) -> RecountPage:
    return RecountPage(Report(run_id=run.id, started_at=run.started_at), attempt, comparison)


def _get_run(run_id: str) -> RecountRun | None:
    """Return the run, or None if it is not the last one or takes too long."""
    with BatchGet() as batch:
        pending = store.get_run(batch)
    run = pending.value
    return None if run is None or run.id != run_id or _is_over(run) else run


def _is_over(run: RecountRun) -> bool:
    return clock.now() - run.started_at >= _RUN_TIMEOUT


def _add_project(message: RecountPage, project_id: str, usage: QuotaUsage, result: ProjectResult | None) -> RecountPage:
    if result is None:
        messaging.send(RecountProject(message.report.run_id, project_id))
        return replace(message, missing=message.missing + 1)
    # A project may change after its count. What its counters miss stays the same.
    bytes_, files_ = (result.drift.bytes, result.drift.files) if result.drift else (0, 0)
    return replace(
        message,
        report=message.report.with_result(project_id, result),
        counted_bytes=message.counted_bytes + usage.bytes + bytes_,
        counted_files=message.counted_files + usage.files + files_,
    )


def _compare(message: RecountProject) -> None:
    """Compare the count of a project with its usage, and set its result or count it again."""
    with BatchGet() as batch:
        pending = quotas.get_usage(batch, message.project_id)
    if pending.value is None:
        return
    drift = _drift(message.project_id, pending.value, message.counted_bytes, message.counted_files)
    is_still = drift.version == message.version
    if is_still and (not drift or drift == message.suspected):
        if drift:
            _log_drift(drift)
        result = ProjectResult(drift=drift or None)
    elif message.attempt < _MAX_COUNTS:
        again = RecountProject(
            message.run_id, message.project_id, message.attempt + 1, suspected=drift if is_still else None
        )
        messaging.send(again, delay_seconds=_COUNT_DELAY_SECONDS)
        return
    else:
        result = ProjectResult(skipped=True)
    with Transaction() as tx:
        store.put_result(tx, message.run_id, message.project_id, result)


def _finish(run: RecountRun, message: RecountPage) -> None:
    """Compare the installation with the sum of its projects, and save the report.

    If the installation changed while the sum was made, the sum is made again, a few times.
    """
    report, usage = message.report, quotas.get_installation_usage()
    is_still = usage.version == message.installation_version
    if is_still and not report.skipped:
        report = report.model_copy(update={"installation_compared": True})
        drift = _drift(INSTALLATION, usage, message.counted_bytes, message.counted_files)
        if drift:
            _log_drift(drift)
            report = report.with_drift(drift)
    elif not report.skipped and message.comparison < _MAX_COUNTS:
        again = _first_page(run, attempt=message.attempt, comparison=message.comparison + 1)
        messaging.send(again, delay_seconds=_COUNT_DELAY_SECONDS)
        return
    with suppress(AlreadyReported), Transaction() as tx:
        store.put_report(tx, report.model_copy(update={"ended_at": clock.now()}))
    fields = {"compared": report.compared, "skipped": report.skipped, "drift_count": report.drift_count}
    observability.log_event("recount.done", **fields)


def _drift(scope: str, usage: QuotaUsage, counted_bytes: int, counted_files: int) -> Drift:
    return Drift(
        scope=scope,
        recorded_bytes=usage.bytes,
        recorded_files=usage.files,
        counted_bytes=counted_bytes,
        counted_files=counted_files,
        version=usage.version,
    )


def _log_drift(drift: Drift) -> None:
    """Log a drift before it is stored: better twice than never."""
    observability.logger.error("quota.drift", extra={"event": "quota.drift", **drift.model_dump()})
    observability.count_metric("QuotaDrift")
