"""Waiting for something that another program does."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], timeout: float, error: Callable[[], Exception]) -> None:
    """Ask until the answer is yes; raise what `otherwise` makes when it was no for `patience` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise error()
        time.sleep(0.1)
