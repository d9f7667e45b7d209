"""Jobs: opened in the transaction of what asks for them, claimed by one worker at a time, never forgotten."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from holdall import clock, ids, observe, queue
from holdall.errors import Conflict, Unavailable
from holdall.jobs import store
from holdall.jobs.model import PATIENCE, Job, Kind, Status
from holdall.page import PageRequest
from holdall.table import Transaction

_AT_ONCE = 90  # below the 100 items of a transaction
_MESSAGE_COMES_BACK = timedelta(minutes=15)  # at the latest: `worker` says when
_TAKEN = Conflict("job_taken", "Somebody else holds this job.")


def start(write: Transaction, kind: Kind, file_id: str, number: int = 0) -> Job:
    """Add a job to what a transaction does. Whoever opened the transaction sends it afterwards."""
    return _start(write, kind, ids.project_of(file_id), file_id, number)


def start_of_project(write: Transaction, kind: Kind, project_id: str) -> Job:
    """Add a job about a whole project to what a transaction does."""
    return _start(write, kind, project_id, "", 0)


def send(job: Job, *, after: int = 0) -> None:
    """Tell the worker, `after` so many seconds. A message that cannot be sent now is sent by the schedule a minute later, so
    nothing is raised.
    """
    try:
        if job.kind == "render":
            queue.send_image(job.id)
        else:
            queue.send_work("job", job.id, after=after)
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


@contextmanager
def held(job: Job) -> Iterator[None]:
    """Do a job that was claimed. When that fails it is free again at once, so that its message, which soon comes back, finds
    it so. Otherwise its lease would have to end first.
    """
    try:
        yield
    except Exception:
        # Where it cannot be freed, or is not ours any more, time frees it.
        with suppress(Unavailable, Conflict), Transaction() as write:
            store.release(write, job, job.cursor, clock.now() + _MESSAGE_COMES_BACK, otherwise=_TAKEN)
        raise


def complete(write: Transaction, job: Job) -> None:
    """End a job as done. The transaction raises Conflict when the claim is no longer ours."""
    store.finish(write, job, "completed", None, otherwise=_TAKEN)


def check_held(write: Transaction, job: Job) -> None:
    """Hold only while a job is ours, where a part of it is recorded. The transaction raises Conflict."""
    store.check_held(write, job, otherwise=_TAKEN)


def fail(write: Transaction, job: Job, reason: str) -> None:
    """End a job that can never succeed, and say why."""
    store.finish(write, job, "failed", reason, otherwise=_TAKEN)


def go_on(job: Job, cursor: str | None, *, after: int = 0) -> None:
    """Give back a job of which a part is done, and ask for the next part in so many seconds. Raises Unavailable.

    Whoever took the job meanwhile, as our time was over, goes on with it.
    """
    try:
        with Transaction() as write:
            store.release(write, job, cursor, clock.now() + timedelta(seconds=after) + PATIENCE, otherwise=_TAKEN)
    except Conflict:
        return
    send(job, after=after)


def others_open(job: Job) -> bool:
    """Whether other jobs of its project are still to be done. Two round trips. Raises Unavailable."""
    both: tuple[Status, Status] = ("pending", "processing")
    return any(other.id != job.id for status in both for other in store.with_status(job.project_id, status, 2))


def forget(project_id: str, *, but: Job) -> bool:
    """Remove jobs of a project that is gone, `but` the one that does it; tells whether there are more. Raises Unavailable."""
    page = store.of_project(project_id, PageRequest(_AT_ONCE))
    others = [job for job in page.items if job.id != but.id]
    if others:
        with Transaction() as write:
            for job in others:
                store.remove(write, job.id)
    return page.next is not None


def forget_last(job: Job) -> None:
    """Remove a job itself, when its project has gone. Raises Unavailable."""
    with Transaction() as write:
        store.remove(write, job.id)


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


def _start(write: Transaction, kind: Kind, project_id: str, file_id: str, number: int) -> Job:
    now = clock.now()
    job = Job(
        id=ids.new_id_in(project_id),
        project_id=project_id,
        kind=kind,
        file_id=file_id,
        number=number,
        status="pending",
        reason=None,
        attempt=0,
        cursor=None,
        created_at=now,
        updated_at=now,
    )
    store.add(write, job)
    return job
