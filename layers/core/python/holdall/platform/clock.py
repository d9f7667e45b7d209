"""The clock. No other module reads the time, so a test can set it here.

In a stage with `virtualClock`, which only a laptop can have, the time is moved by what `virtual_clock` reads.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_offset: Callable[[], timedelta] = timedelta  # none


def now() -> datetime:
    return datetime.now(UTC) + _offset()


def real_now() -> datetime:
    """Return the time that others have: S3 checks signatures by it, identity providers sign by it, and phones show codes."""
    return now() - _offset()


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def move_by(offset: Callable[[], timedelta]) -> None:
    """Add to the time, from now on, what this function returns."""
    global _offset  # noqa: PLW0603  # once, when a function starts
    _offset = offset
