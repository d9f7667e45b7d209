"""Sealing of TOTP seeds: AES-256-GCM (NIST SP 800-38D) under a key outside of the database, which only `auth` may read.

Whoever reads the table of credentials learns no seed, and whoever writes to it cannot give one user the seed of another:
a seal is bound to its owner.
"""

import base64
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdall.platform import ids, parameters

_KEY_PARAMETER = "totp-key"
_KEY_LENGTH = 32  # bytes
# A random nonce of 96 bits is sound for 2^32 seals under one key (SP 800-38D section 8.3): one per set-up of a second factor.
_NONCE_LENGTH = 12  # bytes
# Names key and manner, so that another can follow while old seals are still there.
_VERSION = "v1."


def encrypt(plaintext: str, owner_id: str) -> str:
    """A text that only `unseal` opens, and only for the same owner. Raises Unavailable."""
    nonce = ids.new_bytes(_NONCE_LENGTH)
    closed = nonce + _cipher().encrypt(nonce, plaintext.encode(), owner_id.encode())
    return _VERSION + base64.b64encode(closed).decode()


def decrypt(ciphertext: str, owner_id: str) -> str:
    """What was sealed for this owner.

    Raises Unavailable, and ValueError for anything else: no caller's mistake, but a record, or the key, is not what it was.
    """
    if not ciphertext.startswith(_VERSION):
        raise ValueError("Unknown format of the ciphertext.")
    cipher = _cipher()
    try:
        closed = base64.b64decode(ciphertext.removeprefix(_VERSION), validate=True)
        return cipher.decrypt(closed[:_NONCE_LENGTH], closed[_NONCE_LENGTH:], owner_id.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise ValueError("The ciphertext was not encrypted for this owner with this key.") from error


@cache
def _cipher() -> AESGCM:
    """The cipher with its key, which is read once per process and made at first use."""
    kept = parameters.get(_KEY_PARAMETER) or parameters.create_if_absent(
        _KEY_PARAMETER, base64.b64encode(ids.new_bytes(_KEY_LENGTH)).decode()
    )
    key = base64.b64decode(kept, validate=True)
    if len(key) != _KEY_LENGTH:
        raise ValueError(f"The parameter {_KEY_PARAMETER} is not {_KEY_LENGTH} bytes long.")
    return AESGCM(key)
