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

from holdall.accounts import oauth_id_token
from holdall.accounts.oauth import Identity
from holdall.errors import Unauthenticated, Unavailable
from tests.unit.accounts.oauth_issuer import (
    CLAIMS,
    NOW,
    TOKEN,
    URL,
    Issuer,
    in_place_of_the_network,
    key,
    published,
    signed,
)


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    return in_place_of_the_network(monkeypatch)


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    return ".".join((encoded(json.dumps(header).encode()), encoded(json.dumps(claims).encode()), encoded(signature)))


def refused(issuer: Issuer, token: str, reason: str) -> None:
    issuer.gives(token)
    with pytest.raises(Unauthenticated) as caught:
        issuer.exchange()
    assert (caught.value.code, issuer.reasons) == ("oauth_failed", [f"id_token.{reason}"])


@pytest.mark.parametrize(
    ("algorithm", "hashed"), [("RS256", "sha256"), ("PS256", "sha256"), ("ES256", "sha256"), ("EdDSA", "sha512")]
)
def test_a_token_as_it_should_be(issuer: Issuer, algorithm: str, hashed: str) -> None:
    whole = hashlib.new(hashed, TOKEN.encode()).digest()
    issuer.answers["/jwks"] = {"keys": [published(key(algorithm), kid=algorithm, alg=algorithm, use="sig")]}
    issuer.gives(signed(CLAIMS | {"at_hash": encoded(whole[: len(whole) // 2]), "azp": "us"}, algorithm))

    assert issuer.exchange() == Identity(URL, "person-1", "ada@example.test", True, "Ada")  # noqa: FBT003


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://other.example.test"}, "InvalidIssuerError"),
        ({"iss": f"{URL}/"}, "InvalidIssuerError"),
        ({"iss": [URL]}, "InvalidIssuerError"),
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
def test_a_claim_that_is_not_as_we_asked(issuer: Issuer, claims: dict[str, Any], reason: str) -> None:
    said = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    # PyJWT does not sign all of these, so they are put in place of what it signed, and signed again.
    token = signed({"put": "here"})
    header, _, _ = token.split(".")
    body = encoded(json.dumps(said).encode())
    signature = signature_of(f"{header}.{body}".encode())

    refused(issuer, f"{header}.{body}.{encoded(signature)}", reason)


def signature_of(content: bytes) -> bytes:
    """What ES256 makes of it."""
    return ECAlgorithm(ECAlgorithm.SHA256).sign(content, key("ES256"))  # type: ignore[arg-type]


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
def test_clocks_may_differ_and_others_may_read_along(issuer: Issuer, claims: dict[str, Any]) -> None:
    issuer.gives(signed(CLAIMS | claims))

    assert issuer.exchange().subject == "person-1"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"kid": "unknown"}, "key"),
        ({"kid": 7}, "header"),
        ({"typ": "at+jwt"}, "header"),
        ({"typ": 1}, "header"),
        ({"jku": f"{URL}/jwks"}, "header"),
        ({"x5u": f"{URL}/jwks"}, "header"),
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
def test_a_header_that_leads_elsewhere(issuer: Issuer, header: dict[str, Any], reason: str) -> None:
    said = {"alg": "ES256", "kid": "ES256", "typ": "JWT"} | header
    body = encoded(json.dumps(said).encode()) + "." + encoded(json.dumps(CLAIMS).encode())

    refused(issuer, f"{body}.{encoded(signature_of(body.encode()))}", reason)


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
def test_no_signature_at_all(issuer: Issuer, algorithm: str) -> None:
    token = by_hand({"alg": algorithm, "typ": "JWT"}, CLAIMS, b"")

    refused(issuer, token, "form")
    issuer.reasons.clear()
    refused(issuer, f"{token}AAAA", "algorithm")


def test_the_public_key_taken_for_a_shared_secret(issuer: Issuer) -> None:
    private = key("RS256")
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    issuer.answers["/jwks"] = {"keys": [published(private, kid="RS256")]}
    body = by_hand({"alg": "HS256", "typ": "JWT", "kid": "RS256"}, CLAIMS, b"").rstrip(".")

    refused(issuer, f"{body}.{encoded(hmac.digest(public, body.encode(), 'sha256'))}", "algorithm")


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
def test_a_key_that_was_made_for_something_else(issuer: Issuer, said: dict[str, Any]) -> None:
    issuer.answers["/jwks"] = {"keys": [published(key("PS256"), kid="PS256") | said]}

    refused(issuer, signed(CLAIMS, "PS256"), "key")


def test_the_signature_of_another_key(issuer: Issuer) -> None:
    refused(issuer, signed(CLAIMS, private=key("ES256", 1)), "InvalidSignatureError")


def test_a_key_that_is_too_short(issuer: Issuer) -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505  # this is what is refused
    issuer.answers["/jwks"] = {"keys": [published(weak, kid="RS256")]}
    body = by_hand({"alg": "RS256", "kid": "RS256"}, CLAIMS, b"").rstrip(".")

    refused(issuer, f"{body}.{encoded(b'x' * 128)}", "InvalidKeyError")


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c.d", "a.b.c\n", " a.b.c", "ä.b.c", "a.b.c" * 9999, "e30.e30.e30", "AA.AA.AA"]
)
def test_what_is_no_token(issuer: Issuer, token: str) -> None:
    issuer.gives(token)

    with pytest.raises((Unauthenticated, Unavailable)):
        issuer.exchange()


def test_keys_are_read_once(issuer: Issuer) -> None:
    issuer.exchange()
    issuer.exchange()

    assert issuer.paths() == ["/.well-known/openid-configuration", "/token", "/jwks", "/token"]


def test_a_new_key_is_found(issuer: Issuer) -> None:
    issuer.exchange()
    let_pass(61)
    issuer.answers["/jwks"] = {"keys": [published(key("EdDSA"), kid="EdDSA")]}
    issuer.gives(signed(CLAIMS, "EdDSA"))

    assert issuer.exchange().subject == "person-1"


def test_unknown_keys_cause_one_read_a_minute(issuer: Issuer) -> None:
    issuer.exchange()
    issuer.gives(signed(CLAIMS, kid="unknown"))
    for seconds in (0, 59, 2, 0):
        let_pass(seconds)
        with pytest.raises(Unauthenticated):
            issuer.exchange()

    assert issuer.paths().count("/jwks") == 2


def test_a_key_that_was_withdrawn_is_forgotten(issuer: Issuer) -> None:
    issuer.exchange()
    let_pass(3601)
    issuer.answers["/jwks"] = {"keys": []}

    with pytest.raises(Unauthenticated):
        issuer.exchange()


def test_one_key_needs_no_name(issuer: Issuer) -> None:
    issuer.gives(signed(CLAIMS, kid=None))
    assert issuer.exchange().subject == "person-1"

    let_pass(3601)
    issuer.answers["/jwks"] = {"keys": [published(key("ES256", number), kid=f"{number}") for number in (0, 1)]}
    refused(issuer, signed(CLAIMS, kid=None), "key")


def let_pass(seconds: float) -> None:
    """Make what is known of keys older. A test that finds nothing known has gone wrong before."""
    before = dict(oauth_id_token._published)
    assert before
    assert all(each.read_at <= time.monotonic() for each in before.values())
    oauth_id_token._published.update(
        {url: replace(each, read_at=each.read_at - seconds) for url, each in before.items()}
    )
