"""Retries of a use case that lost a race."""

from collections.abc import Callable
from typing import TypeVar

from holdall.platform import clock, ids
from holdall.platform.errors import Busy, HoldallError

_ATTEMPTS = 5
_BACKOFF = 0.02  # seconds before the second attempt, at most; doubles

T = TypeVar("T")


def retry_on(
    *errors: type[HoldallError],
    action: Callable[[], T],
    first: Callable[[], T] | None = None,
    attempts: int = _ATTEMPTS,
) -> T:
    """Call an action again, with pauses, while it raises one of these errors: another request changed what it had read.

    The action reads and writes, so each attempt reads again. `first` replaces the first attempt, and writes what the caller has
    read before. Raises Busy after the last attempt.
    """
    for attempt in range(attempts):
        try:
            return first() if first is not None and attempt == 0 else action()
        except errors:
            if attempt + 1 < attempts:
                clock.sleep(ids.jitter(_BACKOFF * 2**attempt))
    raise Busy
