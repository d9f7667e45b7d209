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
    Report,
)
from holdall.platform import clock, ids, messaging, observability
from holdall.platform.pagination import PageRequest
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.tasks import service as tasks
from holdall.tasks.model import TaskRun
from holdall.uploads import service as uploads

_PAGE_SIZE = 50  # projects: with two records each, the most that one BatchGetItem reads
_BATCH_SIZE = 1000  # originals in one message
_MAX_COUNTS = 3  # of a project that changes
_MAX_COMPARISONS = 6  # of an installation that changes
_COUNT_DELAY_SECONDS = 60
_PAGE_DELAY_SECONDS = 90  # so that a project that is counted twice has its result
_RUN_TIMEOUT = timedelta(hours=12)


def start(run: TaskRun) -> None:
    """Start a recount. Raises ServiceUnavailable."""
    messaging.send(RecountPage(Report(run_id=run.id, started_at=run.started_at or clock.now()), run=run))


def run_page(message: RecountPage) -> None:
    """Report the projects of a page that have a result, and start to count the others. Raises ServiceUnavailable.

    The pages are repeated until every project has a result. So a message that is lost or comes twice does no harm.
    """
    run_id = message.report.run_id
    if (message.shard, message.position) == (0, None):
        message = replace(message, installation_version=quotas.get_installation_usage().version)
    project_ids, position = projects.list_ids(message.shard, PageRequest(_PAGE_SIZE, message.position))
    with BatchGet() as batch:
        found = [(each, quotas.get_usage(batch, each), store.get_result(batch, run_id, each)) for each in project_ids]
    for project_id, usage, result in found:
        if usage.value is not None and result.value is not None:
            message = message.with_project(project_id, usage.value, result.value)
        elif usage.value is not None:  # without usage it is purged, and the list lags
            messaging.send(RecountProject(run_id, project_id))
            message = replace(message, missing=message.missing + 1)
    message = replace(message, shard=message.shard + (position is None), position=position)
    if message.shard < ids.SHARDS:
        messaging.send(message)
    else:
        _finish(message)


def count_project(message: RecountProject) -> None:
    """Count a batch of the originals of a project, and send a message for the next one. Raises ServiceUnavailable."""
    with BatchGet() as batch:
        result = store.get_result(batch, message.run_id, message.project_id)
        usage = quotas.get_usage(batch, message.project_id)
    if result.value is not None or usage.value is None:
        return
    if message.position is None:
        message = replace(message, version=usage.value.version)
    page = PageRequest(_BATCH_SIZE, message.position)
    # In this order, because an upload that is committed in between is then in both lists, and never in none.
    open_uploads = uploads.list_open(message.project_id, page)
    versions = files.list_project_versions(message.project_id, page)
    end = min((found.next for found in (open_uploads, versions) if found.next), default=None)
    sizes = {upload.id: upload.size for upload in open_uploads.items}
    sizes |= {version.id: version.size for version in versions.items if version.owns_original}
    message = message.with_originals([size for id_, size in sizes.items() if end is None or id_ <= end], end)
    if end is not None:
        messaging.send(message)
    else:
        _compare(message)


def _compare(message: RecountProject) -> None:
    """Compare the count of a project with its usage, and set its result or count it again."""
    with BatchGet() as batch:
        usage = quotas.get_usage(batch, message.project_id)
    if usage.value is None:
        return
    drift = Drift(scope=message.project_id, recorded=usage.value, counted=message.counted)
    is_still = usage.value.version == message.version
    if is_still and (not drift or drift == message.suspected):
        result = ProjectResult(drift=drift or None)
    elif message.attempt < _MAX_COUNTS:
        suspected = drift if is_still else None
        again = RecountProject(message.run_id, message.project_id, message.attempt + 1, suspected)
        messaging.send(again, delay_seconds=_COUNT_DELAY_SECONDS)
        return
    else:
        result = ProjectResult(skipped=True)
    if result.drift:
        _log_drift(result.drift)
    with Transaction() as tx:
        store.put_result(tx, message.run_id, message.project_id, result)


def _finish(message: RecountPage) -> None:
    """Compare the installation with the sum of its projects, and save the report.

    The pages start again while a project has no result, and a few times if the installation changed since the first page.
    """
    report, usage = message.report, quotas.get_installation_usage()
    is_still = usage.version == message.installation_version
    if message.missing or not (is_still or report.skipped or message.attempt >= _MAX_COMPARISONS):
        if clock.now() - report.started_at >= _RUN_TIMEOUT:
            observability.log_event("recount.timed_out", missing=message.missing)
            _save_run(message.run, report.model_copy(update={"skipped": message.missing}))
            return
        run = tasks.save(message.run.stepped()) if message.run else None
        again = RecountPage(Report(run_id=report.run_id, started_at=report.started_at), message.attempt + 1, run=run)
        messaging.send(again, delay_seconds=min(message.attempt * _PAGE_DELAY_SECONDS, messaging.MAX_DELAY_SECONDS))
        return
    if is_still and not report.skipped:
        report = report.model_copy(update={"installation_compared": True})
        drift = Drift(scope=INSTALLATION, recorded=usage, counted=message.counted)
        if drift:
            _log_drift(drift)
            report = report.with_drift(drift)
    with suppress(AlreadyReported), Transaction() as tx:
        store.put_report(tx, report.model_copy(update={"ended_at": clock.now()}))
    _save_run(message.run, report)
    fields = {"compared": report.compared, "skipped": report.skipped, "drift_count": report.drift_count}
    observability.log_event("recount.done", **fields)


def _save_run(run: TaskRun | None, report: Report) -> None:
    """Save the report of the task: how many projects were compared, and which counters differ."""
    if run is None:
        return
    unlisted = report.drift_count - len(report.drifts)
    run = run.counted(compared=report.compared, skipped=report.skipped, drift=unlisted)
    for drift in report.drifts:
        run = run.found("drift", drift.scope, drift.missing.bytes)
    tasks.save(run.stepped().ended())


def _log_drift(drift: Drift) -> None:
    """Log a drift before it is stored: better twice than never."""
    observability.logger.error("quota.drift", extra={"event": "quota.drift", **drift.model_dump()})
    observability.count_metric("QuotaDrift")
