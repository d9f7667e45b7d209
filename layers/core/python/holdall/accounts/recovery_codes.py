"""Recovery codes, for a user who has lost the authenticator app: ten random codes, each of which works once.

A plain digest is enough for 125 random bits: NIST SP 800-63B, section 5.1.2.2, and OWASP ASVS 6.5.2 require a salted password
hash below 112 bits. Shorter codes would have to be hashed slowly, ten times for every attempt, or with a key; with the key that
encrypts the seeds they would be lost together, just when they are needed.
"""

import unicodedata

from holdall.platform import ids

COUNT = 10
_GROUPS, _GROUP_LENGTH = 5, 5  # 25 characters with 5 bits each
# People read these characters as digits. Crockford's base 32 has none of them.
_LOOKALIKES = str.maketrans("oil", "011")
# The Unicode categories of spaces, punctuation, symbols and controls, which people and programs put between the groups.
_SEPARATOR_CATEGORIES = frozenset("ZPSC")


def new_codes() -> list[str]:
    """Return new codes, each like `7k3m9-x0a4t-…`."""
    return [_new_code() for _ in range(COUNT)]


def normalize(code: str) -> str:
    """Return the characters of a code in their only form, however a user typed it."""
    characters = unicodedata.normalize("NFKC", code).lower().translate(_LOOKALIKES)
    return "".join(each for each in characters if unicodedata.category(each)[0] not in _SEPARATOR_CATEGORIES)


def sha256_hex(code: str) -> str:
    """Return the digest of the normal form of a code."""
    return ids.sha256_hex(normalize(code))


def _new_code() -> str:
    secret = ids.new_secret()
    starts = range(0, _GROUPS * _GROUP_LENGTH, _GROUP_LENGTH)
    return "-".join(secret[start : start + _GROUP_LENGTH] for start in starts)
