"""Refresh tokens. Each can be used once; its successor is kept, encrypted, for a client that lost the response."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdall.iam.model import InvalidToken
from holdall.iam.tokens import TokenKind
from holdall.platform import ids

_PATTERN = re.compile(f"{TokenKind.REFRESH}_({ids.ID_PATTERN})_({ids.ID_PATTERN})({ids.ID_PATTERN})")
# A key is derived from a secret that encrypts only one text, so the same key never meets the same nonce twice.
_NONCE = bytes(12)


@dataclass(frozen=True)
class RefreshToken:
    """The token `hr_{session}_{family}{rotation}`. All tokens of a session have the same family secret."""

    session_id: str
    family_secret: str
    rotation_secret: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a token. Raises InvalidToken."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise InvalidToken
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"{TokenKind.REFRESH}_{self.session_id}_{self.family_secret}{self.rotation_secret}"


def encrypt_successor(successor: str, predecessor: str) -> str:
    """Encrypt the rotation secret of the next token with that of the previous one."""
    return _cipher(predecessor).encrypt(_NONCE, successor.encode(), None).hex()


def decrypt_successor(ciphertext: str, predecessor: str) -> str:
    """Return the rotation secret of the next token. Raises InvalidTag for another predecessor."""
    return _cipher(predecessor).decrypt(_NONCE, bytes.fromhex(ciphertext), None).decode()


def _cipher(secret: str) -> AESGCM:
    return AESGCM(hmac.digest(secret.encode(), b"holdall refresh successor", hashlib.sha256))
