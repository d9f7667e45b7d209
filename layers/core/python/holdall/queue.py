"""Messages to workers: one per unit of work, its content only ids."""

import json

from holdall import aws
from holdall.config import settings


def send_image(job_id: str) -> None:
    """Ask imageproc to do a job. Raises Unavailable."""
    _send(settings().images_queue_url, {"jobId": job_id})


def send_work(kind: str, subject: str, *, after: int = 0) -> None:
    """Ask maintenance to do one unit of work, `after` so many seconds, 900 at the most. Raises Unavailable."""
    _send(settings().work_queue_url, {"work": kind, "id": subject}, after=after)


def send_mail(message: dict[str, str]) -> None:
    """Ask mail to send a letter. Raises Unavailable."""
    _send(settings().mail_queue_url, message)


def _send(url: str, message: dict[str, str], *, after: int = 0) -> None:
    with aws.answering():
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message), DelaySeconds=after)
