"""The dead letters of the queues whose messages name jobs. Each ends its job, if the job is what failed.

A job is a row, and a schedule sends its message again for as long as it is open. So a dead letter is needed for nothing else,
and no error here leads back to it.
"""

from collections.abc import Callable
from datetime import timedelta

from holdall.jobs import service as jobs
from holdall.jobs.model import DEAD_LETTER, RenderImage, RunJob
from holdall.maintenance import work_messages
from holdall.maintenance.giving_up import give_up
from holdall.maintenance.model import WorkMessage
from holdall.platform import messaging, observability
from holdall.platform.errors import Busy, ServiceUnavailable
from holdall.platform.messaging import DeadLetter, JobQueueName

_LEASE = timedelta(minutes=16)  # longer than the timeout of the function
_MAX_BATCHES = 100  # of ten dead letters, of one queue in one run
_MAX_LOGGED = 2000  # characters of a message that names no job, which is how it can be sent again

_PARSERS: dict[JobQueueName, Callable[[str], RenderImage | WorkMessage]] = {
    "images": RenderImage.from_json,
    "work": work_messages.parse,
}


def consume() -> int:
    """Take the dead letters, end their jobs, and log those that name none. Return how many were taken.

    Raises ServiceUnavailable.
    """
    return sum(_consume_queue(queue) for queue in _PARSERS)


def _consume_queue(queue: JobQueueName) -> int:
    taken = 0
    for _ in range(_MAX_BATCHES):
        messages = messaging.receive_dead_letters(queue)
        if not messages:
            break
        taken += sum(_take(queue, message) for message in messages)
    return taken


def _take(queue: JobQueueName, message: DeadLetter) -> bool:
    """Handle and delete a dead letter. Return False if it has to come back, because a service is unavailable."""
    fields = {"queue": queue, "message_id": message.id}
    try:
        _handle(queue, message, fields)
    except (ServiceUnavailable, Busy):
        observability.log_event("dead_letter.postponed", **fields)
        return False
    except Exception:  # noqa: BLE001  # whatever it is, the dead letter must not come back
        # Its job stays open, and ends after ten failures.
        observability.logger.exception("dead_letter.failed", extra=fields)
    messaging.delete_dead_letter(queue, message)
    return True


def _handle(queue: JobQueueName, message: DeadLetter, fields: dict[str, str]) -> None:
    try:
        content = _PARSERS[queue](message.body)
    except ValueError:
        content = None
    if not isinstance(content, RenderImage | RunJob):
        # These queues carry no secrets.
        observability.logger.error("dead_letter.without_job", extra={**fields, "body": message.body[:_MAX_LOGGED]})
        return
    checks = content.checks if isinstance(content, RunJob) else 0
    job = jobs.claim_failing(content.job_id, _LEASE, checks=checks)
    if job is None:
        observability.log_event("dead_letter.outdated", **fields, job_id=content.job_id)
        return
    with jobs.releasing_on_error(job):
        give_up(job, DEAD_LETTER)
    observability.logger.error("dead_letter.job_failed", extra={**fields, "job_id": job.id, "kind": job.kind})
