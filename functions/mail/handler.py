"""A letter has to go out."""

from typing import Any

from holdall import worker
from holdall.letters import service


def handler(event: dict[str, Any], context: Any) -> Any:
    """Send each letter; one that fails comes back, alone."""
    return worker.do("mail", event, context, service.deliver)
