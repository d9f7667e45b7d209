"""Waiting for something that another program does."""

import time
from collections.abc import Callable


def until(come: Callable[[], bool], patience: float, otherwise: Callable[[], Exception]) -> None:
    """Ask until the answer is yes; raise what `otherwise` makes when it was no for `patience` seconds."""
    end = time.monotonic() + patience
    while not come():
        if time.monotonic() > end:
            raise otherwise()
        time.sleep(0.1)
