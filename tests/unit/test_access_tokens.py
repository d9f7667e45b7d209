"""Access tokens: any token that is not exactly one of Holdall's is rejected (S1, RFC 8725). These tests do not use PyJWT."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from holdall.iam import access_token, signing_keys
from holdall.iam.model import InvalidToken, PublicKey, SessionCredentials
from holdall.iam.store import public_keys as store
from holdall.platform import clock
from tests.support.factories import FROZEN_TIME

NOW = int(FROZEN_TIME.timestamp())
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
HEADER: dict[str, Any] = {"alg": "ES256", "kid": "known", "typ": "at+jwt"}
CLAIMS: dict[str, Any] = {
    "iss": "https://files.example.test",
    "aud": "holdall",
    "sub": "0" * 26,
    "sid": "1" * 26,
    "jti": "2" * 26,
    "iat": NOW,
    "exp": NOW + 900,
}


@pytest.fixture(autouse=True)
def _one_known_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_keys._cache, "keys", {"known": make_public_key("known", KEY)})
    monkeypatch.setattr(signing_keys._cache, "loaded_at", time.monotonic())
    monkeypatch.setattr(clock, "now", lambda: FROZEN_TIME)


def make_public_key(kid: str, key: ec.EllipticCurvePrivateKey) -> PublicKey:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return PublicKey(kid, 1, pem, activates_at=FROZEN_TIME)


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def make_signer(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    def sign(content: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(content, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return sign


def make_token(
    claims: dict[str, Any] | None = None,
    *,
    header: dict[str, Any] | None = None,
    sign: Callable[[bytes], bytes] | None = None,
) -> str:
    parts = (HEADER if header is None else header, CLAIMS if claims is None else claims)
    content = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    return f"{content}.{base64url((sign or make_signer(KEY))(content.encode()))}"


def assert_rejected(text: str) -> None:
    with pytest.raises(InvalidToken):
        access_token.verify_access_token(text)


def test_access_token_contains_user_and_session() -> None:
    assert access_token.verify_access_token(make_token()) == SessionCredentials("0" * 26, "1" * 26)


@pytest.mark.parametrize(
    "header",
    [
        {**HEADER, "alg": "none"},
        {**HEADER, "alg": "None"},
        {**HEADER, "alg": "ES384"},
        {**HEADER, "alg": "RS256"},
        {**HEADER, "alg": ["ES256"]},
        {**HEADER, "typ": "JWT"},
        {**HEADER, "typ": "at+JWT"},
        {**HEADER, "typ": None},
        {**HEADER, "kid": "unknown"},
        {**HEADER, "kid": ["known"]},
        {**HEADER, "kid": {"known": 1}},
        {**HEADER, "kid": 7},
        {**HEADER, "kid": None},
        {**HEADER, "jku": "https://evil.test/keys"},
        {**HEADER, "x5u": "https://evil.test/chain"},
        {**HEADER, "jwk": {"kty": "EC"}},
        {**HEADER, "crit": ["exp"]},
        {**HEADER, "cty": "JWT"},
        {name: value for name, value in HEADER.items() if name != "typ"},
        {name: value for name, value in HEADER.items() if name != "kid"},
        {name: value for name, value in HEADER.items() if name != "alg"},
    ],
    ids=json.dumps,
)
def test_any_other_header_is_rejected(header: dict[str, Any]) -> None:
    assert_rejected(make_token(header=header))


def test_token_without_signature_is_rejected() -> None:
    content = make_token(header={**HEADER, "alg": "none"}).rpartition(".")[0]

    assert_rejected(f"{content}.")
    assert_rejected(f"{content}.{'A' * 86}")


def test_hmac_with_the_public_key_is_rejected() -> None:
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(content: bytes) -> bytes:
        return hmac.digest(pem, content, hashlib.sha256)

    assert_rejected(make_token(header={**HEADER, "alg": "HS256"}, sign=sign))
    # A signature of the right length.
    assert_rejected(make_token(header={**HEADER, "alg": "HS256"}, sign=lambda content: sign(content) * 2))


def test_signature_by_another_key_is_rejected() -> None:
    assert_rejected(make_token(sign=make_signer(OTHER_KEY)))


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_every_claim_is_required(name: str) -> None:
    assert_rejected(make_token({key: value for key, value in CLAIMS.items() if key != name}))


@pytest.mark.parametrize(
    "other",
    [
        {"iss": "https://evil.test"},
        {"iss": ["https://files.example.test"]},
        {"aud": "others"},
        {"aud": []},
        {"aud": None},
        {"sub": ""},
        {"sub": "0" * 25},
        {"sub": "U" * 26},
        {"sub": 7},
        {"sid": "x"},
        {"sid": None},
        {"sid": ["1" * 26]},
        {"exp": str(NOW + 900)},
        {"exp": NOW + 899.5},
        {"exp": float(NOW + 900)},
        {"exp": True},
        {"exp": None},
        {"exp": [NOW]},
        {"exp": 10**30},
        {"exp": -1},
        {"iat": str(NOW)},
        {"iat": float(NOW)},
        {"iat": False},
        {"iat": None},
        {"exp": NOW + 901},
        {"iat": NOW - 1},
        {"iat": NOW + 900},
        {"iat": NOW + 31, "exp": NOW + 931},
        {"iat": NOW - 930, "exp": NOW - 30},
        {"iat": NOW - 5000, "exp": NOW - 4100},
    ],
    ids=json.dumps,
)
def test_invalid_claim_is_rejected(other: dict[str, Any]) -> None:
    assert_rejected(make_token({**CLAIMS, **other}))


@pytest.mark.parametrize(
    "other",
    [
        {"iat": NOW + 30, "exp": NOW + 930},
        {"iat": NOW - 929, "exp": NOW - 29},
        {"exp": NOW + 1},
    ],
    ids=json.dumps,
)
def test_clocks_may_differ_by_thirty_seconds(other: dict[str, Any]) -> None:
    access_token.verify_access_token(make_token({**CLAIMS, **other}))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text + "=",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace(".", "..", 1),
        lambda text: text + ".x",
        lambda text: text.rpartition(".")[0],
        lambda text: text.replace(".", "=.", 1),
        lambda text: "x" * 10_000 + text,
        lambda text: json.dumps({"payload": text.split(".")[1], "signatures": []}),
        lambda text: "\u0660" + text[1:],
    ],
)
def test_only_the_compact_form_is_accepted(change: Callable[[str], str]) -> None:
    assert_rejected(change(make_token()))


@pytest.mark.parametrize("part", [b"", b"null", b"[]", b"7", b'"text"', b"{", b"\xff", b"[" * 1000])
def test_part_that_is_not_an_object_is_rejected(part: bytes) -> None:
    header, claims = base64url(json.dumps(HEADER).encode()), base64url(json.dumps(CLAIMS).encode())
    for content in (f"{base64url(part)}.{claims}", f"{header}.{base64url(part)}"):
        assert_rejected(f"{content}.{base64url(make_signer(KEY)(content.encode()))}")


def test_changed_claim_breaks_the_signature() -> None:
    header, _, signature = make_token().split(".")
    claims = base64url(json.dumps({**CLAIMS, "sub": "3" * 26}).encode())

    assert_rejected(f"{header}.{claims}.{signature}")


def test_unknown_key_causes_one_read_per_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def list_public_keys() -> list[PublicKey]:
        reads.append("keys")
        return [make_public_key("known", KEY)]

    monkeypatch.setattr(store, "list_public_keys", list_public_keys)
    token = make_token(header={**HEADER, "kid": "unknown"})

    assert_rejected(token)
    assert reads == []
    monkeypatch.setattr(signing_keys._cache, "loaded_at", time.monotonic() - 61)
    assert_rejected(token)
    assert_rejected(token)
    assert reads == ["keys"]


def test_newly_published_key_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [make_public_key("known", KEY), make_public_key("new", OTHER_KEY)]
    monkeypatch.setattr(store, "list_public_keys", lambda: keys)
    monkeypatch.setattr(signing_keys._cache, "loaded_at", float("-inf"))

    access_token.verify_access_token(make_token(header={**HEADER, "kid": "new"}, sign=make_signer(OTHER_KEY)))
    access_token.verify_access_token(make_token())  # both keys are valid during a rotation


def test_access_token_lives_fifteen_minutes() -> None:
    assert timedelta(minutes=15) == access_token.LIFETIME
