"""Passwords and how they are hashed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import argon2
import pytest


@contextmanager
def count_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Record the calls of argon2, `hash` or `verify`."""
    calls: list[str] = []
    with monkeypatch.context() as patch:
        for name in ("hash", "verify"):
            real = getattr(argon2.PasswordHasher, name)

            def record(*args: Any, real: Any = real, name: str = name, **kwargs: Any) -> Any:
                calls.append(name)
                return real(*args, **kwargs)

            patch.setattr(argon2.PasswordHasher, name, record)
        yield calls
