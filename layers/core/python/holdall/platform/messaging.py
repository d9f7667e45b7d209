"""Messages to workers: one SQS message for each unit of work. Needed action: sqs:SendMessage."""

from holdall.platform import aws
from holdall.platform.config import settings
from holdall.platform.messages import Message, QueueName

MAX_DELAY_SECONDS = 900  # AWS API reference, SendMessage, DelaySeconds


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
