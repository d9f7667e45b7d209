"""Password hashes: argon2id, with the configured cost (OWASP Password Storage Cheat Sheet)."""

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from holdall.platform.config import settings


def hash_password(password: str) -> str:
    return _hasher().hash(_normalize(password))


def verify(password: str, stored_hash: str | None) -> bool:
    """Return whether a password has this hash. Without a hash it takes as long, so that response times reveal nothing."""
    try:
        _hasher().verify(stored_hash or _dummy_hash(), _normalize(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored_hash is not None


def needs_rehash(stored_hash: str) -> bool:
    """Return whether a hash was made with another cost than the configured one."""
    return _hasher().check_needs_rehash(stored_hash)


def _normalize(password: str) -> str:
    # Keyboards send the same character in different forms (NIST SP 800-63B, section 5.1.1.2).
    return unicodedata.normalize("NFKC", password)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(
        time_cost=settings().argon2_time_cost, memory_cost=settings().argon2_memory_kib, parallelism=1
    )


def _dummy_hash() -> str:
    # A constant, because a real hash takes the time of a second one. No known password has it.
    cost = f"m={settings().argon2_memory_kib},t={settings().argon2_time_cost},p=1"
    return f"$argon2id$v=19${cost}${'A' * 22}${'A' * 43}"
