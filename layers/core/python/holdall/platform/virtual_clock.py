"""The clock of a laptop, which `make clock` moves, so that what takes days can be tried in seconds.

Only a stage with `virtualClock` lets functions read the row, and `infra.stage` refuses that in AWS.
"""

import time
from contextlib import suppress
from datetime import timedelta

from holdall.platform import aws, clock
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable

KEY = {"pk": {"S": "CLOCK"}, "sk": {"S": "CLOCK"}}
_MAX_AGE = 2.0  # seconds for which a function uses what it has read


class _Offset:
    """How far the clock was moved."""

    def __init__(self) -> None:
        self._value, self._read_at = timedelta(), float("-inf")

    def __call__(self) -> timedelta:
        if time.monotonic() - self._read_at >= _MAX_AGE:
            self._read_at = time.monotonic()  # first, because the SDK may ask for the time
            with suppress(ServiceUnavailable):  # then it is as it was
                self._value = _read()
        return self._value


def start() -> None:
    """Move the clock of this process, if the stage has a virtual one."""
    if settings().virtual_clock:
        clock.move_by(_Offset())


def _read() -> timedelta:
    with aws.translate_aws_errors():
        response = aws.client("dynamodb").get_item(TableName=settings().ephemeral_table, Key=KEY, ConsistentRead=True)
    return timedelta(seconds=int(response.get("Item", {}).get("seconds", {"N": "0"})["N"]))
