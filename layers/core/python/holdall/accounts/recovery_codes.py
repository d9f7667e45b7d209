"""Recovery codes: the way in for who has lost the app. Ten random codes, each of them good once.

With 125 random bits a plain digest is enough to keep: NIST SP 800-63B section 5.1.2.2 and OWASP ASVS 6.5.2 ask for a salted
password hash below 112 bits. Shorter codes would have to be hashed slowly, ten times for every attempt, or under a key, and
then would be lost together with the key that seals the seeds, just when they are needed.
"""

import unicodedata

from holdall.platform import ids

COUNT = 10
_GROUPS, _GROUP_LENGTH = 5, 5  # 25 letters of 5 bits each
# Crockford's base 32 has none of these letters, because people take them for the digits.
_LOOKALIKES = str.maketrans("oil", "011")
# Categories of Unicode: space, punctuation, signs, controls. People and programs put them between groups: dashes of many kinds.
_SEPARATOR_CATEGORIES = frozenset("ZPSC")


def new_codes() -> list[str]:
    """The codes of an account, to be shown once, each like `7k3m9-x0a4t-…`."""
    return [_new_code() for _ in range(COUNT)]


def normalize(code: str) -> str:
    """The one form of a code, however it was typed: its letters alone, with the digits that were meant."""
    letters = unicodedata.normalize("NFKC", code).lower().translate(_LOOKALIKES)
    return "".join(letter for letter in letters if unicodedata.category(letter)[0] not in _SEPARATOR_CATEGORIES)


def sha256_hex(code: str) -> str:
    """What is stored of a code, the same however it was typed."""
    return ids.sha256_hex(normalize(code))


def _new_code() -> str:
    letters = ids.new_secret()
    starts = range(0, _GROUPS * _GROUP_LENGTH, _GROUP_LENGTH)
    return "-".join(letters[start : start + _GROUP_LENGTH] for start in starts)
