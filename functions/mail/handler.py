"""Sends the emails in the queue `mail`."""

from typing import Any

from holdall.emails import service
from holdall.emails.model import Email
from holdall.platform import messaging


def handler(event: dict[str, Any], context: Any) -> Any:
    """Send each email. The response names those that failed, so that only they are received again."""
    return messaging.process_messages("mail", event, context, Email.from_json, service.deliver)
