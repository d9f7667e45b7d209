"""A letter has to go out."""

from typing import Any

from holdall.emails import service
from holdall.platform import worker


def handler(event: dict[str, Any], context: Any) -> Any:
    """Send each letter; one that fails comes back, alone."""
    return worker.process_messages("mail", event, context, service.deliver)
