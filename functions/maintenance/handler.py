"""What is due by the clock, and the units of work that it makes."""

from typing import Any

from holdall.maintenance import service
from holdall.platform import observability, worker


def handler(event: dict[str, Any], context: Any) -> Any:
    """Run a task of the schedule, or do the messages of the work queue; one that fails comes back, alone."""
    if "task" in event:
        observability.start_context(context.aws_request_id)
        return service.run_task(event["task"])
    return worker.process_messages("work", event, context, lambda said: service.run_unit(said["work"], said["id"]))
