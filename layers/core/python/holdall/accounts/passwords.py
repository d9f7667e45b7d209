"""Passwords: argon2id, with the cost that the installation asks for (OWASP password storage cheat sheet)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from holdall.config import settings


def hashed(password: str) -> str:
    """What is stored of a password."""
    return _hasher().hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Whether this is the password. With nothing stored the same work is done, so that time tells nothing."""
    try:
        _hasher().verify(stored or _of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def outdated(stored: str) -> bool:
    """Whether a hash was made at another cost than is asked for now."""
    return _hasher().check_needs_rehash(stored)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=settings().password_passes, memory_cost=settings().password_memory, parallelism=1)


def _of_nobody() -> str:
    # Written and not made, as making it would take the time of a second hash; no password is known that has it.
    cost = f"m={settings().password_memory},t={settings().password_passes},p=1"
    return f"$argon2id$v=19${cost}${'A' * 22}${'A' * 43}"
