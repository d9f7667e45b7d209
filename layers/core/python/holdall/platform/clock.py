"""The time. Nothing else in Holdall asks the system for it, so a test freezes one place."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def sleep(seconds: float) -> None:
    """Wait before another attempt."""
    time.sleep(seconds)
