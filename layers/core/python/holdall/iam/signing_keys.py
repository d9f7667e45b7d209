"""The keys of access tokens. Private halves are secrets that only `auth` reads; public ones are rows for all functions.

A key is published ten minutes before it signs, so that every verifier knows it by then, and stays published for an hour after
another took its place, so that its last tokens are still known. Keys have numbers: of two that make one at once, one wins.
"""

import time
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

from holdall.iam.model import PublicKey, invalid_token
from holdall.iam.store import public_keys as store
from holdall.platform import clock, ids, parameters

PUBLISH_LEAD_TIME = timedelta(minutes=10)
_RETIRE_AFTER = timedelta(hours=1)
_REFETCH_INTERVAL = 60.0  # seconds before an unknown key id may cause another read
_RELOAD_INTERVAL = 300.0  # seconds after which whoever signs looks for a newer key

_keys: dict[str, PublicKey] = {}
_loaded_at = float("-inf")


def get_public_key(kid: object) -> ec.EllipticCurvePublicKey:
    """The public key of this id. Raises Unauthenticated for one that is not ours, and Unavailable."""
    # Where none is known yet, the first may have been made a moment ago, and signs without notice.
    if kid not in _keys and (not _keys or time.monotonic() - _loaded_at > _REFETCH_INTERVAL):
        _load()
    if not isinstance(kid, str) or kid not in _keys:
        raise invalid_token()
    return _parse_public_key(_keys[kid].pem)


def list_public_keys() -> dict[str, ec.EllipticCurvePublicKey]:
    """All public keys, by id. Raises Unavailable."""
    _load()
    return {kid: _parse_public_key(key.pem) for kid, key in _keys.items()}


def current() -> tuple[str, ec.EllipticCurvePrivateKey]:
    """The key that signs now, with its id; the first is made when there is none. Raises Unavailable."""
    if time.monotonic() - _loaded_at > _RELOAD_INTERVAL:
        _load()
    now = clock.now()
    due = [key for key in _keys.values() if key.activates_at <= now]
    key = max(due, key=lambda each: each.number) if due else _create_key(1, lead_time=timedelta())
    return key.kid, _get_private_key(key.number)


def rotate() -> PublicKey:
    """Make the next key, which signs in ten minutes, and forget what nobody needs. Raises Unavailable."""
    _load()
    now = clock.now()
    newest = max(_keys.values(), key=lambda each: each.number, default=None)
    if newest is not None and newest.activates_at > now:
        return newest  # one is on its way
    for key in [each for each in _keys.values() if newest and each.number < newest.number]:
        if newest and newest.activates_at < now - _RETIRE_AFTER:
            # The row goes last: stopped in between, the next rotation finds it and does both again.
            parameters.delete(_parameter_name(key.number))
            store.delete_key(key.kid)
            del _keys[key.kid]
    return _create_key(newest.number + 1 if newest else 1, lead_time=PUBLISH_LEAD_TIME if newest else timedelta())


def _create_key(number: int, *, lead_time: timedelta) -> PublicKey:
    """The key with this number, made unless somebody did: its private half first, then the public, then it may sign."""
    pem = parameters.get(_parameter_name(number)) or parameters.create_if_absent(
        _parameter_name(number), _generate_private_key_pem()
    )
    private = load_pem_private_key(pem.encode(), None)
    public_pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key = PublicKey(ids.sha256_hex(public_pem)[:16], number, public_pem, clock.now() + lead_time)
    store.publish_key(key)
    _load()
    return _keys.get(key.kid, key)


def _load() -> None:
    global _loaded_at  # noqa: PLW0603  # keys are loaded once per process
    fresh = {key.kid: key for key in store.list_public_keys()}
    _keys.clear()
    _keys.update(fresh)
    _loaded_at = time.monotonic()


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
