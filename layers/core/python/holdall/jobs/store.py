"""The records of jobs."""

from dataclasses import replace
from datetime import datetime, timedelta

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from holdall import clock, ids
from holdall.errors import Conflict, Failure
from holdall.jobs.model import PATIENCE, Job, Status
from holdall.page import Page, PageRequest
from holdall.table import ByFacet, ByOwner, ByQuality, Record, Transaction, page_of

_DUE_AT_ONCE = 100  # of one shard in one run


class JobRecord(Record, discriminator="job"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    kind = UnicodeAttribute()
    file_id = UnicodeAttribute()
    number = NumberAttribute()
    status = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    attempt = NumberAttribute(default=0)
    cursor = UnicodeAttribute(null=True)
    lease_until = UTCDateTimeAttribute(null=True)
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()


def add(write: Transaction, job: Job) -> None:
    """Add a job to what has to be done."""
    record = JobRecord(
        _key(job.id),
        "JOB",
        owner=f"PROJECT#{job.project_id}#JOBS",
        position=job.id,
        facet=_facet(job.project_id, job.status),
        rank=job.id,
        quality=_open_jobs(ids.shard(job.id)),
        turn=_turn(job.created_at + PATIENCE, job.id),
        **vars(job),
    )
    write.create(record, otherwise=Conflict("job_exists", "There is a job with this id already."))


def find(job_id: str) -> Job | None:
    """The job with this id, or None. Raises Unavailable."""
    record = JobRecord.find(_key(job_id), "JOB")
    return _model(record) if record else None


def claim(write: Transaction, job: Job, now: datetime, lease: timedelta, *, otherwise: Failure) -> Job:
    """Take a job that nobody holds, for a time."""
    free = (JobRecord.status == "pending") | ((JobRecord.status == "processing") & (JobRecord.lease_until <= now))
    taken = replace(job, status="processing", attempt=job.attempt + 1, updated_at=now)
    write.update(
        JobRecord(_key(job.id), "JOB"),
        [
            *_changes(taken),
            JobRecord.attempt.set(taken.attempt),
            JobRecord.lease_until.set(now + lease),
            JobRecord.turn.set(_turn(now + lease, job.id)),
        ],
        when=free & (JobRecord.attempt == job.attempt),
        otherwise=otherwise,
    )
    return taken


def finish(write: Transaction, job: Job, status: Status, reason: str | None, *, otherwise: Failure) -> None:
    """End a job that is held under this attempt."""
    done = replace(job, status=status, reason=reason, updated_at=clock.now())
    write.update(
        JobRecord(_key(job.id), "JOB"),
        [
            *_changes(done),
            JobRecord.reason.set(reason) if reason else JobRecord.reason.remove(),
            JobRecord.lease_until.remove(),
            JobRecord.quality.remove(),
            JobRecord.turn.remove(),
        ],
        when=(JobRecord.status == "processing") & (JobRecord.attempt == job.attempt),
        otherwise=otherwise,
    )


def check_held(write: Transaction, job: Job, *, otherwise: Failure) -> None:
    """Hold only while a job is held under this attempt."""
    ours = (JobRecord.status == "processing") & (JobRecord.attempt == job.attempt)
    write.check(JobRecord, _key(job.id), "JOB", ours, otherwise=otherwise)


def release(write: Transaction, job: Job, cursor: str | None, due: datetime, *, otherwise: Failure) -> None:
    """Give back a job that is held under this attempt, with a part of it done."""
    left = replace(job, status="pending", updated_at=clock.now())
    write.update(
        JobRecord(_key(job.id), "JOB"),
        [
            *_changes(left),
            JobRecord.cursor.set(cursor) if cursor else JobRecord.cursor.remove(),
            JobRecord.turn.set(_turn(due, job.id)),
            JobRecord.lease_until.remove(),
        ],
        when=(JobRecord.status == "processing") & (JobRecord.attempt == job.attempt),
        otherwise=otherwise,
    )


def postpone(write: Transaction, job: Job, until: datetime, *, otherwise: Failure) -> None:
    """Say when an open job is next due."""
    write.update(
        JobRecord(_key(job.id), "JOB"),
        [JobRecord.turn.set(_turn(until, job.id))],
        when=JobRecord.status.is_in("pending", "processing") & (JobRecord.attempt == job.attempt),
        otherwise=otherwise,
    )


def of_project(project_id: str, asked: PageRequest) -> Page[Job]:
    """The jobs of a project, newest first. One round trip. Raises Unavailable."""
    page = page_of(JobRecord, ByOwner, f"PROJECT#{project_id}#JOBS", asked, descending=True)
    return Page([_model(record) for record in page.items], next=page.next, prev=page.prev)


def with_status(project_id: str, status: Status, most: int) -> list[Job]:
    """Jobs of a project with this status, oldest first. One round trip. Raises Unavailable."""
    page = page_of(JobRecord, ByFacet, _facet(project_id, status), PageRequest(most))
    return [_model(record) for record in page.items]


def remove(write: Transaction, job_id: str) -> None:
    """Remove a job, with its project."""
    write.forget(JobRecord(_key(job_id), "JOB"))


def due(shard: int, now: datetime) -> list[Job]:
    """Open jobs of a shard whose message may have been lost, longest waiting first. One round trip. Raises Unavailable."""
    page = page_of(JobRecord, ByQuality, _open_jobs(shard), PageRequest(_DUE_AT_ONCE))
    return [_model(record) for record in page.items if (record.turn or "") <= _turn(now, "~")]


def _changes(job: Job) -> list[Action]:
    return [
        JobRecord.status.set(job.status),
        JobRecord.updated_at.set(job.updated_at),
        JobRecord.facet.set(_facet(job.project_id, job.status)),
    ]


def _model(record: JobRecord) -> Job:
    values = {name: getattr(record, name) for name in Job.__dataclass_fields__}
    return Job(**{**values, "number": int(record.number), "attempt": int(record.attempt)})


def _key(job_id: str) -> str:
    return f"JOB#{job_id}"


def _facet(project_id: str, status: Status) -> str:
    return f"PROJECT#{project_id}#JOBS#{status}"


def _open_jobs(shard: int) -> str:
    return f"JOBS#open#{shard}"


def _turn(moment: datetime, job_id: str) -> str:
    return f"{moment.isoformat(timespec='milliseconds')}#{job_id}"
