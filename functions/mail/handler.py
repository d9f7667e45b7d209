"""Sends the emails in the queue `mail`."""

from typing import Any

from functions import complete_imports
from holdall.emails import service
from holdall.emails.model import Email
from holdall.platform import message_batches


def handler(event: dict[str, Any], context: Any) -> Any:
    """Send each email. The response names those that failed, so that only they are received again."""
    return message_batches.process_messages("mail", event, context, Email.from_json, service.deliver)


complete_imports()
