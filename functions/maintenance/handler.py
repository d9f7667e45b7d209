"""The Lambda function that runs scheduled tasks and the messages of the queue `work`."""

from typing import Any

from functions import complete_imports
from holdall.maintenance import service, work_messages
from holdall.platform import message_batches, observability


def handler(event: dict[str, Any], context: Any) -> Any:
    """Run a task, by its schedule or a command of the operator, or process a batch of messages.

    A message that fails comes back on its own.
    """
    if "task" in event:
        observability.start_context(context.aws_request_id)
        return _run_command(event) if "command" in event else service.run_scheduled(event["task"])
    return message_batches.process_messages("work", event, context, work_messages.parse, service.handle)


def _run_command(event: dict[str, Any]) -> dict[str, Any]:
    """Run a task for the operator, or look how one gets on that continues by messages. Return its report."""
    if event["command"] == "run":
        report = service.run_for_operator(event["task"], dry_run=event["dryRun"])
    else:
        report = service.get_report(event["task"])
    return report.model_dump(mode="json")


complete_imports()
