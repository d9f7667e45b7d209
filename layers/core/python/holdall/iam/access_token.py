"""Access tokens: short-lived JWTs (RFC 7519, profile of RFC 9068) that any function verifies and only `auth` signs.

What RFC 8725 asks beyond what PyJWT does stands here: the strict compact form before anything is parsed, one algorithm, a
fixed set of header keys, the type, and the types and span of the times.
"""

import re
import time
from datetime import timedelta
from functools import cache

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jwt.algorithms import ECAlgorithm

from holdall import clock, ids, secrets
from holdall.config import settings
from holdall.iam import store
from holdall.iam.model import Claims, invalid_token

LIFETIME = timedelta(minutes=15)
_AUDIENCE = "holdall"
_TYPE = "at+jwt"
_LEEWAY = 30  # seconds
_COMPACT = re.compile(r"[A-Za-z0-9_-]{1,512}\.[A-Za-z0-9_-]{1,2048}\.[A-Za-z0-9_-]{86}")
_REQUIRED = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]
_PATIENCE = 60.0  # seconds before unknown key ids may cause another read
_SIGNING_KEY = "signing-key"

_public_keys: dict[str, ec.EllipticCurvePublicKey] = {}
_loaded_at = float("-inf")


def issue(user_id: str, session_id: str) -> str:
    """A token for one session, valid for LIFETIME. Raises Unavailable."""
    kid, key = _private_key()
    now = int(clock.now().timestamp())
    claims = {
        "iss": settings().public_url,
        "aud": _AUDIENCE,
        "sub": user_id,
        "sid": session_id,
        "jti": ids.new_id(),
        "iat": now,
        "exp": now + int(LIFETIME.total_seconds()),
    }
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": kid, "typ": _TYPE})


def verify(token: str) -> Claims:
    """What a token says. Raises Unauthenticated for whatever is not exactly one of ours, alive."""
    if not _COMPACT.fullmatch(token):
        raise invalid_token()
    try:
        header = jwt.get_unverified_header(token)
        if set(header) != {"alg", "kid", "typ"} or header["alg"] != "ES256" or header["typ"] != _TYPE:
            raise invalid_token()
        claims = jwt.decode(
            token,
            _public_key(header["kid"]),
            algorithms=["ES256"],
            audience=_AUDIENCE,
            issuer=settings().public_url,
            leeway=_LEEWAY,
            options={"require": _REQUIRED, "verify_iat": False, "verify_exp": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise invalid_token() from error
    issued, expires = claims["iat"], claims["exp"]
    now = clock.now().timestamp()  # PyJWT would ask the system; and it takes a text for a time
    timely = type(issued) is int and type(expires) is int and issued - _LEEWAY <= now < expires + _LEEWAY
    if not timely or not 0 < expires - issued <= LIFETIME.total_seconds():
        raise invalid_token()
    if not all(isinstance(claims[name], str) and ids.is_id(claims[name]) for name in ("sub", "sid")):
        raise invalid_token()
    return Claims(claims["sub"], claims["sid"])


def public_jwks() -> list[dict[str, str]]:
    """The public keys for other verifiers, as JSON Web Keys (RFC 7517). Raises Unavailable."""
    _load()
    return [_as_jwk(kid, key) for kid, key in _public_keys.items()]


def _public_key(kid: object) -> ec.EllipticCurvePublicKey:
    if kid not in _public_keys and time.monotonic() - _loaded_at > _PATIENCE:
        _load()
    if not isinstance(kid, str) or kid not in _public_keys:
        raise invalid_token()
    return _public_keys[kid]


def _load() -> None:
    global _loaded_at  # noqa: PLW0603  # keys are loaded once per process
    for kid, pem in store.public_keys():
        key = load_pem_public_key(pem.encode())
        if isinstance(key, ec.EllipticCurvePublicKey):
            _public_keys[kid] = key
    _loaded_at = time.monotonic()


@cache
def _private_key() -> tuple[str, ec.EllipticCurvePrivateKey]:
    """The key that signs, made at first use. Its public half is published before it signs anything."""
    pem = secrets.read(_SIGNING_KEY) or secrets.write_once(_SIGNING_KEY, _new_key())
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("The signing key is no key of an elliptic curve.")
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    kid = ids.digest(public)[:16]
    if kid not in _public_keys:
        store.publish_key(kid, public)
    return kid, key


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _as_jwk(kid: str, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": kid, "alg": "ES256", "use": "sig"}
