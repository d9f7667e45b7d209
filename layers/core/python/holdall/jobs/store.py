"""The records of jobs."""

from dataclasses import replace
from datetime import datetime, timedelta

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from holdall.jobs.model import RESEND_AFTER, Job, JobStatus
from holdall.platform import clock, ids
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, GSI2, GSI3, Record, Transaction, query_page

_DUE_BATCH_SIZE = 100  # of one shard in one run


class JobRecord(Record, discriminator="job"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    kind = UnicodeAttribute()
    file_id = UnicodeAttribute()
    version_number = NumberAttribute()
    status = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    attempt = NumberAttribute(default=0)
    cursor = UnicodeAttribute(null=True)
    lease_expires_at = UTCDateTimeAttribute(null=True)
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()


def put(tx: Transaction, job: Job) -> None:
    """Add a job to what has to be done."""
    record = JobRecord(
        _pk(job.id),
        "JOB",
        gsi1pk=f"PROJECT#{job.project_id}#JOBS",
        gsi1sk=job.id,
        gsi2pk=_gsi2pk(job.project_id, job.status),
        gsi2sk=job.id,
        gsi3pk=_gsi3pk(ids.shard(job.id)),
        gsi3sk=_gsi3sk(job.created_at + RESEND_AFTER, job.id),
        **vars(job),
    )
    tx.put_new(record, error=Conflict("A job with this ID exists.", code="job_exists"))


def get_or_none(job_id: str) -> Job | None:
    """The job with this id, or None. Raises Unavailable."""
    record = JobRecord.get_or_none(_pk(job_id), "JOB")
    return _to_job(record) if record else None


def claim(tx: Transaction, job: Job, now: datetime, lease: timedelta, *, error: HoldallError) -> Job:
    """Take a job that nobody holds, for a time."""
    free = (JobRecord.status == "pending") | ((JobRecord.status == "processing") & (JobRecord.lease_expires_at <= now))
    taken = replace(job, status="processing", attempt=job.attempt + 1, updated_at=now)
    tx.update(
        JobRecord(_pk(job.id), "JOB"),
        [
            *_status_actions(taken),
            JobRecord.attempt.set(taken.attempt),
            JobRecord.lease_expires_at.set(now + lease),
            JobRecord.gsi3sk.set(_gsi3sk(now + lease, job.id)),
        ],
        condition=free & (JobRecord.attempt == job.attempt),
        error=error,
    )
    return taken


def finish(tx: Transaction, job: Job, status: JobStatus, reason: str | None, *, error: HoldallError) -> None:
    """End a job that is held under this attempt."""
    done = replace(job, status=status, reason=reason, updated_at=clock.now())
    tx.update(
        JobRecord(_pk(job.id), "JOB"),
        [
            *_status_actions(done),
            JobRecord.reason.set(reason) if reason else JobRecord.reason.remove(),
            JobRecord.lease_expires_at.remove(),
            JobRecord.gsi3pk.remove(),
            JobRecord.gsi3sk.remove(),
        ],
        condition=(JobRecord.status == "processing") & (JobRecord.attempt == job.attempt),
        error=error,
    )


def check_claimed(tx: Transaction, job: Job, *, error: HoldallError) -> None:
    """Hold only while a job is held under this attempt."""
    ours = (JobRecord.status == "processing") & (JobRecord.attempt == job.attempt)
    tx.condition_check(JobRecord, _pk(job.id), "JOB", ours, error=error)


def release(tx: Transaction, job: Job, cursor: str | None, due_at: datetime, *, error: HoldallError) -> None:
    """Give back a job that is held under this attempt, with a part of it done."""
    left = replace(job, status="pending", updated_at=clock.now())
    tx.update(
        JobRecord(_pk(job.id), "JOB"),
        [
            *_status_actions(left),
            JobRecord.cursor.set(cursor) if cursor else JobRecord.cursor.remove(),
            JobRecord.gsi3sk.set(_gsi3sk(due_at, job.id)),
            JobRecord.lease_expires_at.remove(),
        ],
        condition=(JobRecord.status == "processing") & (JobRecord.attempt == job.attempt),
        error=error,
    )


def postpone(tx: Transaction, job: Job, due_at: datetime, *, error: HoldallError) -> None:
    """Say when an open job is next due."""
    tx.update(
        JobRecord(_pk(job.id), "JOB"),
        [JobRecord.gsi3sk.set(_gsi3sk(due_at, job.id))],
        condition=JobRecord.status.is_in("pending", "processing") & (JobRecord.attempt == job.attempt),
        error=error,
    )


def list_by_project(project_id: str, page: PageRequest) -> Page[Job]:
    """The jobs of a project, newest first. One round trip. Raises Unavailable."""
    page_result = query_page(JobRecord, GSI1, f"PROJECT#{project_id}#JOBS", page, descending=True)
    return Page([_to_job(record) for record in page_result.items], next=page_result.next, prev=page_result.prev)


def list_by_status(project_id: str, status: JobStatus, limit: int) -> list[Job]:
    """Jobs of a project with this status, oldest first. One round trip. Raises Unavailable."""
    page = query_page(JobRecord, GSI2, _gsi2pk(project_id, status), PageRequest(limit))
    return [_to_job(record) for record in page.items]


def delete_if_exists(tx: Transaction, job_id: str) -> None:
    """Remove a job, with its project."""
    tx.delete_if_exists(JobRecord(_pk(job_id), "JOB"))


def list_due(shard: int, now: datetime) -> list[Job]:
    """Open jobs of a shard whose message may have been lost, longest waiting first. One round trip. Raises Unavailable."""
    page = query_page(JobRecord, GSI3, _gsi3pk(shard), PageRequest(_DUE_BATCH_SIZE))
    return [_to_job(record) for record in page.items if (record.gsi3sk or "") <= _gsi3sk(now, "~")]


def _status_actions(job: Job) -> list[Action]:
    return [
        JobRecord.status.set(job.status),
        JobRecord.updated_at.set(job.updated_at),
        JobRecord.gsi2pk.set(_gsi2pk(job.project_id, job.status)),
    ]


def _to_job(record: JobRecord) -> Job:
    values = {name: getattr(record, name) for name in Job.__dataclass_fields__}
    return Job(**{**values, "version_number": int(record.version_number), "attempt": int(record.attempt)})


def _pk(job_id: str) -> str:
    return f"JOB#{job_id}"


def _gsi2pk(project_id: str, status: JobStatus) -> str:
    return f"PROJECT#{project_id}#JOBS#{status}"


def _gsi3pk(shard: int) -> str:
    return f"JOBS#open#{shard}"


def _gsi3sk(due_at: datetime, job_id: str) -> str:
    return f"{due_at.isoformat(timespec='milliseconds')}#{job_id}"
