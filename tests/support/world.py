"""One world for each worker. Each fixture creates its resources once, and later tests restore them."""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from holdall.accounts import encryption
from holdall.iam import signing_keys
from holdall.platform import clock
from holdall.platform.config import settings
from tests.support.checkpoints import Checkpoint
from tests.support.clock import find_frozen_clock

T = TypeVar("T")
_MAX_AGE = 20.0  # seconds: sessions and codes of a restored world are hardly older than new ones


@dataclass(frozen=True)
class _Step:
    """The value that a fixture created, the state after that, and the steps that follow it in other tests."""

    value: Any
    checkpoint: Checkpoint
    made_at: datetime
    expires: float
    next_steps: "dict[tuple[str, bool], _Step]" = field(default_factory=dict)  # by name, and if the clock is frozen


class World:
    """AWS in this process. It is empty when a test begins, and fixtures fill it by steps that have names.

    The first test that takes a step makes it. Other tests that take the same steps get it restored, unless something else
    happened in between, or the first of the steps is old.
    """

    def __init__(self) -> None:
        signing_keys.get_signing_key()
        encryption.encrypt("", "")
        self._settings = settings()
        self._empty = _Step(None, Checkpoint.save(), clock.now(), expires=float("inf"))
        self.reset()

    def reset(self) -> None:
        """Restore the initial state, which contains only the keys of the installation."""
        self._last_step = self._empty
        self._empty.checkpoint.restore()

    def step(self, name: str, create: Callable[[], T]) -> T:
        """Restore the state after this step, and return a copy of the value that `create` returned in it."""
        if not self._is_untouched():
            return create()
        frozen_clock = find_frozen_clock()
        key = name, frozen_clock is not None
        step = self._last_step.next_steps.get(key)
        if step is None or step.expires < time.monotonic():
            expires, value = min(time.monotonic() + _MAX_AGE, self._last_step.expires), create()
            step = _Step(deepcopy(value), Checkpoint.save(), clock.now(), expires)
            self._last_step.next_steps[key] = step
        else:
            value = deepcopy(step.value)
            step.checkpoint.restore()
            if frozen_clock:
                frozen_clock.time = step.made_at
        self._last_step = step
        return value

    def started_at(self) -> datetime:
        """Return the time to freeze a clock at: that of the last step, if nothing has changed since."""
        return self._last_step.made_at if self._last_step is not self._empty and self._is_untouched() else clock.now()

    def _is_untouched(self) -> bool:
        """Return whether nothing has changed since the last step. After a change, a test creates its later steps again."""
        frozen_clock = find_frozen_clock()
        has_advanced = frozen_clock is not None and frozen_clock.has_advanced
        return settings() == self._settings and not has_advanced and self._last_step.checkpoint.is_current()
