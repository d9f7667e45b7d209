"""The batches of messages that SQS gives to a worker. Needed action: sqs:ChangeMessageVisibility.

Apart from `messaging`, because functions that only send would import the batch processor in vain.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import ClientError

from holdall.platform import aws, observability
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.messages import QueueName
from holdall.platform.messaging import queue_url

M = TypeVar("M")
_FIRST_DELAY = 5  # seconds
_BACKOFF_FACTOR = 8
_MAX_DELAY = 900
_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


class UnknownMessage(Exception):
    """No worker of the queue knows messages of this shape. After five receives SQS moves it to the dead-letter queue."""


def process_messages(
    queue: QueueName, event: dict[str, Any], context: Any, parse: Callable[[str], M], handle: Callable[[M], None]
) -> Any:
    """Process each message of an event of SQS, and return those that failed. `parse` raises an error for an unknown shape.

    A failed message stays invisible for the visibility timeout of its queue. This is six times the timeout of the function,
    because it also protects messages that are still processed (AWS Lambda developer guide, "Using Lambda with Amazon SQS"). A
    failed message is therefore made visible after 5 s, 40 s, 5 min, and then 15 min, until the dead-letter queue has it. This
    includes a message of an unknown shape, because the next release, which sent it, may be about to replace this one.
    """

    def process(record: SQSRecord) -> None:
        with observability.message_context(record.message_id):
            try:
                handle(_parse(queue, record, parse))
            except Exception:
                _retry_later(queue, record)
                raise

    return process_partial_response(event, process, _processor, context)


def _parse(queue: QueueName, record: SQSRecord, parse: Callable[[str], M]) -> M:
    try:
        return parse(record.body)
    except (ValueError, KeyError, TypeError, AttributeError):
        # Neither the body nor the error, which may quote it: an email contains secrets.
        observability.log_event("message.unknown", queue=queue, message_id=record.message_id)
        raise UnknownMessage(f"The queue {queue} has a message of an unknown shape.") from None


def _retry_later(queue: QueueName, record: SQSRecord) -> None:
    receive_count = int(record.attributes.approximate_receive_count)
    delay = min(_FIRST_DELAY * _BACKOFF_FACTOR ** (receive_count - 1), _MAX_DELAY)
    try:
        with aws.translate_aws_errors():
            aws.client("sqs").change_message_visibility(
                QueueUrl=queue_url(queue), ReceiptHandle=record.receipt_handle, VisibilityTimeout=delay
            )
    except (ServiceUnavailable, ClientError):  # the message returns after the visibility timeout
        observability.log_event("message.visibility_not_changed", message_id=record.message_id)
