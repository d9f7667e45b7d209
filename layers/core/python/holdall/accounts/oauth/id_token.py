"""ID tokens (OpenID Connect Core 1.0, sections 2 and 3.1.3.7), signed with keys that the issuer publishes (RFC 7517).

PyJWT verifies the signature, the audience and the issuer. This module adds what the standard and RFC 8725 require beyond that:
the strict compact form before anything is parsed, the header, the times, the nonce, azp and at_hash.
"""

import base64
import hashlib
import re
import time
from collections.abc import Sequence
from typing import Any

import jwt

from holdall.accounts.oauth.provider_client import ProviderClient
from holdall.platform import clock, ids

_COMPACT_FORM = re.compile(r"[A-Za-z0-9_-]{1,2048}\.[A-Za-z0-9_-]{1,32768}\.[A-Za-z0-9_-]{1,2048}")
_ALGORITHMS = {"RS256": ("RSA", None), "ES256": ("EC", "P-256")}  # with the type and the curve of the keys
_FORBIDDEN_HEADERS = frozenset({"crit", "jku", "jwk", "x5u"})
_TOKEN_TYPES = frozenset({"jwt", "application/jwt"})  # another type is another kind of token (RFC 8725, section 3.11)
_REQUIRED_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "nonce"]
_LEEWAY = 60  # seconds
_JWKS_TTL = 3600  # seconds
_JWKS_COOLDOWN = 60  # seconds until an unknown key ID may cause another request
_PARSE_ERRORS = (jwt.PyJWTError, ValueError, TypeError, RecursionError)


class JwksClient(jwt.PyJWKClient):
    """The keys of an issuer, cached by PyJWT and fetched by our client."""

    def __init__(self, client: ProviderClient, jwks_uri: str) -> None:
        super().__init__(jwks_uri, lifespan=_JWKS_TTL, cooldown_duration=_JWKS_COOLDOWN)
        self.client = client

    def fetch_data(self) -> dict[str, Any]:
        """Return the keys that may sign ID tokens. Raises ProviderUnavailable."""
        response = self.client.get(self.uri)
        keys = response.get("keys")
        if response.status != 200 or not isinstance(keys, list):
            raise self.client.unavailable("jwks")
        self._last_successful_fetch = time.monotonic()  # starts the cooldown, as the method of PyJWT does
        return {"keys": [key for key in keys if _is_signing_key(key)]}


def verify_id_token(
    token: str, jwks: JwksClient, *, client_id: str, issuers: Sequence[str], nonce: str, access_token: str
) -> dict[str, Any]:
    """Return the claims of an ID token. Raises OAuthFailed and ProviderUnavailable."""
    key = _get_key(jwks, token)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=client_id,
            issuer=issuers,
            options={
                "require": _REQUIRED_CLAIMS,
                "enforce_minimum_key_length": True,
                # PyJWT reads the system's clock, and accepts a string as a time, so the times are checked below.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except _PARSE_ERRORS as error:
        raise jwks.client.failed(f"id_token.{type(error).__name__}") from error
    if failure := _find_failure(claims, client_id, nonce, access_token):
        raise jwks.client.failed(f"id_token.{failure}")
    return claims


def _get_key(jwks: JwksClient, token: str) -> jwt.PyJWK:
    """Return the key that the header of a token names."""
    if not _COMPACT_FORM.fullmatch(token):
        raise jwks.client.failed("id_token.form")
    try:
        header = jwt.get_unverified_header(token)
    except _PARSE_ERRORS as error:
        raise jwks.client.failed("id_token.header") from error
    token_type, kid = header.get("typ", "JWT"), header.get("kid")
    if _FORBIDDEN_HEADERS & set(header) or not isinstance(token_type, str) or token_type.lower() not in _TOKEN_TYPES:
        raise jwks.client.failed("id_token.header")
    if header.get("alg") not in list(_ALGORITHMS):  # a list, because the value may not be hashable
        raise jwks.client.failed("id_token.algorithm")
    try:
        return jwks.get_signing_key(kid or "")
    except _PARSE_ERRORS as error:
        raise jwks.client.failed("id_token.key") from error


def _is_signing_key(key: Any) -> bool:
    """Return whether a JWK is for one of our algorithms, and for signatures, as far as it says."""
    return isinstance(key, dict) and any(
        (key.get("kty"), key.get("crv")) == key_type
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
        and key.get("key_ops", ["verify"]) == ["verify"]
        for algorithm, key_type in _ALGORITHMS.items()
    )


def _find_failure(claims: dict[str, Any], client_id: str, nonce: str, access_token: str) -> str | None:
    """Return the first claim that is not valid, or None."""
    times = {name: claims[name] for name in ("iat", "exp", "nbf") if name in claims}
    if not all(type(value) in (int, float) for value in times.values()):
        return "times"
    valid_from = max(times["iat"], times.get("nbf", times["iat"]))
    # A comparison with NaN, which Python's JSON accepts, is false.
    if not valid_from - _LEEWAY <= clock.real_now().timestamp() < times["exp"] + _LEEWAY:
        return "times"
    # The token was issued to us, and not to another client that may read it (section 3.1.3.7, rules 3 to 5).
    has_several_audiences = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (has_several_audiences or "azp" in claims) and claims.get("azp") != client_id:
        return "azp"
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isascii():
        return "subject"
    actual_nonce = claims["nonce"]
    if (
        not isinstance(actual_nonce, str)
        or not actual_nonce.isascii()
        or not ids.constant_time_equal(actual_nonce, nonce)
    ):
        return "nonce"
    if "at_hash" in claims and claims["at_hash"] != _at_hash(access_token):
        return "at_hash"
    return None


def _at_hash(access_token: str) -> str:
    """Return the left half of the SHA-256 hash of an access token (section 3.1.3.6). Both of our algorithms use SHA-256."""
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
