"""Messages to workers: one per unit of work, its content only ids."""

import json

from holdall import aws
from holdall.config import settings


def send_image(job_id: str) -> None:
    """Ask imageproc to do a job. Raises Unavailable."""
    _send(settings().images_queue_url, {"jobId": job_id})


def send_work(kind: str, subject: str) -> None:
    """Ask maintenance to do one unit of work. Raises Unavailable."""
    _send(settings().work_queue_url, {"work": kind, "id": subject})


def send_mail(message: dict[str, str]) -> None:
    """Ask mail to send a letter. Raises Unavailable."""
    _send(settings().mail_queue_url, message)


def _send(url: str, message: dict[str, str]) -> None:
    with aws.answering():
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message))
