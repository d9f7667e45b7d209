"""Encryption of TOTP seeds: AES-256-GCM (NIST SP 800-38D) with a key outside of the database, which only `auth` can read.

A reader of the credentials table learns no seed. A writer cannot give the seed of one user to another, because a ciphertext is
bound to its owner.
"""

import base64
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdall.platform import ids, parameters

_KEY_PARAMETER = "totp-key"
_KEY_LENGTH = 32  # bytes
# A random nonce of 96 bits is safe for 2^32 encryptions with one key (SP 800-38D, section 8.3). Each set-up makes one.
_NONCE_LENGTH = 12  # bytes
_VERSION = "v1."  # of the key and the format, so that a next version can exist beside this one


def encrypt(plaintext: str, owner_id: str) -> str:
    """Return a ciphertext for an owner. Raises ServiceUnavailable."""
    nonce = ids.new_bytes(_NONCE_LENGTH)
    ciphertext = nonce + _cipher().encrypt(nonce, plaintext.encode(), owner_id.encode())
    return _VERSION + base64.b64encode(ciphertext).decode()


def decrypt(ciphertext: str, owner_id: str) -> str:
    """Return the plaintext of a ciphertext for this owner.

    Raises ServiceUnavailable, and ValueError for any other ciphertext: then a record or the key was changed.
    """
    if not ciphertext.startswith(_VERSION):
        raise ValueError("Unknown format of the ciphertext.")
    cipher = _cipher()
    try:
        content = base64.b64decode(ciphertext.removeprefix(_VERSION), validate=True)
        return cipher.decrypt(content[:_NONCE_LENGTH], content[_NONCE_LENGTH:], owner_id.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise ValueError("The ciphertext was not encrypted for this owner with this key.") from error


@cache
def _cipher() -> AESGCM:
    """Return the cipher with its key. The first call of an installation creates the key."""
    parameter = parameters.get(_KEY_PARAMETER) or parameters.create_if_absent(
        _KEY_PARAMETER, base64.b64encode(ids.new_bytes(_KEY_LENGTH)).decode()
    )
    key = base64.b64decode(parameter, validate=True)
    if len(key) != _KEY_LENGTH:
        raise ValueError(f"The parameter {_KEY_PARAMETER} is not {_KEY_LENGTH} bytes long.")
    return AESGCM(key)
