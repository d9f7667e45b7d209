"""Refresh tokens: opaque, kept as digests, each used once, and what a client gets whose answer was lost."""

import hashlib
import hmac
import re
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdall.iam.model import invalid_token

_PATTERN = re.compile(r"hr_([0-9a-hjkmnp-tv-z]{26})_([0-9a-hjkmnp-tv-z]{26})([0-9a-hjkmnp-tv-z]{26})")
# A key is derived from a secret that seals once in its life, so a fixed nonce never meets the same key twice.
_NONCE = bytes(12)


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token: the session, the half of its secret that all of the family share, and this rotation's half."""

    session_id: str
    family_secret: str
    rotation_secret: str

    def __str__(self) -> str:
        return f"hr_{self.session_id}_{self.family_secret}{self.rotation_secret}"

    @classmethod
    def parse(cls, text: str) -> "RefreshToken":
        """The token in a text. Raises Unauthenticated."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise invalid_token()
        return cls(*match.groups())


def encrypt_successor(successor: str, predecessor: str) -> str:
    """The successor's half, readable only with its predecessor's: kept for a client whose answer was lost."""
    return _cipher(predecessor).encrypt(_NONCE, successor.encode(), None).hex()


def decrypt_successor(ciphertext: str, predecessor: str) -> str:
    """What `seal` closed."""
    return _cipher(predecessor).decrypt(_NONCE, bytes.fromhex(ciphertext), None).decode()


def _cipher(secret: str) -> AESGCM:
    return AESGCM(hmac.digest(secret.encode(), b"holdall refresh successor", hashlib.sha256))
