"""A letter has to go out."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from holdall import observe
from holdall.letters import service

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Send each letter; one that fails comes back, alone."""
    return process_partial_response(event, _send, _processor, context)


def _send(record: SQSRecord) -> None:
    with observe.message(record.message_id):
        service.deliver(json.loads(record.body))
