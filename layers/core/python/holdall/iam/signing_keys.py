"""Keys that sign access tokens. Private halves are parameters that only `auth` reads, public halves are records.

A key is published ten minutes before it signs, so that every function knows it by then, and for one hour after another key
has taken over, so that the last tokens stay valid. Keys are numbered: if two processes create one at once, the first wins.
"""

import contextlib
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from holdall.iam.model import AlreadyPublished, InvalidToken, PublicKey
from holdall.iam.store import public_keys as store
from holdall.platform import clock, ids, parameters
from holdall.platform.table import Transaction

PUBLISH_LEAD_TIME = timedelta(minutes=10)
_RETIRE_AFTER = timedelta(hours=1)
_ROTATE_AFTER = timedelta(days=30)
_REFETCH_INTERVAL = 60.0  # seconds after which an unknown key ID causes another read
_RELOAD_INTERVAL = 300.0  # seconds after which a process that signs looks for a newer key


@dataclass
class _KeyCache:
    """The public keys by key ID, and when this process read them (monotonic time in seconds)."""

    keys: dict[str, PublicKey] = field(default_factory=dict)
    loaded_at: float = float("-inf")

    def load(self) -> None:
        self.keys = {key.kid: key for key in store.list_public_keys()}
        self.loaded_at = time.monotonic()

    def is_older_than(self, seconds: float) -> bool:
        return time.monotonic() - self.loaded_at > seconds


_cache = _KeyCache()


def get_public_key(kid: object) -> ec.EllipticCurvePublicKey:
    """Return a public key. Raises InvalidToken if it is not one of Holdall's, and ServiceUnavailable."""
    # The first key signs as soon as it exists, so a process that knows no key reads without waiting.
    if kid not in _cache.keys and (not _cache.keys or _cache.is_older_than(_REFETCH_INTERVAL)):
        _cache.load()
    if not isinstance(kid, str) or kid not in _cache.keys:
        raise InvalidToken
    return _parse_public_key(_cache.keys[kid].pem)


def list_public_keys() -> dict[str, ec.EllipticCurvePublicKey]:
    """Return all public keys by key ID. Raises ServiceUnavailable."""
    _cache.load()
    return {kid: _parse_public_key(key.pem) for kid, key in _cache.keys.items()}


def get_signing_key() -> tuple[str, ec.EllipticCurvePrivateKey]:
    """Return the key that signs now, with its key ID. Creates the first one. Raises ServiceUnavailable."""
    if _cache.is_older_than(_RELOAD_INTERVAL):
        _cache.load()
    now = clock.now()
    active = [key for key in _cache.keys.values() if key.activates_at <= now]
    key = max(active, key=lambda each: each.number) if active else _create_key(1, lead_time=timedelta())
    return key.kid, _get_private_key(key.number)


def rotate_signing_keys() -> PublicKey:
    """Create the next key, and delete those that signed no token which is still valid. Raises ServiceUnavailable."""
    _cache.load()
    newest = max(_cache.keys.values(), key=lambda each: each.number, default=None)
    if newest is None:
        return _create_key(1, lead_time=timedelta())
    now = clock.now()
    if newest.activates_at > now:
        return newest  # another call created it a moment ago
    if newest.activates_at < now - _RETIRE_AFTER:
        for key in [each for each in _cache.keys.values() if each is not newest]:
            _delete_key(key)
    return _create_key(newest.number + 1, lead_time=PUBLISH_LEAD_TIME)


def rotate_signing_keys_if_due() -> int:
    """Create the next key if the newest is 30 days old. Return the number of new keys. Raises ServiceUnavailable.

    It is called every day, so that a call that is lost delays the rotation by a day.
    """
    _cache.load()
    newest = max((key.activates_at for key in _cache.keys.values()), default=None)
    if newest is not None and newest > clock.now() - _ROTATE_AFTER:
        return 0
    rotate_signing_keys()
    return 1


def _create_key(number: int, *, lead_time: timedelta) -> PublicKey:
    """Create the key with this number, or return the one that another process created."""
    pem = parameters.get(_parameter_name(number)) or parameters.create_if_absent(
        _parameter_name(number), _generate_private_key_pem()
    )
    private_key = load_pem_private_key(pem.encode(), None)
    public_pem = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key = PublicKey(ids.sha256_hex(public_pem)[:16], number, public_pem, clock.now() + lead_time)
    with contextlib.suppress(AlreadyPublished), Transaction() as tx:
        store.publish_key(tx, key)
    _cache.load()
    return _cache.keys.get(key.kid, key)


def _delete_key(key: PublicKey) -> None:
    # The record goes last: if the process stops in between, the next rotation finds the record and deletes both again.
    parameters.delete(_parameter_name(key.number))
    with Transaction() as tx:
        store.delete_key(tx, key.kid)
    del _cache.keys[key.kid]


@cache
def _parse_public_key(pem: str) -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("The key is not an elliptic curve key.")
    return key


@cache
def _get_private_key(number: int) -> ec.EllipticCurvePrivateKey:
    pem = parameters.get(_parameter_name(number))
    key = load_pem_private_key((pem or "").encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("The signing key is not an elliptic curve key.")
    return key


def _generate_private_key_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _parameter_name(number: int) -> str:
    return f"signing-key-{number}"
