"""Records of jobs."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from holdall.jobs.model import RESEND_AFTER, RETENTION, Job, JobClaimed, JobNotFailed, JobState, JobStatus
from holdall.platform import clock, ids
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, GSI2, GSI3, Record, Transaction, count_rows, query_page

_OPEN_PREFIX = "JOBS#open#"
_DUE_LIMIT = 100  # jobs of one shard in one run
_FAILED_PK = "JOBS#failed"  # one partition is enough, because a job that fails costs a worker much more than the write
_FAILED_PK_OF_LAST_RELEASE = "JOBS#gave-up"
_AFTER_IDS = "~"  # sorts after every character of an ID
_STORED_FIELDS = Job.__dataclass_fields__.keys() - {"due_at"}  # it is in the key of an index


class JobRecord(Record, discriminator="job"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    kind = UnicodeAttribute()
    file_id = UnicodeAttribute(null=True)
    version_number = NumberAttribute(null=True)
    status = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    attempt = NumberAttribute(default=0)
    failures = NumberAttribute(default=0)
    state = UnicodeAttribute()  # JSON
    lease_expires_at = UTCDateTimeAttribute(null=True)
    requested_by = UnicodeAttribute(null=True)
    api_key_id = UnicodeAttribute(null=True)
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()
    bytes = NumberAttribute(null=True)
    started_at = UTCDateTimeAttribute(null=True)


def put(tx: Transaction, job: Job) -> None:
    """Add a job."""
    tx.put_new(JobRecord(*_key(job.id), **_attributes(job, job.id)))


def put_or_restart(tx: Transaction, job: Job) -> None:
    """Add a job with a fixed ID, or start it anew. A worker that has claimed it keeps its lease, and then starts it again."""
    attributes = {**_attributes(job, ids.new_scoped_id(job.project_id)), "ttl": None}
    kept = {"attempt", "lease_expires_at"}
    tx.upsert(
        JobRecord(*_key(job.id)),
        [
            JobRecord.attempt.set(JobRecord.attempt | job.attempt),
            *(_set_or_remove(getattr(JobRecord, name), attributes[name]) for name in attributes.keys() - kept),
        ],
    )


def get_or_none(job_id: str) -> Job | None:
    """Return a job, or None. Raises ServiceUnavailable."""
    record = JobRecord.get_or_none(*_key(job_id))
    return _to_model(record) if record else None


def claim(tx: Transaction, job: Job, now: datetime, lease_expires_at: datetime) -> Job:
    """Claim an open job without a lease, or whose lease ran out, which is a failure. The transaction raises JobClaimed."""
    started_at = job.started_at or now
    claimed = replace(
        job,
        status="processing",
        attempt=job.attempt + 1,
        failures=job.failures + (job.lease_expires_at is not None),
        lease_expires_at=lease_expires_at,
        updated_at=now,
        started_at=started_at,
    )
    actions = [
        *_status_actions(claimed),
        JobRecord.attempt.set(claimed.attempt),
        JobRecord.failures.set(claimed.failures),
        JobRecord.lease_expires_at.set(lease_expires_at),
        JobRecord.started_at.set(started_at),
        JobRecord.gsi3sk.set(_due_sk(lease_expires_at, job.id)),
    ]
    has_no_lease = JobRecord.lease_expires_at.does_not_exist() | (JobRecord.lease_expires_at <= now)
    is_free = (JobRecord.attempt == job.attempt) & JobRecord.status.is_in("pending", "processing") & has_no_lease
    tx.update(JobRecord(*_key(job.id)), actions, condition=is_free, error=JobClaimed)
    return claimed


def complete(tx: Transaction, job: Job) -> None:
    """Complete a claimed job. The transaction raises JobClaimed."""
    actions = [JobRecord.reason.remove(), JobRecord.gsi3pk.remove(), JobRecord.gsi3sk.remove(), _expiry()]
    _end(tx, job, "completed", actions)


def fail(tx: Transaction, job: Job, reason: str, *, expires: bool = True) -> None:
    """End a claimed job that failed. Without `expires` it is kept until it is retried. The transaction raises JobClaimed."""
    actions: list[Action] = [
        JobRecord.reason.set(reason),
        JobRecord.gsi3pk.set(_FAILED_PK),
        JobRecord.gsi3sk.set(job.id),
    ]
    if expires:
        actions.append(_expiry())
    _end(tx, job, "failed", actions)


def retry(tx: Transaction, job: Job) -> None:
    """Start a failed job anew, as the newest of its lists. The transaction raises JobNotFailed if it was started meanwhile."""
    position = ids.new_scoped_id(job.project_id)
    actions = [
        *_status_actions(job),
        JobRecord.reason.remove(),
        JobRecord.failures.set(job.failures),
        JobRecord.state.set(_to_json(job.state)),
        JobRecord.created_at.set(job.created_at),
        JobRecord.gsi1sk.set(position),
        JobRecord.gsi2sk.set(position),
        JobRecord.started_at.remove(),
        *(_set_or_remove(getattr(JobRecord, name), getattr(job, name)) for name in ("requested_by", "api_key_id")),
        JobRecord.ttl.remove(),
        JobRecord.gsi3pk.set(_open_pk(ids.shard(job.id))),
        JobRecord.gsi3sk.set(_due_sk(job.created_at + RESEND_AFTER, job.id)),
    ]
    has_failed = (JobRecord.status == "failed") & (JobRecord.attempt == job.attempt)
    tx.update(JobRecord(*_key(job.id)), actions, condition=has_failed, error=JobNotFailed)


def list_failed(page: PageRequest, project_id: str = "") -> Page[Job]:
    """Return the failed jobs of a project or of all, by ID. One round trip. Raises ServiceUnavailable."""
    return _to_page(query_page(JobRecord, GSI3, _FAILED_PK, page, prefix=project_id))


def list_failed_of_last_release(page: PageRequest) -> Page[Job]:
    """Return the jobs that gave up before the first release that lists all failed jobs. One round trip."""
    return _to_page(query_page(JobRecord, GSI3, _FAILED_PK_OF_LAST_RELEASE, page))


def next_project_with_failed(position: str | None, *, backward: bool = False) -> str | None:
    """Return the first project after a project that has failed jobs, or the last one before it. One round trip."""
    if position is not None and not backward:
        position += _AFTER_IDS
    page = query_page(JobRecord, GSI3, _FAILED_PK, PageRequest(1, position, backward=backward))
    return page.items[0].project_id if page.items else None


def count_by_status(project_id: str, status: JobStatus, limit: int) -> int:
    """Return the number of jobs of a project with this status, at most `limit`. One round trip."""
    return count_rows(GSI2, _status_pk(project_id, status), limit)


def check_claimed(tx: Transaction, job: Job) -> None:
    """Condition check: this worker still has the claim. The transaction raises JobClaimed."""
    tx.condition_check(JobRecord, *_key(job.id), _is_claimed(job), error=JobClaimed)


def release(tx: Transaction, job: Job, state: JobState, due_at: datetime, *, failures: int) -> None:
    """Make a claimed job pending again, in another state. The transaction raises JobClaimed."""
    actions = [
        JobRecord.failures.set(failures),
        *_status_actions(replace(job, status="pending", updated_at=clock.now())),
        JobRecord.state.set(_to_json(state)),
        JobRecord.lease_expires_at.remove(),
        JobRecord.gsi3sk.set(_due_sk(due_at, job.id)),
    ]
    tx.update(JobRecord(*_key(job.id)), actions, condition=_is_claimed(job), error=JobClaimed)


def end_lease(tx: Transaction, job: Job) -> None:
    """End the lease of a job that was requested again meanwhile. The transaction raises JobClaimed if it was not."""
    is_requested_again = (
        (JobRecord.status == "pending")
        & (JobRecord.attempt == job.attempt)
        & (JobRecord.lease_expires_at == job.lease_expires_at)
    )
    actions = [JobRecord.lease_expires_at.remove()]
    tx.update(JobRecord(*_key(job.id)), actions, condition=is_requested_again, error=JobClaimed)


def postpone(tx: Transaction, job: Job, due_at: datetime) -> None:
    """Set the time at which an open job is due again. The transaction raises JobClaimed if it was claimed or ended."""
    is_unchanged = JobRecord.status.is_in("pending", "processing") & (JobRecord.attempt == job.attempt)
    actions = [JobRecord.gsi3sk.set(_due_sk(due_at, job.id))]
    tx.update(JobRecord(*_key(job.id)), actions, condition=is_unchanged, error=JobClaimed)


def delete_if_exists(tx: Transaction, job_id: str) -> None:
    """Delete a job of a purged project."""
    tx.delete_if_exists(JobRecord(*_key(job_id)))


def list_by_project(project_id: str, page: PageRequest) -> Page[Job]:
    """Return the jobs of a project, newest first. One round trip. Raises ServiceUnavailable."""
    return _to_page(query_page(JobRecord, GSI1, _project_pk(project_id), page, descending=True))


def list_by_status(project_id: str, status: JobStatus, page: PageRequest) -> Page[Job]:
    """Return the jobs of a project with this status, newest first. One round trip. Raises ServiceUnavailable."""
    return _to_page(query_page(JobRecord, GSI2, _status_pk(project_id, status), page, descending=True))


def list_due(shard: int, now: datetime) -> list[Job]:
    """Return open jobs of a shard that are due, the longest due first. One round trip. Raises ServiceUnavailable."""
    page = query_page(JobRecord, GSI3, _open_pk(shard), PageRequest(_DUE_LIMIT))
    return [_to_model(record) for record in page.items if (record.gsi3sk or "") <= _due_sk(now, "~")]


def _attributes(job: Job, position: str) -> dict[str, Any]:
    """Return the attributes of a new job. Lists have it at this position."""
    return {
        "gsi1pk": _project_pk(job.project_id),
        "gsi1sk": position,
        "gsi2pk": _status_pk(job.project_id, job.status),
        "gsi2sk": position,
        "gsi3pk": _open_pk(ids.shard(job.id)),
        "gsi3sk": _due_sk(job.created_at + RESEND_AFTER, job.id),
        **{name: getattr(job, name) for name in _STORED_FIELDS},
        "state": _to_json(job.state),
    }


def _end(tx: Transaction, job: Job, status: JobStatus, actions: Sequence[Action]) -> None:
    ended = replace(job, status=status, updated_at=clock.now())
    all_actions = [*_status_actions(ended), JobRecord.lease_expires_at.remove(), *actions]
    tx.update(JobRecord(*_key(job.id)), all_actions, condition=_is_claimed(job), error=JobClaimed)


def _expiry() -> Action:
    return JobRecord.ttl.set(int((clock.now() + RETENTION).timestamp()))


def _set_or_remove(attribute: Attribute[Any], value: Any) -> Action:
    return attribute.remove() if value is None else attribute.set(value)


def _status_actions(job: Job) -> list[Action]:
    return [
        JobRecord.status.set(job.status),
        JobRecord.updated_at.set(job.updated_at),
        JobRecord.gsi2pk.set(_status_pk(job.project_id, job.status)),
    ]


def _is_claimed(job: Job) -> Condition:
    claimed: Condition = (JobRecord.status == "processing") & (JobRecord.attempt == job.attempt)
    return claimed


def _to_json(state: JobState) -> str:
    return json.dumps(vars(state))


def _to_page(found: Page[JobRecord]) -> Page[Job]:
    return Page([_to_model(record) for record in found.items], next=found.next, prev=found.prev)


def _to_model(record: JobRecord) -> Job:
    values = {name: getattr(record, name) for name in _STORED_FIELDS}
    numbers: dict[str, float | None] = {"version_number": record.version_number, "bytes": record.bytes}
    values.update({name: None if number is None else int(number) for name, number in numbers.items()})
    values.update(
        attempt=int(record.attempt), failures=int(record.failures), state=JobState(**json.loads(record.state))
    )
    is_listed_as_open = (record.gsi3pk or "").startswith(_OPEN_PREFIX)
    due_at = datetime.fromisoformat((record.gsi3sk or "").partition("#")[0]) if is_listed_as_open else None
    return Job(**values, due_at=due_at)


def _key(job_id: str) -> tuple[str, str]:
    return f"JOB#{job_id}", "JOB"


def _project_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#JOBS"


def _status_pk(project_id: str, status: JobStatus) -> str:
    return f"PROJECT#{project_id}#JOBS#{status}"


def _open_pk(shard: int) -> str:
    return f"{_OPEN_PREFIX}{shard}"


def _due_sk(due_at: datetime, job_id: str) -> str:
    return f"{due_at.isoformat(timespec='milliseconds')}#{job_id}"
