"""Jobs: opened in the transaction of what asks for them, claimed by one worker at a time, never forgotten."""

from datetime import timedelta

from holdall import clock, ids, observe, queue
from holdall.errors import Conflict, Unavailable
from holdall.jobs import store
from holdall.jobs.model import PATIENCE, Job, Kind
from holdall.table import Transaction

_TAKEN = Conflict("job_taken", "Somebody else holds this job.")


def start(write: Transaction, kind: Kind, file_id: str, number: int = 0) -> Job:
    """Add a job to what a transaction does. Whoever opened the transaction sends it afterwards."""
    now = clock.now()
    project_id = ids.project_of(file_id)
    job = Job(
        id=ids.new_id_in(project_id),
        project_id=project_id,
        kind=kind,
        file_id=file_id,
        number=number,
        status="pending",
        reason=None,
        attempt=0,
        created_at=now,
        updated_at=now,
    )
    store.add(write, job)
    return job


def send(job: Job) -> None:
    """Tell the worker. A message that cannot be sent now is sent by the schedule a minute later, so nothing is raised."""
    try:
        if job.kind == "render":
            queue.send_image(job.id)
        else:
            queue.send_work("job", job.id)
    except Unavailable:
        observe.event("job.unsent", job_id=job.id)


def claim(job_id: str, lease: timedelta) -> Job | None:
    """Take a job for a time; None when it is done, held by another, or unknown. Two round trips. Raises Unavailable."""
    job = store.find(job_id)
    if job is None or not job.open:
        return None
    try:
        with Transaction() as write:
            return store.claim(write, job, clock.now(), lease, otherwise=_TAKEN)
    except Conflict:
        return None


def complete(write: Transaction, job: Job) -> None:
    """End a job as done. The transaction raises Conflict when the claim is no longer ours."""
    store.finish(write, job, "completed", None, otherwise=_TAKEN)


def fail(write: Transaction, job: Job, reason: str) -> None:
    """End a job that can never succeed, and say why."""
    store.finish(write, job, "failed", reason, otherwise=_TAKEN)


def send_due() -> int:
    """Send again what waits for longer than its message can take; tells how many. Duplicates do no harm."""
    now, sent = clock.now(), 0
    for shard in range(ids.SHARDS):
        for job in store.due(shard, now):
            try:
                with Transaction() as write:
                    store.postpone(write, job, now + 5 * PATIENCE, otherwise=_TAKEN)
            except Conflict:
                continue  # done or claimed in this moment
            send(job)
            sent += 1
    return sent
