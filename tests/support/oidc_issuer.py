"""An OpenID Connect issuer made by hand, in process: a test says what each of its addresses answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from holdall.accounts.oauth import id_token as oauth_id_token
from holdall.accounts.oauth import openid_connect, providers
from holdall.accounts.oauth.providers import Identity
from holdall.platform import clock, observability
from tests.support.factories import FROZEN_TIME

ISSUER_URL = "https://issuer.example.test"
REDIRECT_URI = "https://files.example.test/api/v1/auth/oauth/issuer/callback"
PROVIDER = providers.oidc("issuer", ISSUER_URL, "us", "canary-of-the-secret")
NOW = int(FROZEN_TIME.timestamp())
ACCESS_TOKEN = "canary-of-the-access-token"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER_URL,
    "aud": "us",
    "sub": "person-1",
    "nonce": "a nonce",
    "iat": NOW,
    "exp": NOW + 300,
    "email": "ada@example.test",
    "email_verified": True,
    "name": "Ada",
}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def get_private_key(algorithm: str, number: int = 0) -> PrivateKey:
    """A key for an algorithm, the same whenever it is asked for; RSA keys are slow to make."""
    if algorithm in {"RS256", "PS256"}:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()


def public_jwk(private_key: PrivateKey, **fields: Any) -> dict[str, Any]:
    """The public half, as a JSON Web Key."""
    public = private_key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return {**RSAAlgorithm.to_jwk(public, as_dict=True), **fields}
    if isinstance(public, ec.EllipticCurvePublicKey):
        return {**ECAlgorithm.to_jwk(public, as_dict=True), **fields}
    return {**OKPAlgorithm.to_jwk(public, as_dict=True), **fields}


def sign_id_token(
    claims: dict[str, Any], algorithm: str = "ES256", private_key: PrivateKey | None = None, **header: Any
) -> str:
    """An ID token. A claim or header key that is None is left out."""
    said = {name: value for name, value in claims.items() if value is not None}
    heading = {name: value for name, value in ({"kid": algorithm} | header).items() if value is not None}
    return jwt.encode(said, private_key or get_private_key(algorithm), algorithm=algorithm, headers=heading)


@dataclass(frozen=True)
class FakeResponse:
    """An answer, sent as it is."""

    content: bytes
    status: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it arrived."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


class FakeIssuer:
    """What is at each address, and what was asked. An address that nothing is said of answers 404."""

    def __init__(self) -> None:
        self.requests: list[ReceivedRequest] = []
        self.failure_reasons: list[str] = []
        self.responses: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": ISSUER_URL,
                "authorization_endpoint": f"{ISSUER_URL}/authorize",
                "token_endpoint": f"{ISSUER_URL}/token",
                "jwks_uri": f"{ISSUER_URL}/jwks",
                "userinfo_endpoint": f"{ISSUER_URL}/userinfo",
            },
            "/jwks": {"keys": [public_jwk(get_private_key("ES256"), kid="ES256")]},
        }
        self.return_id_token(sign_id_token(CLAIMS))

    @property
    def discovery_document(self) -> dict[str, Any]:
        """What it tells of itself, to be changed before it is read."""
        document: dict[str, Any] = self.responses["/.well-known/openid-configuration"]
        return document

    def return_id_token(self, id_token: str) -> None:
        """Let it give this token for any code."""
        self.responses["/token"] = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": id_token}

    def requested_paths(self) -> list[str]:
        """What was asked for, in order."""
        return [each.url.removeprefix(ISSUER_URL) for each in self.requests]

    def exchange(self, **overrides: Any) -> Identity:
        """Come back with a code."""
        said: dict[str, Any] = {
            "code": "a code",
            "code_verifier": "v" * 52,
            "redirect_uri": REDIRECT_URI,
            "nonce": "a nonce",
        }
        return providers.fetch_identity(PROVIDER, **said | overrides)

    def respond(self, method: str, url: str, **options: Any) -> urllib3.HTTPResponse:
        """Stand in for the network."""
        assert options["redirect"] is False
        self.requests.append(ReceivedRequest(method, url, dict(options["headers"]), options["body"]))
        told = self.responses.get(url.removeprefix(ISSUER_URL), FakeResponse(b"{}", 404))
        if isinstance(told, Callable):  # type: ignore[arg-type]  # as the answer may be made when it is asked for
            told = told()
        if not isinstance(told, FakeResponse):
            told = FakeResponse(json.dumps(told).encode())
        headers = {"content-type": told.content_type, "location": f"{ISSUER_URL}/elsewhere"}
        return urllib3.HTTPResponse(BytesIO(told.content), headers, told.status, preload_content=False)


def install_fake_issuer(monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    """Put an issuer there, with nothing known of any and the clock standing still."""
    issuer = FakeIssuer()
    monkeypatch.setattr(urllib3.PoolManager, "request", issuer.respond)
    monkeypatch.setattr(openid_connect, "_metadata_cache", {})
    monkeypatch.setattr(oauth_id_token, "_jwks_cache", {})
    monkeypatch.setattr(clock, "now", lambda: FROZEN_TIME)
    monkeypatch.setattr(observability, "log_event", lambda _, provider, reason: issuer.failure_reasons.append(reason))
    return issuer
