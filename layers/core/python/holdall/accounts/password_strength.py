"""Passwords that an attacker tries first: common ones, and those that are derived from the email address.

NIST SP 800-63B, section 5.1.1.2, requires this comparison, and advises against all other rules, such as required digits.
"""

import contextlib
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import idna

_COMMON_PASSWORDS_PATH = Path(__file__).with_name("common_passwords.txt")
# Shorter parts of an address are in many passwords by accident. Fewer alphabetic characters beside a part are easy to guess.
_MIN_PART_LENGTH = 4


def is_weak(password: str, email: str) -> bool:
    """Return whether an attacker who knows the email address tries a password first. Compares casefolded NFKC forms."""
    normalized = _normalize(password)
    return normalized in _common_passwords() or _is_derived_from(normalized, _normalize(email))


def _is_derived_from(password: str, email: str) -> bool:
    """Return whether a password is little more than parts of an address, forwards or backwards. Digits do not count."""
    parts = {part for part in _email_parts(email) if len(part) >= _MIN_PART_LENGTH}
    # The longest first, because the rest of a longer part would look like a part of the password.
    patterns = sorted({*parts, *(part[::-1] for part in parts)}, key=len, reverse=True)
    rest = re.sub("|".join(map(re.escape, patterns)), "", password) if patterns else password
    return rest != password and sum(character.isalpha() for character in rest) < _MIN_PART_LENGTH


def _email_parts(email: str) -> Iterator[str]:
    local, _, domain = email.rpartition("@")
    with contextlib.suppress(UnicodeError):  # users type the Unicode form of a domain, not its A-labels
        domain = _normalize(idna.decode(domain))
    labels = domain.split(".")
    yield from (f"{local}@{domain}", local, domain, *labels[:-1])
    words = re.split(r"[\W_]+", local)
    yield from (*words, "".join(words), " ".join(words))


@cache
def _common_passwords() -> frozenset[str]:
    """Return the list of common passwords. The file beside it says where it comes from."""
    return frozenset(_COMMON_PASSWORDS_PATH.read_text(encoding="ascii").split())


def _normalize(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
