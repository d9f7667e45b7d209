"""`make clock`: moves the time that the local stack tells, so that retention, expiry and lockout can be tried in seconds.

Functions read the row at most every two seconds (`holdall.platform.virtual_clock`).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.cloud import LocalCloud
from infra.local.progress import UserError

_KEY: Mapping[str, Any] = {"pk": {"S": "CLOCK"}, "sk": {"S": "CLOCK"}}  # as in `holdall.platform.virtual_clock`
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,5})([smhdw])")


def parse_duration(text: str) -> timedelta:
    """Return the duration of a text such as `30d`. Raises UserError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UserError(f"ADD must be a number and one of s, m, h, d and w, such as 30d, not {text!r}.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def advance(cloud: LocalCloud, duration: timedelta) -> datetime:
    """Move the clock of the local stack forward, and return the time that it tells."""
    response = cloud.client("dynamodb").update_item(
        TableName=cloud.outputs()["EphemeralTable"],
        Key=_KEY,
        UpdateExpression="ADD seconds :seconds",
        ExpressionAttributeValues={":seconds": {"N": str(int(duration.total_seconds()))}},
        ReturnValues="UPDATED_NEW",
    )
    return datetime.now(UTC) + timedelta(seconds=int(response["Attributes"]["seconds"]["N"]))


def reset(cloud: LocalCloud) -> None:
    """Let the local stack tell the real time again."""
    cloud.client("dynamodb").delete_item(TableName=cloud.outputs()["EphemeralTable"], Key=_KEY)
