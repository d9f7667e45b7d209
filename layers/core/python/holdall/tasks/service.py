"""Use cases of tasks: list them with their reports, request a run, and report it."""

from contextlib import suppress
from functools import partial

from holdall.audit.service import log
from holdall.idempotency import service as idempotency
from holdall.platform import clock, messaging
from holdall.platform.caller import Caller
from holdall.platform.config import settings
from holdall.platform.retry import retry_on
from holdall.platform.table import BatchGet, Transaction
from holdall.tasks import store
from holdall.tasks.model import TASKS, RunChanged, RunTask, TaskRun, TaskRunning, TaskView, next_call, view_run

_BY_OPERATOR = "operator"


def list_tasks() -> list[TaskView]:
    """Return all tasks by name, with their last runs. One round trip."""
    with BatchGet() as batch:
        found = [
            (name, store.get(batch, name, "schedule"), store.get(batch, name, "request")) for name in sorted(TASKS)
        ]
    return [_view(name, scheduled.value, requested.value) for name, scheduled, requested in found]


def request(caller: Caller, task: str, *, dry_run: bool) -> str:
    """Start a run by a message, and return its ID, or that of the run that was requested before and has not ended.

    Raises NotFound, DryRunUnsupported, TaskRunning, Busy and ServiceUnavailable.
    """
    run = TaskRun.new(task, "request", dry_run=dry_run, requested_by=caller.user_id)
    return retry_on(RunChanged, action=partial(_request, caller, run))


def start_by_operator(task: str, *, dry_run: bool) -> TaskRun:
    """Return a run for the operator, or the one that has not ended. Raises the errors of `request`."""
    run = TaskRun.new(task, "request", dry_run=dry_run, requested_by=_BY_OPERATOR)
    return retry_on(RunChanged, action=partial(_start_by_operator, run))


def last_request(task: str) -> TaskRun | None:
    """Return the last run of a task that someone requested. One round trip."""
    return store.get_or_none(task, "request")


def is_current(run: TaskRun) -> bool:
    """Return whether a message of a run has to be processed: no later run has begun, and no later message was processed."""
    last = store.get_or_none(run.task, run.trigger)
    return last is not None and last.id == run.id and last.steps <= run.steps and last.ended_at is None


def save(run: TaskRun) -> TaskRun:
    """Save the report of a run, and return it. A later report stays. Raises ServiceUnavailable."""
    with suppress(RunChanged), Transaction() as tx:
        store.save(tx, run)
    return run


def _request(caller: Caller, run: TaskRun) -> str:
    last = store.get_or_none(run.task, "request")
    if last is not None and last.is_open:
        _require_same(last, run)
        if last.status == "pending":  # its message may be lost; twice does no harm
            messaging.send(RunTask(last.task, last.id))
        return last.id

    def work(tx: Transaction) -> str:
        store.put_request(tx, run, replaces=last)
        log(tx, caller, "tasks.run", run.task)
        tx.on_commit(partial(messaging.send, RunTask(run.task, run.id)))
        return run.id

    return idempotency.run(caller, work, save=str, replay=str)


def _start_by_operator(run: TaskRun) -> TaskRun:
    last = store.get_or_none(run.task, "request")
    if last is not None and last.is_open:
        _require_same(last, run)
        return last
    with Transaction() as tx:
        store.put_request(tx, run, replaces=last)
    return run


def _require_same(last: TaskRun, run: TaskRun) -> None:
    if last.dry_run != run.dry_run:
        raise TaskRunning


def _view(name: str, scheduled: TaskRun | None, requested: TaskRun | None) -> TaskView:
    schedule = settings().schedules.get(name)
    last_call = scheduled.started_at if scheduled else None
    return TaskView(
        name=name,
        description=TASKS[name].description,
        schedule=schedule,
        has_dry_run=TASKS[name].has_dry_run,
        next_run_at=next_call(schedule, last_call, clock.now()) if schedule else None,
        last_run=view_run(scheduled) if scheduled else None,
        last_request=view_run(requested) if requested else None,
    )
