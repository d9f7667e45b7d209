"""Messages from queues: each is done alone, and one that fails comes back, soon at first and then later and later."""

import json
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from holdall.platform import messaging, observability

_FIRST_DELAY = 5  # seconds
_BACKOFF_FACTOR = 8
_MAX_DELAY = 900
_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def process_messages(
    queue_name: messaging.QueueName, event: dict[str, Any], context: Any, handle: Callable[[dict[str, Any]], None]
) -> Any:
    """Do each message of an event of this queue by what it says; the answer names those that failed.

    A failed one would stay away for the visibility timeout of its queue, which is six times what a call may take, as it also
    guards messages that are being done (AWS Lambda developer guide, "Using Lambda with Amazon SQS"). So it is told to come
    back after 5 s, 40 s, 5 min and then 15 min, until the dead-letter queue has it.
    """

    def done(record: SQSRecord) -> None:
        with observability.message_context(record.message_id):
            try:
                handle(json.loads(record.body))
            except Exception:
                _retry_later(queue_name, record)
                raise

    return process_partial_response(event, done, _processor, context)


def _retry_later(queue_name: messaging.QueueName, record: SQSRecord) -> None:
    received = int(record.attributes.approximate_receive_count)
    pause = min(_FIRST_DELAY * _BACKOFF_FACTOR ** (received - 1), _MAX_DELAY)
    if not messaging.change_visibility(queue_name, record.receipt_handle, pause):
        observability.log_event("message.visibility_not_changed", message_id=record.message_id)
