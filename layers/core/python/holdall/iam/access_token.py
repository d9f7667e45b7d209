"""Access tokens: short-lived JWTs (RFC 7519, profile of RFC 9068) that any function verifies and only `auth` signs.

What RFC 8725 asks beyond what PyJWT does stands here: the strict compact form before anything is parsed, one algorithm, a
fixed set of header keys, the type, and the types and span of the times.
"""

import re
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from holdall.iam import signing_keys
from holdall.iam.model import SessionCredentials, invalid_token
from holdall.platform import clock, ids
from holdall.platform.config import settings

LIFETIME = timedelta(minutes=15)
_AUDIENCE = "holdall"
_TYPE = "at+jwt"
_LEEWAY = 30  # seconds
_COMPACT = re.compile(r"[A-Za-z0-9_-]{1,512}\.[A-Za-z0-9_-]{1,2048}\.[A-Za-z0-9_-]{86}")
_REQUIRED_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]


def issue(user_id: str, session_id: str, lifetime: timedelta = LIFETIME) -> str:
    """A token for one session, valid for LIFETIME at the most: a longer one no door would take. Raises Unavailable."""
    kid, key = signing_keys.current()
    now = int(clock.now().timestamp())
    claims = {
        "iss": settings().public_url,
        "aud": _AUDIENCE,
        "sub": user_id,
        "sid": session_id,
        "jti": ids.new_id(),
        "iat": now,
        "exp": now + int(min(lifetime, LIFETIME).total_seconds()),
    }
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": kid, "typ": _TYPE})


def verify(token: str) -> SessionCredentials:
    """What a token says. Raises Unauthenticated for whatever is not exactly one of ours, alive."""
    if not _COMPACT.fullmatch(token):
        raise invalid_token()
    try:
        header = jwt.get_unverified_header(token)
        if set(header) != {"alg", "kid", "typ"} or header["alg"] != "ES256" or header["typ"] != _TYPE:
            raise invalid_token()
        claims = jwt.decode(
            token,
            signing_keys.get_public_key(header["kid"]),
            algorithms=["ES256"],
            audience=_AUDIENCE,
            issuer=settings().public_url,
            leeway=_LEEWAY,
            options={"require": _REQUIRED_CLAIMS, "verify_iat": False, "verify_exp": False},
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
    return SessionCredentials(claims["sub"], claims["sid"])


def list_jwks() -> list[dict[str, str]]:
    """The public keys for other verifiers, as JSON Web Keys (RFC 7517). Raises Unavailable."""
    return [_to_jwk(kid, key) for kid, key in signing_keys.list_public_keys().items()]


def _to_jwk(kid: str, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": kid, "alg": "ES256", "use": "sig"}
