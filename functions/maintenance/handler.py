"""What is due by the clock, and the units of work that it makes."""

from typing import Any

from holdall import observe, worker
from holdall.maintenance import service


def handler(event: dict[str, Any], context: Any) -> Any:
    """Run a task of the schedule, or do the messages of the work queue; one that fails comes back, alone."""
    if "task" in event:
        observe.begin(context.aws_request_id)
        return service.look(event["task"])
    return worker.do("work", event, context, lambda said: service.work(said["work"], said["id"]))
