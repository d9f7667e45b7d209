"""Jobs: opened in the transaction of what asks for them, claimed by one worker at a time, never forgotten."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial

from holdall.jobs import store
from holdall.jobs.model import RESEND_AFTER, Job, JobClaimed, JobKind, JobStatus, RenderImage, RunJob
from holdall.platform import clock, ids, messaging, observability
from holdall.platform.errors import Conflict, ServiceUnavailable
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction

_BATCH_SIZE = 90  # below the 100 items of a transaction
_MAX_REDELIVERY_DELAY = timedelta(minutes=15)  # at the latest: `worker` says when
_CLAIM_LOST = JobClaimed()


def create(tx: Transaction, kind: JobKind, file_id: str, version_number: int = 0) -> Job:
    """Create a job about a file or one of its versions. Its message is sent after the commit."""
    return _create(tx, kind, ids.project_id_of(file_id), file_id, version_number)


def create_for_project(tx: Transaction, kind: JobKind, project_id: str) -> Job:
    """Create a job about a whole project. Its message is sent after the commit."""
    return _create(tx, kind, project_id, "", 0)


def send(job: Job, *, delay_seconds: int = 0) -> None:
    """Tell the worker, `after` so many seconds. A message that cannot be sent now is sent by the schedule a minute later, so
    nothing is raised.
    """
    try:
        message = RenderImage(job.id) if job.kind == "render" else RunJob(job.id)
        messaging.send(message, delay_seconds=delay_seconds)
    except ServiceUnavailable:
        observability.log_event("job.send_failed", job_id=job.id)


def claim(job_id: str, lease: timedelta) -> Job | None:
    """Take a job for a time; None when it is done, held by another, or unknown. Two round trips. Raises Unavailable."""
    job = store.get_or_none(job_id)
    if job is None or not job.is_open:
        return None
    try:
        with Transaction() as write:
            return store.claim(write, job, clock.now(), lease, error=_CLAIM_LOST)
    except Conflict:
        return None


@contextmanager
def releasing_on_error(job: Job) -> Iterator[None]:
    """Do a job that was claimed. When that fails it is free again at once, so that its message, which soon comes back, finds
    it so. Otherwise its lease would have to end first.
    """
    try:
        yield
    except Exception:
        # Where it cannot be freed, or is not ours any more, time frees it.
        with suppress(ServiceUnavailable, Conflict), Transaction() as write:
            store.release(write, job, job.cursor, clock.now() + _MAX_REDELIVERY_DELAY, error=_CLAIM_LOST)
        raise


def complete(tx: Transaction, job: Job) -> None:
    """End a job as done. The transaction raises Conflict when the claim is no longer ours."""
    store.finish(tx, job, "completed", None, error=_CLAIM_LOST)


def check_claimed(tx: Transaction, job: Job) -> None:
    """Hold only while a job is ours, where a part of it is recorded. The transaction raises Conflict."""
    store.check_claimed(tx, job, error=_CLAIM_LOST)


def fail(tx: Transaction, job: Job, reason: str) -> None:
    """End a job that can never succeed, and say why."""
    store.finish(tx, job, "failed", reason, error=_CLAIM_LOST)


def reschedule(job: Job, cursor: str | None, *, delay_seconds: int = 0) -> None:
    """Give back a job of which a part is done, and ask for the next part in so many seconds. Raises Unavailable.

    Whoever took the job meanwhile, as our time was over, goes on with it.
    """
    try:
        with Transaction() as write:
            store.release(
                write, job, cursor, clock.now() + timedelta(seconds=delay_seconds) + RESEND_AFTER, error=_CLAIM_LOST
            )
    except Conflict:
        return
    send(job, delay_seconds=delay_seconds)


def has_other_open(job: Job) -> bool:
    """Whether other jobs of its project are still to be done. Two round trips. Raises Unavailable."""
    both: tuple[JobStatus, JobStatus] = ("pending", "processing")
    return any(other.id != job.id for status in both for other in store.list_by_status(job.project_id, status, 2))


def delete_rows(project_id: str, *, except_job: Job) -> bool:
    """Remove jobs of a project that is gone, `but` the one that does it; tells whether there are more. Raises Unavailable."""
    page = store.list_by_project(project_id, PageRequest(_BATCH_SIZE))
    others = [job for job in page.items if job.id != except_job.id]
    if others:
        with Transaction() as write:
            for job in others:
                store.delete_if_exists(write, job.id)
    return page.next is not None


def delete(job: Job) -> None:
    """Remove a job itself, when its project has gone. Raises Unavailable."""
    with Transaction() as write:
        store.delete_if_exists(write, job.id)


def resend_due() -> int:
    """Send again what waits for longer than its message can take; tells how many. Duplicates do no harm."""
    now, sent = clock.now(), 0
    for shard in range(ids.SHARDS):
        for job in store.list_due(shard, now):
            try:
                with Transaction() as write:
                    store.postpone(write, job, now + 5 * RESEND_AFTER, error=_CLAIM_LOST)
            except Conflict:
                continue  # done or claimed in this moment
            send(job)
            sent += 1
    return sent


def _create(tx: Transaction, kind: JobKind, project_id: str, file_id: str, version_number: int) -> Job:
    now = clock.now()
    job = Job(
        id=ids.new_scoped_id(project_id),
        project_id=project_id,
        kind=kind,
        file_id=file_id,
        version_number=version_number,
        status="pending",
        reason=None,
        attempt=0,
        cursor=None,
        created_at=now,
        updated_at=now,
    )
    store.put(tx, job)
    tx.on_commit(partial(send, job))
    return job
