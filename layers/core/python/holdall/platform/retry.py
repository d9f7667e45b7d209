"""Retries of a use case that lost a race."""

from collections.abc import Callable
from typing import TypeVar

from holdall.platform import clock, ids
from holdall.platform.errors import Busy, HoldallError

_ATTEMPTS = 5
_BACKOFF = 0.02  # seconds before the second attempt, at most; doubles

T = TypeVar("T")


def retry_on(*errors: type[HoldallError], action: Callable[[], T], attempts: int = _ATTEMPTS) -> T:
    """Call an action again, with pauses, as long as it raises one of these errors: another request changed what it had read.

    The action reads and writes; every attempt has to read again. Raises Busy after the last attempt.
    """
    for attempt in range(attempts):
        try:
            return action()
        except errors:
            if attempt + 1 < attempts:
                clock.sleep(ids.jitter(_BACKOFF * 2**attempt))
    raise Busy
