"""ID tokens: every deviation from what we asked for is rejected (S6; OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725)."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from holdall.accounts.oauth.model import Identity, OAuthFailed, ProviderUnavailable
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


def encode_token(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return a token without its signature."""
    return f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"


def sign_es256(text: str) -> str:
    """Return a token with its signature. PyJWT refuses to sign some of the tokens of these tests."""
    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(text.encode(), get_private_key("ES256"))  # type: ignore[arg-type]
    return f"{text}.{base64url(signature)}"


def assert_rejected(issuer: FakeIssuer, token: str, reason: str) -> None:
    issuer.return_id_token(token)
    with pytest.raises(OAuthFailed):
        issuer.exchange()
    assert issuer.failure_reasons == [f"id_token.{reason}"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_valid_token_is_the_identity(issuer: FakeIssuer, algorithm: str) -> None:
    digest = hashlib.sha256(ACCESS_TOKEN.encode()).digest()
    key = public_jwk(get_private_key(algorithm), kid=algorithm, alg=algorithm, use="sig")
    issuer.responses["/jwks"] = {"keys": [key]}
    issuer.return_id_token(sign_id_token(CLAIMS | {"at_hash": base64url(digest[:16]), "azp": "us"}, algorithm))

    assert issuer.exchange() == Identity(
        issuer=ISSUER_URL, subject="person-1", email="ada@example.test", email_verified=True, name="Ada"
    )


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
        ({"nonce": "\ud800"}, "nonce"),
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
def test_token_with_an_invalid_claim_is_rejected(issuer: FakeIssuer, claims: dict[str, Any], reason: str) -> None:
    values = {name: value for name, value in (CLAIMS | claims).items() if value is not None}

    assert_rejected(issuer, sign_es256(encode_token({"alg": "ES256", "kid": "ES256", "typ": "JWT"}, values)), reason)


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
def test_clocks_may_differ_by_a_minute_and_a_token_may_have_several_audiences(
    issuer: FakeIssuer, claims: dict[str, Any]
) -> None:
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
        ({"alg": "PS256"}, "algorithm"),
        ({"alg": "EdDSA"}, "algorithm"),
        ({"alg": "RS256"}, "InvalidAlgorithmError"),
    ],
)
def test_token_with_an_invalid_header_is_rejected(issuer: FakeIssuer, header: dict[str, Any], reason: str) -> None:
    text = encode_token({"alg": "ES256", "kid": "ES256", "typ": "JWT"} | header, CLAIMS)

    assert_rejected(issuer, sign_es256(text), reason)


def test_token_without_a_key_id_is_rejected(issuer: FakeIssuer) -> None:
    assert_rejected(issuer, sign_id_token(CLAIMS, kid=None), "key")


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
def test_token_without_a_signature_is_rejected(issuer: FakeIssuer, algorithm: str) -> None:
    token = f"{encode_token({'alg': algorithm, 'typ': 'JWT'}, CLAIMS)}."

    assert_rejected(issuer, token, "form")
    issuer.failure_reasons.clear()
    assert_rejected(issuer, f"{token}AAAA", "algorithm")


def test_public_key_is_not_a_shared_secret(issuer: FakeIssuer) -> None:
    private = get_private_key("RS256")
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    issuer.responses["/jwks"] = {"keys": [public_jwk(private, kid="RS256")]}
    text = encode_token({"alg": "HS256", "typ": "JWT", "kid": "RS256"}, CLAIMS)

    assert_rejected(issuer, f"{text}.{base64url(hmac.digest(public, text.encode(), 'sha256'))}", "algorithm")


@pytest.mark.parametrize(
    "key",
    [
        {"alg": "PS256"},
        {"alg": "ES256"},
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": 1},
        {"kid": "another"},
        {"kty": "oct"},
        {"crv": "P-256"},
    ],
)
def test_key_for_another_purpose_is_not_used(issuer: FakeIssuer, key: dict[str, Any]) -> None:
    issuer.responses["/jwks"] = {"keys": [public_jwk(get_private_key("RS256"), kid="RS256") | key]}

    assert_rejected(issuer, sign_id_token(CLAIMS, "RS256"), "key")


def test_signature_of_another_key_is_rejected(issuer: FakeIssuer) -> None:
    assert_rejected(issuer, sign_id_token(CLAIMS, private_key=get_private_key("ES256", 1)), "InvalidSignatureError")


def test_short_key_is_rejected(issuer: FakeIssuer) -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505  # the test is about a weak key
    issuer.responses["/jwks"] = {"keys": [public_jwk(weak, kid="RS256")]}
    text = encode_token({"alg": "RS256", "kid": "RS256"}, CLAIMS)

    assert_rejected(issuer, f"{text}.{base64url(b'x' * 128)}", "InvalidKeyError")


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c.d", "a.b.c\n", " a.b.c", "ä.b.c", "a.b.c" * 9999, "e30.e30.e30", "AA.AA.AA"]
)
def test_text_that_is_not_a_token_is_rejected(issuer: FakeIssuer, token: str) -> None:
    issuer.return_id_token(token)

    with pytest.raises((OAuthFailed, ProviderUnavailable)):
        issuer.exchange()


def test_keys_are_cached(issuer: FakeIssuer) -> None:
    issuer.exchange()
    issuer.exchange()

    assert issuer.requested_paths() == ["/.well-known/openid-configuration", "/token", "/jwks", "/token"]


def test_new_key_is_found_after_the_cooldown(issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.exchange()
    advance_monotonic_clock(monkeypatch, 61)
    issuer.responses["/jwks"] = {"keys": [public_jwk(get_private_key("RS256"), kid="RS256")]}
    issuer.return_id_token(sign_id_token(CLAIMS, "RS256"))

    assert issuer.exchange().subject == "person-1"


def test_unknown_keys_cause_one_request_a_minute(issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.exchange()
    issuer.return_id_token(sign_id_token(CLAIMS, kid="unknown"))
    for seconds in (0, 59, 2, 0):
        advance_monotonic_clock(monkeypatch, seconds)
        with pytest.raises(OAuthFailed):
            issuer.exchange()

    assert issuer.requested_paths().count("/jwks") == 2


def test_withdrawn_key_is_rejected_after_an_hour(issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.exchange()
    advance_monotonic_clock(monkeypatch, 3601)
    issuer.responses["/jwks"] = {"keys": []}

    with pytest.raises(OAuthFailed):
        issuer.exchange()


def test_cached_keys_survive_an_outage_of_the_issuer(issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.exchange()
    del issuer.responses["/jwks"]
    advance_monotonic_clock(monkeypatch, 61)
    known = issuer.responses["/token"]
    issuer.return_id_token(sign_id_token(CLAIMS, kid="unknown"))
    with pytest.raises(ProviderUnavailable):
        issuer.exchange()

    issuer.responses["/token"] = known
    assert issuer.exchange().subject == "person-1"


def advance_monotonic_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let time pass for the caches."""
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + seconds)
