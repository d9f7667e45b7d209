"""The Lambda function that S3 notifies of new originals."""

import json
from typing import Any
from urllib.parse import unquote_plus

from functions import complete_imports
from holdall.platform import message_batches
from holdall.uploads import arrivals


def handler(event: dict[str, Any], context: Any) -> Any:
    """Process a batch of notifications. A message that fails comes back on its own."""
    return message_batches.process_messages("objects", event, context, _parse, _process)


def _parse(body: str) -> list[tuple[str, str, str]]:
    """Return the bucket, the key and the version ID of each object in a notification of S3."""
    message = json.loads(body)
    if message.get("Event") == "s3:TestEvent":  # S3 sends it when the notification is configured
        return []
    return [_parse_object(record["s3"]) for record in message["Records"]]


def _parse_object(source: dict[str, Any]) -> tuple[str, str, str]:
    stored = source["object"]
    return source["bucket"]["name"], unquote_plus(stored["key"]), stored.get("versionId", "null")


def _process(objects: list[tuple[str, str, str]]) -> None:
    for bucket, key, version_id in objects:
        arrivals.on_object_created(bucket, key, version_id)


complete_imports()
