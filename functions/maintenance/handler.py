"""The Lambda function that runs scheduled tasks and the messages of the queue `work`."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from functions import complete_imports
from holdall.maintenance import service
from holdall.maintenance.model import WorkMessage
from holdall.platform import message_batches, observability

_work_messages: TypeAdapter[WorkMessage] = TypeAdapter(Annotated[WorkMessage, Field(discriminator="type")])


def handler(event: dict[str, Any], context: Any) -> Any:
    """Run a scheduled task, or process a batch of messages. A message that fails comes back on its own."""
    if "task" in event:
        observability.start_context(context.aws_request_id)
        return service.run_task(event["task"])
    return message_batches.process_messages("work", event, context, _work_messages.validate_json, service.handle)


complete_imports()
