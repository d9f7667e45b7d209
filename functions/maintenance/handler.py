"""The Lambda function that runs scheduled tasks and the messages of the queue `work`."""

from typing import Any

from functions import complete_imports
from holdall.maintenance import service, work_messages
from holdall.platform import message_batches, observability


def handler(event: dict[str, Any], context: Any) -> Any:
    """Run a scheduled task, or process a batch of messages. A message that fails comes back on its own."""
    if "task" in event:
        observability.start_context(context.aws_request_id)
        return service.run_task(event["task"])
    return message_batches.process_messages("work", event, context, work_messages.parse, service.handle)


complete_imports()
