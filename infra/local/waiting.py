"""Waiting for other programs."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], timeout: float, error: Callable[[], Exception]) -> None:
    """Return when the condition is true. Raise the error that `error` creates after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise error()
        time.sleep(0.1)
