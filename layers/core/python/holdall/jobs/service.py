"""Jobs: created in the transaction of their cause, claimed by one worker at a time, and sent again until they end."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

from holdall.jobs import store
from holdall.jobs.model import (
    OUTAGE_PATIENCE,
    RESEND_AFTER,
    Job,
    JobClaimed,
    JobKind,
    JobState,
    JobStatus,
    RenderImage,
    RunJob,
)
from holdall.jobs.store import check_claimed, complete, fail, next_project_with_failed
from holdall.platform import clock, ids, messaging, observability
from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound, ServiceUnavailable
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction

__all__ = ["check_claimed", "complete", "fail", "next_project_with_failed"]

_FIRST_DELAY = 5  # seconds; doubles up to the maximum
_MAX_CLAIMED = 100  # jobs of a project at a time, far more than there are workers
_PAGE_SIZE = 100
_DELETE_BATCH_SIZE = 90  # below the limit of 100 items in a transaction
_MAX_REDELIVERY_DELAY = timedelta(minutes=15)  # of a message that failed, see `message_batches.process_messages`


def get(job_id: str) -> Job:
    """Return a job. One round trip. Raises NotFound and ServiceUnavailable."""
    job = store.get_or_none(job_id)
    if job is None:
        raise NotFound
    return job


def create(tx: Transaction, kind: JobKind, file_id: str) -> Job:
    """Create a job on a file. Its message is sent after the commit."""
    project_id = ids.project_id_of(file_id)
    job = replace(_new_job(ids.new_scoped_id(project_id), project_id, kind), file_id=file_id)
    store.put(tx, job)
    tx.on_commit(partial(send, job))
    return job


def create_for_version(
    tx: Transaction, kind: JobKind, file_id: str, version_number: int, size: int, *, sends_message: bool = True
) -> Job:
    """Create a job on a version, with the size of its original in bytes. Its message is sent after the commit.

    Without `sends_message` a scheduled task sends it within two minutes, because this function may not send it.
    """
    project_id = ids.project_id_of(file_id)
    job = replace(
        _new_job(ids.new_scoped_id(project_id), project_id, kind),
        file_id=file_id,
        version_number=version_number,
        bytes=size,
    )
    store.put(tx, job)
    if sends_message:
        tx.on_commit(partial(send, job))
    return job


def start_for_project(tx: Transaction, kind: JobKind, project_id: str, caller: Caller | None = None) -> Job:
    """Start the job of this kind on a whole project. Its message is sent after the commit.

    A project has one: if it is open, it starts anew when its worker is done. So any number of requests is done in two runs. A
    job that needs the right of its caller as long as it runs is given the caller.
    """
    job = _new_job(ids.deterministic_id(project_id, kind), project_id, kind)
    if caller is not None:
        job = replace(job, requested_by=caller.user_id, api_key_id=caller.api_key_id)
    store.put_or_restart(tx, job)
    tx.on_commit(partial(send, job))
    return job


def send(job: Job, *, delay_seconds: int = 0) -> None:
    """Send the message of a job. If SQS does not respond, a scheduled task sends it a minute later."""
    message = RenderImage(job.id) if job.kind == "render" else RunJob(job.id, job.state.checks)
    try:
        messaging.send(message, delay_seconds=delay_seconds)
    except ServiceUnavailable:
        observability.log_event("job.send_failed", job_id=job.id)


def claim(job_id: str, lease: timedelta, *, checks: int = 0) -> Job | None:
    """Claim a job until its lease ends. Return None if it ended, is claimed by another worker, or does not exist.

    `checks` is how often the job had waited when its message was sent: a job that has waited again has another message. Two
    round trips. Raises ServiceUnavailable.
    """
    job = store.get_or_none(job_id)
    if job is None or not job.is_open or job.state.checks != checks:
        return None
    now = clock.now()
    try:
        with Transaction() as tx:
            return store.claim(tx, job, now, now + lease)
    except JobClaimed:
        return None


def claim_failing(job_id: str, lease: timedelta, *, checks: int = 0) -> Job | None:
    """Claim a job that has failed since its last step forward. Return None for any other, and as `claim` does.

    A job that only waits for an unavailable service has not failed. Three round trips. Raises ServiceUnavailable.
    """
    job = store.get_or_none(job_id)
    has_failed = job is not None and (job.failures > 0 or job.lease_expires_at is not None)
    return claim(job_id, lease, checks=checks) if has_failed else None


@contextmanager
def releasing_on_error(job: Job) -> Iterator[None]:
    """Count a failure if the block fails, and release the job, because its message comes back before the lease ends.

    A block that raises JobClaimed has lost the job, and that is no error. If the job was requested again, it starts anew.
    """
    try:
        yield
    except JobClaimed:
        _restart_if_requested(job)
    except Exception as error:
        now = clock.now()
        is_failure = not isinstance(error, ServiceUnavailable) or now - job.created_at > OUTAGE_PATIENCE
        # If this fails too, the job is free when its lease ends.
        with suppress(ServiceUnavailable):
            try:
                with Transaction() as tx:
                    store.release(tx, job, job.state, now + _MAX_REDELIVERY_DELAY, failures=job.failures + is_failure)
            except JobClaimed:
                _restart_if_requested(job)
        raise


def restart(tx: Transaction, job: Job, caller: Caller | None = None) -> Job:
    """Start a failed job anew, and return it. Its message is sent after the commit. The transaction raises JobNotFailed.

    A job that needs the right of its caller as long as it runs needs that of this caller from now on.
    """
    now = clock.now()
    new = replace(
        job,
        status="pending",
        reason=None,
        failures=0,
        state=JobState(),
        created_at=now,
        updated_at=now,
        started_at=None,
        due_at=now + RESEND_AFTER,
    )
    if caller is not None and job.requested_by is not None:
        new = replace(new, requested_by=caller.user_id, api_key_id=caller.api_key_id)
    store.retry(tx, new)
    tx.on_commit(partial(send, new))
    return new


def iterate_waiting_for_operator(project_id: str = "") -> Iterator[Job]:
    """Yield the jobs of a project, or of all, that a person has to look at. Raises ServiceUnavailable."""
    for list_page in (partial(store.list_failed, project_id=project_id), store.list_failed_of_last_release):
        page = PageRequest(_PAGE_SIZE)
        while True:
            found = list_page(page)
            yield from (job for job in found.items if job.waits_for_operator and job.project_id.startswith(project_id))
            if found.next is None:
                break
            page = PageRequest(_PAGE_SIZE, found.next)


def has_other_waiting_for_operator(job: Job) -> bool:
    """Return whether a person has to look at another job of the project. Raises ServiceUnavailable."""
    return any(other.id != job.id for other in iterate_waiting_for_operator(job.project_id))


def reschedule(job: Job, state: JobState, *, delay_seconds: int = 0) -> None:
    """Release a claimed job that made a step forward, and send its message again.

    Raises JobClaimed and ServiceUnavailable.
    """
    due_at = clock.now() + timedelta(seconds=delay_seconds) + RESEND_AFTER
    with Transaction() as tx:
        store.release(tx, job, state, due_at, failures=0)
        tx.on_commit(partial(send, replace(job, state=state), delay_seconds=delay_seconds))


def is_storing_variants(file_id: str) -> bool:
    """Return whether a worker renders or moves variants of a file. One round trip. Raises ServiceUnavailable."""
    claimed = store.list_by_status(ids.project_id_of(file_id), "processing", PageRequest(_MAX_CLAIMED)).items
    now = clock.now()
    return any(
        job.kind in {"render", "relocate"}
        and job.file_id == file_id
        and job.lease_expires_at
        and job.lease_expires_at > now
        for job in claimed
    )


def reschedule_later(job: Job) -> None:
    """Release a claimed job that has to wait, the longer the more often it has waited. Raises ServiceUnavailable."""
    checks = job.state.checks
    delay_seconds = min(_FIRST_DELAY * 2**checks, messaging.MAX_DELAY_SECONDS)
    reschedule(job, JobState(checks=checks + 1), delay_seconds=delay_seconds)


def has_other_open(job: Job) -> bool:
    """Return whether the project has another open job. Two round trips. Raises ServiceUnavailable."""
    statuses: tuple[JobStatus, JobStatus] = ("pending", "processing")
    two = PageRequest(2)
    return any(
        other.id != job.id for status in statuses for other in store.list_by_status(job.project_id, status, two).items
    )


def delete_rows(project_id: str, *, except_job: Job) -> bool:
    """Delete some jobs of a purged project. Return whether there are more. Raises ServiceUnavailable."""
    page = store.list_by_project(project_id, PageRequest(_DELETE_BATCH_SIZE))
    others = [job for job in page.items if job.id != except_job.id]
    if others:
        with Transaction() as tx:
            for job in others:
                store.delete_if_exists(tx, job.id)
    return page.next is not None


def delete(job: Job) -> None:
    """Delete a job whose project is purged. Raises ServiceUnavailable."""
    with Transaction() as tx:
        store.delete_if_exists(tx, job.id)


def resend_due() -> int:
    """Send the messages of due jobs again, and return their number. A duplicate message has no effect."""
    now, sent = clock.now(), 0
    for shard in range(ids.SHARDS):
        for job in store.list_due(shard, now):
            try:
                with Transaction() as tx:
                    store.postpone(tx, job, now + 5 * RESEND_AFTER)
            except JobClaimed:
                continue  # it was claimed, or ended
            send(job)
            sent += 1
    return sent


def _restart_if_requested(job: Job) -> None:
    with suppress(JobClaimed), Transaction() as tx:
        store.end_lease(tx, job)
        tx.on_commit(partial(send, replace(job, state=JobState())))


def _new_job(job_id: str, project_id: str, kind: JobKind) -> Job:
    now = clock.now()
    return Job(
        id=job_id,
        project_id=project_id,
        kind=kind,
        file_id=None,
        version_number=None,
        status="pending",
        reason=None,
        attempt=0,
        failures=0,
        state=JobState(),
        lease_expires_at=None,
        requested_by=None,
        api_key_id=None,
        created_at=now,
        updated_at=now,
    )
