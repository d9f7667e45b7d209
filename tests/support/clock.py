"""A clock that is frozen until a test advances it."""

from datetime import datetime, timedelta

import pytest

from holdall.platform import clock


class FrozenClock:
    """The time that `holdall.platform.clock` returns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, start: datetime) -> None:
        self.time = start
        self.has_advanced = False
        monkeypatch.setattr(clock, "now", self.now)

    def now(self) -> datetime:
        return self.time

    def advance(self, **duration: float) -> None:
        """Advance the clock. The arguments are those of timedelta."""
        self.time += timedelta(**duration)
        self.has_advanced = True


def find_frozen_clock() -> FrozenClock | None:
    """Return the clock of the running test if it is frozen."""
    found = getattr(clock.now, "__self__", None)
    return found if isinstance(found, FrozenClock) else None
