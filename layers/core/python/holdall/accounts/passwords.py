"""Passwords: argon2id, with the cost that the installation asks for (OWASP password storage cheat sheet)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from holdall.platform.config import settings


def hash_password(password: str) -> str:
    """What is stored of a password."""
    return _hasher().hash(password)


def verify(password: str, stored_hash: str | None) -> bool:
    """Whether this is the password. With nothing stored the same work is done, so that time tells nothing."""
    try:
        _hasher().verify(stored_hash or _dummy_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored_hash is not None


def needs_rehash(stored_hash: str) -> bool:
    """Whether a hash was made at another cost than is asked for now."""
    return _hasher().check_needs_rehash(stored_hash)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(
        time_cost=settings().argon2_time_cost, memory_cost=settings().argon2_memory_kib, parallelism=1
    )


def _dummy_hash() -> str:
    # Written and not made, as making it would take the time of a second hash; no password is known that has it.
    cost = f"m={settings().argon2_memory_kib},t={settings().argon2_time_cost},p=1"
    return f"$argon2id$v=19${cost}${'A' * 22}${'A' * 43}"
