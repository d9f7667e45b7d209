"""An object arrived in the bucket of originals."""

from typing import Any
from urllib.parse import unquote_plus

from holdall import worker
from holdall.uploads import service


def handler(event: dict[str, Any], context: Any) -> Any:
    """Look at each object that S3 tells of; a message that fails comes back, alone."""
    return worker.do("objects", event, context, _look)


def _look(said: dict[str, Any]) -> None:
    # S3 sends one message without records when the notification is set up (s3:TestEvent).
    for told in said.get("Records", []):
        stored = told["s3"]["object"]
        service.arrived(unquote_plus(stored["key"]), stored.get("versionId", "null"))
