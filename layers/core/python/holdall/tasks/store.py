"""Records of the runs of tasks: of each task the last run by the schedule, and the last one that someone requested."""

from datetime import timedelta

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from holdall.platform import clock
from holdall.platform.table import BatchGet, Pending, Record, Transaction
from holdall.tasks.model import RunChanged, TaskRun, Trigger

_TTL = timedelta(days=90)


class TaskRunRecord(Record, discriminator="task-run"):
    run_id = UnicodeAttribute()
    steps = NumberAttribute()
    content = UnicodeAttribute()  # JSON


def put_request(tx: Transaction, run: TaskRun, *, replaces: TaskRun | None) -> None:
    """Add a run that was requested, in place of the one that was read. The transaction raises RunChanged."""
    is_same = None if replaces is None else TaskRunRecord.run_id == replaces.id
    tx.put_new(_to_record(run), or_condition=is_same, error=RunChanged)


def save(tx: Transaction, run: TaskRun) -> None:
    """Save the report of a run, unless a later run began, or the same one went on. The transaction raises RunChanged."""
    is_earlier_run = TaskRunRecord.run_id < run.id  # ULIDs sort by time
    is_earlier_step = (TaskRunRecord.run_id == run.id) & (TaskRunRecord.steps <= run.steps)
    tx.put_new(_to_record(run), or_condition=is_earlier_run | is_earlier_step, error=RunChanged)


def get(batch: BatchGet, task: str, trigger: Trigger) -> Pending[TaskRun]:
    """Read the last run of a task."""
    return batch.get(TaskRunRecord, *_key(task, trigger), _to_model)


def get_or_none(task: str, trigger: Trigger) -> TaskRun | None:
    """Return the last run of a task, or None. Raises ServiceUnavailable."""
    record = TaskRunRecord.get_or_none(*_key(task, trigger))
    return _to_model(record) if record else None


def _to_record(run: TaskRun) -> TaskRunRecord:
    return TaskRunRecord(
        *_key(run.task, run.trigger),
        run_id=run.id,
        steps=run.steps,
        content=run.model_dump_json(),
        ttl=int((clock.now() + _TTL).timestamp()),
    )


def _to_model(record: TaskRunRecord) -> TaskRun:
    return TaskRun.model_validate_json(record.content)


def _key(task: str, trigger: Trigger) -> tuple[str, str]:
    return f"TASK#{task}", f"RUN#{trigger}"
