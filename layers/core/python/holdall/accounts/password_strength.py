"""Passwords that an attacker tries first: the commonest, those made of the e-mail address, and those that a finger draws.

NIST SP 800-63B section 5.1.1.2 asks for the comparison with such a list, and for no other rule: no digit, no capital letter.
"""

import contextlib
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_COMMON_PASSWORDS_PATH = Path(__file__).with_name("common_passwords.txt")
_MIN_PART_LENGTH = 4  # characters of the address that are no accident, letters that are more than a trimming
_MIN_RUN_LENGTH = 3  # characters that a piece must have, on average, to be a run and no accident
_MAX_RUNS = 4  # more of them are hard to guess after all
# What follows one another in the alphabet, among the digits, or under a finger on an American, German or French keyboard.
_KEYBOARD_ROWS = (
    "abcdefghijklmnopqrstuvwxyzabc",
    "01234567890123456789",
    "1234567890-=",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiopü+",
    "asdfghjklöä#",
    "yxcvbnm,.-",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qawsedrftgyhujikol",
    "a1b2c3d4e5f6g7h8i9",
    "1a2b3c4d5e6f7g8h9i",
    "147258369",
)
_SEQUENCES = " ".join((*_KEYBOARD_ROWS, *(line[::-1] for line in _KEYBOARD_ROWS)))
_UNSHIFTED = str.maketrans("!@#$%^&*()_", "1234567890-")


def is_weak(password: str, email: str) -> bool:
    """Whether a password is too easy to guess for who has this e-mail address.

    What counts is its form under NFKC and casefolding: capital letters and wide letters protect nobody.
    """
    said = _normalize(password)
    return said in _common_passwords() or _is_derived_from(said, _normalize(email)) or _is_keyboard_walk(said)


def _is_derived_from(password: str, email: str) -> bool:
    """Whether hardly a letter is left of it without the parts of the address, forwards and backwards: digits are no secret."""
    parts = {part for part in _email_parts(email) if len(part) >= _MIN_PART_LENGTH}
    # The longest first: what a part of a part leaves over would look like letters of the password's own.
    both = sorted({*parts, *(part[::-1] for part in parts)}, key=len, reverse=True)
    left = re.sub("|".join(map(re.escape, both)), "", password) if both else password
    return left != password and sum(sign.isalpha() for sign in left) < _MIN_PART_LENGTH


def _email_parts(email: str) -> Iterator[str]:
    local, _, domain = email.rpartition("@")
    with contextlib.suppress(UnicodeError):  # people type the name and not its encoding
        domain = _normalize(domain.encode().decode("idna"))
    labels = domain.split(".")
    yield from (f"{local}@{domain}", local, domain, *labels[:-1])
    words = re.split(r"[\W_]+", local)
    yield from (*words, "".join(words), " ".join(words))


def _is_keyboard_walk(password: str) -> bool:
    """Whether it is one character, or falls into few runs of neighbours, `qwertyuiop`, `abcd1234`, `aaabbbccc`."""
    pieces, start = 0, 0
    plain = password.translate(_UNSHIFTED)
    while start < len(plain) and pieces <= _MAX_RUNS:
        # Any part of a run is a run, so taking the longest each time gives the fewest pieces.
        start += _longest_run_length(plain[start:])
        pieces += 1
    return pieces <= _MAX_RUNS and pieces * _MIN_RUN_LENGTH <= len(plain)


def _longest_run_length(text: str) -> int:
    """How many of the first characters are all the same, or stand in one line, either way."""
    same = len(text) - len(text.lstrip(text[0]))
    length = 1
    while length < len(text) and " " not in text[: length + 1] and text[: length + 1] in _SEQUENCES:
        length += 1
    return max(same, length)


@cache
def _common_passwords() -> frozenset[str]:
    """What is tried first everywhere; the file beside the list says where it comes from."""
    return frozenset(_COMMON_PASSWORDS_PATH.read_text(encoding="ascii").split())


def _normalize(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
