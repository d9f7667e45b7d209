"""Messages to workers: one SQS message for each unit of work. Needed action: sqs:SendMessage.

Dead letters are messages that failed five times. Needed actions: sqs:ReceiveMessage and sqs:DeleteMessage on their queues.
"""

from dataclasses import dataclass
from typing import Literal

from holdall.platform import aws
from holdall.platform.config import settings
from holdall.platform.messages import Message, QueueName

MAX_DELAY_SECONDS = 900  # AWS API reference, SendMessage, DelaySeconds
_MAX_RECEIVED = 10  # the limit of one request (AWS API reference, ReceiveMessage)
_INVISIBLE_SECONDS = 900  # for which no one else receives a dead letter; longer than any function runs

JobQueueName = Literal["images", "work"]  # the queues whose messages name jobs


@dataclass(frozen=True)
class DeadLetter:
    """A message in a dead-letter queue."""

    id: str
    body: str
    receipt_handle: str


def send(message: Message, *, delay_seconds: int = 0) -> None:
    """Send a message to its queue. The delay is at most MAX_DELAY_SECONDS. Raises ServiceUnavailable."""
    group = {"MessageGroupId": message.group_id} if message.group_id else {}
    with aws.translate_aws_errors():
        aws.client("sqs").send_message(
            QueueUrl=queue_url(message.queue), MessageBody=message.to_json(), DelaySeconds=delay_seconds, **group
        )


def queue_url(queue: QueueName) -> str:
    urls: dict[QueueName, str] = {
        "objects": settings().objects_queue_url,
        "images": settings().images_queue_url,
        "work": settings().work_queue_url,
        "mail": settings().mail_queue_url,
    }
    return urls[queue]


def receive_dead_letters(queue: JobQueueName) -> list[DeadLetter]:
    """Return up to ten dead letters of a queue. Those that are not deleted come back later. Raises ServiceUnavailable.

    A short poll asks a part of SQS's servers, so it may find none where there are some.
    """
    with aws.translate_aws_errors():
        response = aws.client("sqs").receive_message(
            QueueUrl=_dead_letters_url(queue), MaxNumberOfMessages=_MAX_RECEIVED, VisibilityTimeout=_INVISIBLE_SECONDS
        )
    return [DeadLetter(each["MessageId"], each["Body"], each["ReceiptHandle"]) for each in response.get("Messages", [])]


def delete_dead_letter(queue: JobQueueName, message: DeadLetter) -> None:
    """Delete a dead letter. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        aws.client("sqs").delete_message(QueueUrl=_dead_letters_url(queue), ReceiptHandle=message.receipt_handle)


def _dead_letters_url(queue: JobQueueName) -> str:
    return settings().images_dead_letters_url if queue == "images" else settings().work_dead_letters_url
