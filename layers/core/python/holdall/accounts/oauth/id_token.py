"""ID tokens (OpenID Connect Core 1.0, sections 2 and 3.1.3.7), signed by keys that the issuer publishes (RFC 7517).

PyJWT verifies signatures, audience and issuer. What the standard and RFC 8725 ask beyond that stands here: the strict form
before anything is parsed, algorithms by list and by key, the header keys that lead elsewhere, times, nonce, azp and at_hash.
"""

import base64
import hashlib
import re
import time
from dataclasses import dataclass
from typing import Any, Final, cast

import jwt

from holdall.accounts.oauth.model import Provider, oauth_failed, provider_unavailable
from holdall.accounts.oauth.provider_client import ProviderClient
from holdall.platform import clock, ids

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]{1,2048}\.[A-Za-z0-9_-]{1,32768}\.[A-Za-z0-9_-]{1,2048}")
# Algorithm: type and curve of its keys, and the hash that at_hash is made with.
_ALGORITHMS: Final = {
    "RS256": ("RSA", None, "sha256"),
    "PS256": ("RSA", None, "sha256"),
    "ES256": ("EC", "P-256", "sha256"),
    "EdDSA": ("OKP", "Ed25519", "sha512"),
}
_FORBIDDEN_HEADERS: Final = frozenset({"crit", "jku", "jwk", "x5u"})
_TOKEN_TYPES: Final = frozenset(
    {"jwt", "application/jwt"}
)  # another says that it is another kind of token (RFC 8725, 3.11)
_REQUIRED_CLAIMS: Final = ["iss", "sub", "aud", "exp", "iat", "nonce"]
_LEEWAY: Final = 60  # seconds, as this clock is not ours
_CACHE_TTL: Final = 3600.0  # seconds that a key is believed in without being seen again
_REFETCH_INTERVAL: Final = 60.0  # seconds before an unknown key may cause another read


@dataclass(frozen=True)
class _CachedJwks:
    """The keys at one address, and when they were read."""

    keys: list[Any]
    fetched_at: float


_jwks_cache: dict[str, _CachedJwks] = {}


def verify(
    provider_client: ProviderClient, token: str, *, jwks_uri: str, nonce: str, access_token: str
) -> dict[str, Any]:
    """What an ID token says. Raises Unauthenticated for one that is not ours, whole and alive; and Unavailable."""
    provider = provider_client.provider
    algorithm, kid = _parse_header(provider, token)
    jwk = _get_key(provider_client, jwks_uri, kid, algorithm)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(jwk, algorithm).key,
            algorithms=[algorithm],
            audience=provider.client_id,
            issuer=[provider.issuer, *provider.issuer_aliases],
            options={
                "require": _REQUIRED_CLAIMS,
                "enforce_minimum_key_length": True,
                "verify_exp": False,  # it would ask the system for the time, and take a text for one
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise oauth_failed(provider, f"id_token.{type(error).__name__}") from error
    _check_times(provider, claims)
    _check_authorized_party(provider, claims)
    said = claims["nonce"]
    if not isinstance(said, str) or not said.isascii() or not ids.constant_time_equal(said, nonce):
        raise oauth_failed(provider, "id_token.nonce")
    if "at_hash" in claims and claims["at_hash"] != _at_hash(access_token, algorithm):
        raise oauth_failed(provider, "id_token.at_hash")
    return claims


def _parse_header(provider: Provider, token: str) -> tuple[str, str | None]:
    """The algorithm and the key that a token names, both unproven."""
    if not _COMPACT.fullmatch(token):
        raise oauth_failed(provider, "id_token.form")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise oauth_failed(provider, "id_token.header") from error
    kind, algorithm, kid = header.get("typ", "JWT"), header.get("alg"), header.get("kid")
    if _FORBIDDEN_HEADERS & set(header) or not isinstance(kind, str) or kind.lower() not in _TOKEN_TYPES:
        raise oauth_failed(provider, "id_token.header")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise oauth_failed(provider, "id_token.algorithm")
    if kid is not None and not isinstance(kid, str):
        raise oauth_failed(provider, "id_token.header")
    return algorithm, kid


def _get_key(provider_client: ProviderClient, jwks_uri: str, kid: str | None, algorithm: str) -> dict[str, Any]:
    """The published key that a token names, read again at most once a minute: unknown names must not make us a hammer."""
    known = _jwks_cache.get(jwks_uri)
    if known is None or time.monotonic() - known.fetched_at > _CACHE_TTL:
        known = _fetch_jwks(provider_client, jwks_uri)
    found = _matching_keys(known.keys, kid, algorithm)
    if not found and time.monotonic() - known.fetched_at > _REFETCH_INTERVAL:
        found = _matching_keys(_fetch_jwks(provider_client, jwks_uri).keys, kid, algorithm)
    # A token need not name its key when there is but one (OpenID Connect Core, 10.1).
    if not found or (kid is None and len(found) > 1):
        raise oauth_failed(provider_client.provider, "id_token.key")
    return found[0]


def _fetch_jwks(provider_client: ProviderClient, jwks_uri: str) -> _CachedJwks:
    answer = provider_client.get(jwks_uri)
    keys = answer.get("keys")
    if answer.status != 200 or not isinstance(keys, list):
        raise provider_unavailable(provider_client.provider, "jwks")
    _jwks_cache[jwks_uri] = _CachedJwks(keys, time.monotonic())
    return _jwks_cache[jwks_uri]


def _matching_keys(keys: list[Any], kid: str | None, algorithm: str) -> list[dict[str, Any]]:
    """The keys that may have signed: of this name, and made for this algorithm and for signatures, as far as they say."""
    kty, curve, _ = _ALGORITHMS[algorithm]
    return [
        key
        for key in keys
        if isinstance(key, dict)
        and kid in (None, key.get("kid"))
        and (key.get("kty"), key.get("crv")) == (kty, curve)
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
        and key.get("key_ops", ["verify"]) == ["verify"]
    ]


def _check_times(provider: Provider, claims: dict[str, Any]) -> None:
    times = {name: claims[name] for name in ("iat", "exp", "nbf") if name in claims}
    if not all(type(each) in (int, float) for each in times.values()):
        raise oauth_failed(provider, "id_token.times")
    now = clock.now().timestamp()
    begins = max(times["iat"], times.get("nbf", times["iat"]))
    # As it stands, it is false of what is no number, which Python's JSON knows.
    if not begins - _LEEWAY <= now < times["exp"] + _LEEWAY:
        raise oauth_failed(provider, "id_token.times")


def _check_authorized_party(provider: Provider, claims: dict[str, Any]) -> None:
    """The token was asked for by us, and not by another of several that may read it (section 3.1.3.7, 3 to 5)."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise oauth_failed(provider, "id_token.azp")
    subject = cast("object", claims["sub"])
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isascii():
        raise oauth_failed(provider, "id_token.subject")


def _at_hash(access_token: str, algorithm: str) -> str:
    """The left half of the access token's hash (section 3.1.3.6)."""
    whole = hashlib.new(_ALGORITHMS[algorithm][2], access_token.encode()).digest()
    return base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
