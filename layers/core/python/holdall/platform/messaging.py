"""Messages to workers: one per unit of work, its content only ids."""

import json
from typing import Literal

from botocore.exceptions import ClientError

from holdall.platform import aws
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable

QueueName = Literal["objects", "images", "work", "mail"]


def send_render_message(job_id: str) -> None:
    """Ask imageproc to do a job. Raises Unavailable."""
    _send("images", {"jobId": job_id})


def send_work_message(kind: str, subject: str, *, delay_seconds: int = 0) -> None:
    """Ask maintenance to do one unit of work, `after` so many seconds, 900 at the most. Raises Unavailable."""
    _send("work", {"work": kind, "id": subject}, delay_seconds=delay_seconds)


def send_email_message(message: dict[str, str]) -> None:
    """Ask mail to send a letter. Raises Unavailable."""
    _send("mail", message)


def change_visibility(queue_name: QueueName, receipt_handle: str, timeout_seconds: int) -> bool:
    """Let a message that was received come back in so many seconds; False where it comes back by itself, only later."""
    try:
        with aws.translate_aws_errors():
            aws.client("sqs").change_message_visibility(
                QueueUrl=_queue_url(queue_name), ReceiptHandle=receipt_handle, VisibilityTimeout=timeout_seconds
            )
    except (ServiceUnavailable, ClientError):
        return False
    return True


def _send(queue_name: QueueName, message: dict[str, str], *, delay_seconds: int = 0) -> None:
    with aws.translate_aws_errors():
        aws.client("sqs").send_message(
            QueueUrl=_queue_url(queue_name), MessageBody=json.dumps(message), DelaySeconds=delay_seconds
        )


def _queue_url(queue_name: QueueName) -> str:
    urls: dict[QueueName, str] = {
        "objects": settings().objects_queue_url,
        "images": settings().images_queue_url,
        "work": settings().work_queue_url,
        "mail": settings().mail_queue_url,
    }
    return urls[queue_name]
