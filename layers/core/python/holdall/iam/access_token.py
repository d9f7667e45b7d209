"""Access tokens: short-lived JWTs (RFC 7519, profile of RFC 9068). `auth` signs them, and every function verifies them.

This module adds what RFC 8725 requires and PyJWT does not check: the strict compact form before anything is parsed, one
algorithm, a fixed set of header parameters, the type, and the types and the range of the times.
"""

import re
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from holdall.iam import signing_keys
from holdall.iam.model import InvalidToken, SessionCredentials
from holdall.iam.pyjwt import ECAlgorithm, jwt
from holdall.platform import clock, ids
from holdall.platform.config import settings

LIFETIME = timedelta(minutes=15)
_AUDIENCE = "holdall"
_TYPE = "at+jwt"
_LEEWAY = 30  # seconds
_COMPACT = re.compile(r"[A-Za-z0-9_-]{1,512}\.[A-Za-z0-9_-]{1,2048}\.[A-Za-z0-9_-]{86}")
_REQUIRED_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]


def issue_access_token(user_id: str, session_id: str, lifetime: timedelta = LIFETIME) -> str:
    """Return a token of a session. It is valid for LIFETIME at most, because no function accepts a longer one.

    Raises ServiceUnavailable.
    """
    kid, key = signing_keys.get_signing_key()
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


def verify_access_token(token: str) -> SessionCredentials:
    """Return the user and the session of a token. Raises InvalidToken if it is not exactly one of Holdall's, and valid now."""
    if not _COMPACT.fullmatch(token):
        raise InvalidToken
    try:
        header = jwt.get_unverified_header(token)
        if set(header) != {"alg", "kid", "typ"} or header["alg"] != "ES256" or header["typ"] != _TYPE:
            raise InvalidToken
        claims = jwt.decode(
            token,
            signing_keys.get_public_key(header["kid"]),
            algorithms=["ES256"],
            audience=_AUDIENCE,
            issuer=settings().public_url,
            leeway=_LEEWAY,
            # PyJWT reads the system's clock, and accepts a string as a time, so the times are checked below.
            options={"require": _REQUIRED_CLAIMS, "verify_iat": False, "verify_exp": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise InvalidToken from error
    _check_times(claims["iat"], claims["exp"])
    if not all(isinstance(claims[name], str) and ids.is_id(claims[name]) for name in ("sub", "sid")):
        raise InvalidToken
    return SessionCredentials(claims["sub"], claims["sid"])


def list_jwks() -> list[dict[str, str]]:
    """Return the public keys as JSON Web Keys (RFC 7517), for other verifiers. Raises ServiceUnavailable."""
    return [_to_jwk(kid, key) for kid, key in signing_keys.list_public_keys().items()]


def _check_times(issued_at: object, expires_at: object) -> None:
    if type(issued_at) is not int or type(expires_at) is not int:
        raise InvalidToken
    if not issued_at - _LEEWAY <= clock.now().timestamp() < expires_at + _LEEWAY:
        raise InvalidToken
    if not 0 < expires_at - issued_at <= LIFETIME.total_seconds():
        raise InvalidToken


def _to_jwk(kid: str, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": kid, "alg": "ES256", "use": "sig"}
