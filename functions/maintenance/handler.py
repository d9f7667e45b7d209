"""What is due by the clock, and the units of work that it makes."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from holdall import observe
from holdall.maintenance import service

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Run a task of the schedule, or do the messages of the work queue; one that fails comes back, alone."""
    if "task" in event:
        observe.begin(context.aws_request_id)
        return service.look(event["task"])
    return process_partial_response(event, _do, _processor, context)


def _do(record: SQSRecord) -> None:
    with observe.message(record.message_id):
        said = json.loads(record.body)
        service.work(said["work"], said["id"])
