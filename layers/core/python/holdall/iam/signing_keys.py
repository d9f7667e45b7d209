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

from holdall import clock, ids, secrets
from holdall.iam.model import PublicKey, invalid_token
from holdall.iam.store import public_keys as store

NOTICE = timedelta(minutes=10)
_REMEMBERED = timedelta(hours=1)
_PATIENCE = 60.0  # seconds before an unknown key id may cause another read
_RELOADED = 300.0  # seconds after which whoever signs looks for a newer key

_known: dict[str, PublicKey] = {}
_loaded_at = float("-inf")


def public(kid: object) -> ec.EllipticCurvePublicKey:
    """The public key of this id. Raises Unauthenticated for one that is not ours, and Unavailable."""
    # Where none is known yet, the first may have been made a moment ago, and signs without notice.
    if kid not in _known and (not _known or time.monotonic() - _loaded_at > _PATIENCE):
        _load()
    if not isinstance(kid, str) or kid not in _known:
        raise invalid_token()
    return _parsed(_known[kid].pem)


def published() -> dict[str, ec.EllipticCurvePublicKey]:
    """All public keys, by id. Raises Unavailable."""
    _load()
    return {kid: _parsed(key.pem) for kid, key in _known.items()}


def signing() -> tuple[str, ec.EllipticCurvePrivateKey]:
    """The key that signs now, with its id; the first is made when there is none. Raises Unavailable."""
    if time.monotonic() - _loaded_at > _RELOADED:
        _load()
    now = clock.now()
    due = [key for key in _known.values() if key.signs_from <= now]
    key = max(due, key=lambda each: each.number) if due else _make(1, signs_in=timedelta())
    return key.kid, _private(key.number)


def rotate() -> PublicKey:
    """Make the next key, which signs in ten minutes, and forget what nobody needs. Raises Unavailable."""
    _load()
    now = clock.now()
    newest = max(_known.values(), key=lambda each: each.number, default=None)
    if newest is not None and newest.signs_from > now:
        return newest  # one is on its way
    for key in [each for each in _known.values() if newest and each.number < newest.number]:
        if newest and newest.signs_from < now - _REMEMBERED:
            # The row goes last: stopped in between, the next rotation finds it and does both again.
            secrets.forget(_name(key.number))
            store.withdraw_key(key.kid)
            del _known[key.kid]
    return _make(newest.number + 1 if newest else 1, signs_in=NOTICE if newest else timedelta())


def _make(number: int, *, signs_in: timedelta) -> PublicKey:
    """The key with this number, made unless somebody did: its private half first, then the public, then it may sign."""
    pem = secrets.read(_name(number)) or secrets.write_once(_name(number), _new_key())
    private = load_pem_private_key(pem.encode(), None)
    public_pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key = PublicKey(ids.digest(public_pem)[:16], number, public_pem, clock.now() + signs_in)
    store.publish_key(key)
    _load()
    return _known.get(key.kid, key)


def _load() -> None:
    global _loaded_at  # noqa: PLW0603  # keys are loaded once per process
    fresh = {key.kid: key for key in store.public_keys()}
    _known.clear()
    _known.update(fresh)
    _loaded_at = time.monotonic()


@cache
def _parsed(pem: str) -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("This is no key of an elliptic curve.")
    return key


@cache
def _private(number: int) -> ec.EllipticCurvePrivateKey:
    pem = secrets.read(_name(number))
    key = load_pem_private_key((pem or "").encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("The signing key is no key of an elliptic curve.")
    return key


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _name(number: int) -> str:
    return f"signing-key-{number}"
