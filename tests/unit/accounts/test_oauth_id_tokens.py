"""ID tokens: what is not exactly what we asked for is refused (S6; OpenID Connect Core 3.1.3.7, RFC 8725)."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from holdall.accounts.oauth import id_token
from holdall.accounts.oauth.providers import Identity
from holdall.platform.errors import ServiceUnavailable, Unauthenticated
from tests.support.oidc_issuer import (
    ACCESS_TOKEN,
    CLAIMS,
    ISSUER_URL,
    NOW,
    FakeIssuer,
    get_private_key,
    install_fake_issuer,
    public_jwk,
    sign_id_token,
)


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    return install_fake_issuer(monkeypatch)


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def build_token(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    return ".".join(
        (base64url(json.dumps(header).encode()), base64url(json.dumps(claims).encode()), base64url(signature))
    )


def assert_rejected(issuer: FakeIssuer, token: str, reason: str) -> None:
    issuer.return_id_token(token)
    with pytest.raises(Unauthenticated) as caught:
        issuer.exchange()
    assert (caught.value.code, issuer.failure_reasons) == ("oauth_failed", [f"id_token.{reason}"])


@pytest.mark.parametrize(
    ("algorithm", "hashed"), [("RS256", "sha256"), ("PS256", "sha256"), ("ES256", "sha256"), ("EdDSA", "sha512")]
)
def test_a_token_as_it_should_be(issuer: FakeIssuer, algorithm: str, hashed: str) -> None:
    whole = hashlib.new(hashed, ACCESS_TOKEN.encode()).digest()
    issuer.responses["/jwks"] = {
        "keys": [public_jwk(get_private_key(algorithm), kid=algorithm, alg=algorithm, use="sig")]
    }
    issuer.return_id_token(
        sign_id_token(CLAIMS | {"at_hash": base64url(whole[: len(whole) // 2]), "azp": "us"}, algorithm)
    )

    assert issuer.exchange() == Identity(ISSUER_URL, "person-1", "ada@example.test", True, "Ada")  # noqa: FBT003


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://other.example.test"}, "InvalidIssuerError"),
        ({"iss": f"{ISSUER_URL}/"}, "InvalidIssuerError"),
        ({"iss": [ISSUER_URL]}, "InvalidIssuerError"),
        ({"iss": None}, "MissingRequiredClaimError"),
        ({"aud": "them"}, "InvalidAudienceError"),
        ({"aud": ["them"]}, "InvalidAudienceError"),
        ({"aud": {"us": 1}}, "InvalidAudienceError"),
        ({"aud": None}, "MissingRequiredClaimError"),
        ({"aud": ["us", "them"]}, "azp"),
        ({"aud": ["us", "them"], "azp": "them"}, "azp"),
        ({"azp": "them"}, "azp"),
        ({"sub": None}, "MissingRequiredClaimError"),
        ({"sub": ""}, "subject"),
        ({"sub": "x" * 256}, "subject"),
        ({"sub": "Ädä"}, "subject"),
        ({"sub": 1}, "InvalidSubjectError"),
        ({"nonce": None}, "MissingRequiredClaimError"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": ["a nonce"]}, "nonce"),
        ({"nonce": "ä nonce"}, "nonce"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"exp": NOW - 60}, "times"),
        ({"exp": str(NOW + 300)}, "times"),
        ({"exp": float("nan")}, "times"),
        ({"exp": True}, "times"),
        ({"iat": None}, "MissingRequiredClaimError"),
        ({"iat": NOW + 61}, "times"),
        ({"iat": float("nan")}, "times"),
        ({"nbf": NOW + 61}, "times"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
        ({"at_hash": 1}, "at_hash"),
    ],
)
def test_a_claim_that_is_not_as_we_asked(issuer: FakeIssuer, claims: dict[str, Any], reason: str) -> None:
    said = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    # PyJWT does not sign all of these, so they are put in place of what it signed, and signed again.
    token = sign_id_token({"put": "here"})
    header, _, _ = token.split(".")
    body = base64url(json.dumps(said).encode())
    signature = sign_es256(f"{header}.{body}".encode())

    assert_rejected(issuer, f"{header}.{body}.{base64url(signature)}", reason)


def sign_es256(content: bytes) -> bytes:
    """What ES256 makes of it."""
    return ECAlgorithm(ECAlgorithm.SHA256).sign(content, get_private_key("ES256"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 59},
        {"iat": NOW + 60},
        {"nbf": NOW},
        {"exp": NOW + 0.5},
        {"aud": ["us"]},
        {"aud": ["us", "x"], "azp": "us"},
    ],
)
def test_clocks_may_differ_and_others_may_read_along(issuer: FakeIssuer, claims: dict[str, Any]) -> None:
    issuer.return_id_token(sign_id_token(CLAIMS | claims))

    assert issuer.exchange().subject == "person-1"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"kid": "unknown"}, "key"),
        ({"kid": 7}, "header"),
        ({"typ": "at+jwt"}, "header"),
        ({"typ": 1}, "header"),
        ({"jku": f"{ISSUER_URL}/jwks"}, "header"),
        ({"x5u": f"{ISSUER_URL}/jwks"}, "header"),
        ({"jwk": {}}, "header"),
        ({"crit": ["exp"]}, "header"),
        ({"alg": "ES512"}, "algorithm"),
        ({"alg": "HS256"}, "algorithm"),
        ({"alg": ["ES256"]}, "algorithm"),
        ({"alg": None}, "algorithm"),
        ({"alg": "RS256"}, "key"),
        ({"alg": "EdDSA"}, "key"),
    ],
)
def test_a_header_that_leads_elsewhere(issuer: FakeIssuer, header: dict[str, Any], reason: str) -> None:
    said = {"alg": "ES256", "kid": "ES256", "typ": "JWT"} | header
    body = base64url(json.dumps(said).encode()) + "." + base64url(json.dumps(CLAIMS).encode())

    assert_rejected(issuer, f"{body}.{base64url(sign_es256(body.encode()))}", reason)


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
def test_no_signature_at_all(issuer: FakeIssuer, algorithm: str) -> None:
    token = build_token({"alg": algorithm, "typ": "JWT"}, CLAIMS, b"")

    assert_rejected(issuer, token, "form")
    issuer.failure_reasons.clear()
    assert_rejected(issuer, f"{token}AAAA", "algorithm")


def test_the_public_key_taken_for_a_shared_secret(issuer: FakeIssuer) -> None:
    private = get_private_key("RS256")
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    issuer.responses["/jwks"] = {"keys": [public_jwk(private, kid="RS256")]}
    body = build_token({"alg": "HS256", "typ": "JWT", "kid": "RS256"}, CLAIMS, b"").rstrip(".")

    assert_rejected(issuer, f"{body}.{base64url(hmac.digest(public, body.encode(), 'sha256'))}", "algorithm")


@pytest.mark.parametrize(
    "said",
    [
        {"alg": "RS256"},
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": 1},
        {"kid": "another"},
        {"kty": "oct"},
        {"crv": "P-256"},
    ],
)
def test_a_key_that_was_made_for_something_else(issuer: FakeIssuer, said: dict[str, Any]) -> None:
    issuer.responses["/jwks"] = {"keys": [public_jwk(get_private_key("PS256"), kid="PS256") | said]}

    assert_rejected(issuer, sign_id_token(CLAIMS, "PS256"), "key")


def test_the_signature_of_another_key(issuer: FakeIssuer) -> None:
    assert_rejected(issuer, sign_id_token(CLAIMS, private_key=get_private_key("ES256", 1)), "InvalidSignatureError")


def test_a_key_that_is_too_short(issuer: FakeIssuer) -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505  # this is what is refused
    issuer.responses["/jwks"] = {"keys": [public_jwk(weak, kid="RS256")]}
    body = build_token({"alg": "RS256", "kid": "RS256"}, CLAIMS, b"").rstrip(".")

    assert_rejected(issuer, f"{body}.{base64url(b'x' * 128)}", "InvalidKeyError")


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c.d", "a.b.c\n", " a.b.c", "ä.b.c", "a.b.c" * 9999, "e30.e30.e30", "AA.AA.AA"]
)
def test_what_is_no_token(issuer: FakeIssuer, token: str) -> None:
    issuer.return_id_token(token)

    with pytest.raises((Unauthenticated, ServiceUnavailable)):
        issuer.exchange()


def test_keys_are_read_once(issuer: FakeIssuer) -> None:
    issuer.exchange()
    issuer.exchange()

    assert issuer.requested_paths() == ["/.well-known/openid-configuration", "/token", "/jwks", "/token"]


def test_a_new_key_is_found(issuer: FakeIssuer) -> None:
    issuer.exchange()
    age_cached_keys(61)
    issuer.responses["/jwks"] = {"keys": [public_jwk(get_private_key("EdDSA"), kid="EdDSA")]}
    issuer.return_id_token(sign_id_token(CLAIMS, "EdDSA"))

    assert issuer.exchange().subject == "person-1"


def test_unknown_keys_cause_one_read_a_minute(issuer: FakeIssuer) -> None:
    issuer.exchange()
    issuer.return_id_token(sign_id_token(CLAIMS, kid="unknown"))
    for seconds in (0, 59, 2, 0):
        age_cached_keys(seconds)
        with pytest.raises(Unauthenticated):
            issuer.exchange()

    assert issuer.requested_paths().count("/jwks") == 2


def test_a_key_that_was_withdrawn_is_forgotten(issuer: FakeIssuer) -> None:
    issuer.exchange()
    age_cached_keys(3601)
    issuer.responses["/jwks"] = {"keys": []}

    with pytest.raises(Unauthenticated):
        issuer.exchange()


def test_one_key_needs_no_name(issuer: FakeIssuer) -> None:
    issuer.return_id_token(sign_id_token(CLAIMS, kid=None))
    assert issuer.exchange().subject == "person-1"

    age_cached_keys(3601)
    issuer.responses["/jwks"] = {
        "keys": [public_jwk(get_private_key("ES256", number), kid=f"{number}") for number in (0, 1)]
    }
    assert_rejected(issuer, sign_id_token(CLAIMS, kid=None), "key")


def age_cached_keys(seconds: float) -> None:
    """Make what is known of keys older. A test that finds nothing known has gone wrong before."""
    before = dict(id_token._jwks_cache)
    assert before
    assert all(each.fetched_at <= time.monotonic() for each in before.values())
    id_token._jwks_cache.update(
        {url: replace(each, fetched_at=each.fetched_at - seconds) for url, each in before.items()}
    )
