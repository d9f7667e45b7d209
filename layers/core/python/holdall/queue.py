"""Messages to workers: one per unit of work, its content only ids."""

import json
from typing import Literal

from botocore.exceptions import ClientError

from holdall import aws
from holdall.config import settings
from holdall.errors import Unavailable

Name = Literal["objects", "images", "work", "mail"]


def send_image(job_id: str) -> None:
    """Ask imageproc to do a job. Raises Unavailable."""
    _send("images", {"jobId": job_id})


def send_work(kind: str, subject: str, *, after: int = 0) -> None:
    """Ask maintenance to do one unit of work, `after` so many seconds, 900 at the most. Raises Unavailable."""
    _send("work", {"work": kind, "id": subject}, after=after)


def send_mail(message: dict[str, str]) -> None:
    """Ask mail to send a letter. Raises Unavailable."""
    _send("mail", message)


def put_off(name: Name, receipt: str, seconds: int) -> bool:
    """Let a message that was received come back in so many seconds; False where it comes back by itself, only later."""
    try:
        with aws.answering():
            aws.client("sqs").change_message_visibility(
                QueueUrl=_url(name), ReceiptHandle=receipt, VisibilityTimeout=seconds
            )
    except (Unavailable, ClientError):
        return False
    return True


def _send(name: Name, message: dict[str, str], *, after: int = 0) -> None:
    with aws.answering():
        aws.client("sqs").send_message(QueueUrl=_url(name), MessageBody=json.dumps(message), DelaySeconds=after)


def _url(name: Name) -> str:
    urls: dict[Name, str] = {
        "objects": settings().objects_queue_url,
        "images": settings().images_queue_url,
        "work": settings().work_queue_url,
        "mail": settings().mail_queue_url,
    }
    return urls[name]
