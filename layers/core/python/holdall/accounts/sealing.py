"""Sealing of TOTP seeds: AES-256-GCM (NIST SP 800-38D) under a key outside of the database, which only `auth` may read.

Whoever reads the table of credentials learns no seed, and whoever writes to it cannot give one user the seed of another:
a seal is bound to its owner.
"""

import base64
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdall import ids, secrets

_KEY = "totp-key"
_KEY_LENGTH = 32  # bytes
# A random nonce of 96 bits is sound for 2^32 seals under one key (SP 800-38D section 8.3): one per set-up of a second factor.
_NONCE_LENGTH = 12  # bytes
# Names key and manner, so that another can follow while old seals are still there.
_VERSION = "v1."


def seal(text: str, owner: str) -> str:
    """A text that only `unseal` opens, and only for the same owner. Raises Unavailable."""
    nonce = ids.new_bytes(_NONCE_LENGTH)
    closed = nonce + _cipher().encrypt(nonce, text.encode(), owner.encode())
    return _VERSION + base64.b64encode(closed).decode()


def unseal(sealed: str, owner: str) -> str:
    """What was sealed for this owner.

    Raises Unavailable, and ValueError for anything else: no caller's mistake, but a record, or the key, is not what it was.
    """
    if not sealed.startswith(_VERSION):
        raise ValueError("This is no seal of a kind that we know.")
    cipher = _cipher()
    try:
        closed = base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
        return cipher.decrypt(closed[:_NONCE_LENGTH], closed[_NONCE_LENGTH:], owner.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise ValueError("This was not sealed for this owner under our key.") from error


@cache
def _cipher() -> AESGCM:
    """The cipher with its key, which is read once per process and made at first use."""
    kept = secrets.read(_KEY) or secrets.write_once(_KEY, base64.b64encode(ids.new_bytes(_KEY_LENGTH)).decode())
    key = base64.b64decode(kept, validate=True)
    if len(key) != _KEY_LENGTH:
        raise ValueError(f"The secret {_KEY} does not hold {_KEY_LENGTH} bytes.")
    return AESGCM(key)
