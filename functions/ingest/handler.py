"""An object arrived in the bucket of originals."""

from typing import Any
from urllib.parse import unquote_plus

from holdall.platform import worker
from holdall.uploads import service


def handler(event: dict[str, Any], context: Any) -> Any:
    """Look at each object that S3 tells of; a message that fails comes back, alone."""
    return worker.process_messages("objects", event, context, _handle_notification)


def _handle_notification(message: dict[str, Any]) -> None:
    # S3 sends one message without records when the notification is set up (s3:TestEvent).
    for told in message.get("Records", []):
        stored = told["s3"]["object"]
        service.on_object_created(unquote_plus(stored["key"]), stored.get("versionId", "null"))
