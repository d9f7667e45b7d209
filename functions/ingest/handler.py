"""An object arrived in the bucket of originals."""

import json
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from holdall import observe
from holdall.uploads import service

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Look at each object that S3 tells of; a message that fails comes back, alone."""
    return process_partial_response(event, _look, _processor, context)


def _look(record: SQSRecord) -> None:
    with observe.message(record.message_id):
        # S3 sends one message without records when the notification is set up (s3:TestEvent).
        for told in json.loads(record.body).get("Records", []):
            stored = told["s3"]["object"]
            service.arrived(unquote_plus(stored["key"]), stored.get("versionId", "null"))
