"""An OpenID Connect issuer in the process of the test, in place of the network. A test sets the response of each URL."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from holdall.accounts.oauth.model import Identity
from holdall.accounts.oauth.openid_connect import OpenIDConnect
from holdall.accounts.oauth.provider import AuthCodeFlow, AuthorizationResponse
from holdall.accounts.oauth.provider_client import TIMEOUT_SECONDS
from holdall.platform import clock, observability
from tests.support.factories import FROZEN_TIME

ISSUER_URL = "https://issuer.example.test"
REDIRECT_URI = "https://files.example.test/api/v1/auth/oauth/issuer/callback"
CLIENT_SECRET = "canary-of-the-secret"
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

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def get_private_key(algorithm: str, number: int = 0) -> PrivateKey:
    """Return a key for an algorithm, the same for each number, because an RSA key takes long to generate."""
    if algorithm == "RS256":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(private_key: PrivateKey, **fields: Any) -> dict[str, Any]:
    """Return the public key as a JSON Web Key."""
    public = private_key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return {**RSAAlgorithm.to_jwk(public, as_dict=True), **fields}
    return {**ECAlgorithm.to_jwk(public, as_dict=True), **fields}


def sign_id_token(
    claims: dict[str, Any], algorithm: str = "ES256", private_key: PrivateKey | None = None, **header: Any
) -> str:
    """Return an ID token without the claims and header parameters that are None."""
    body = {name: value for name, value in claims.items() if value is not None}
    headers = {name: value for name, value in ({"kid": algorithm} | header).items() if value is not None}
    return jwt.encode(body, private_key or get_private_key(algorithm), algorithm=algorithm, headers=headers)


@dataclass(frozen=True)
class FakeResponse:
    content: bytes
    status: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True)
class ReceivedRequest:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


def make_flow(**overrides: str) -> AuthCodeFlow:
    values = {"redirect_uri": REDIRECT_URI, "state": "a state", "nonce": "a nonce", "code_verifier": "v" * 52}
    return AuthCodeFlow(**values | overrides)


class FakeIssuer:
    """The responses of the issuer by URL, and the requests that it received. Other URLs respond with 404."""

    def __init__(self) -> None:
        self.requests: list[ReceivedRequest] = []
        self.failure_reasons: list[str] = []
        self.responses: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": ISSUER_URL,
                "authorization_endpoint": f"{ISSUER_URL}/authorize",
                "token_endpoint": f"{ISSUER_URL}/token",
                "jwks_uri": f"{ISSUER_URL}/jwks",
            },
            "/jwks": {"keys": [public_jwk(get_private_key("ES256"), kid="ES256")]},
        }
        self.return_id_token(sign_id_token(CLAIMS))
        self.provider = self.configure()

    @property
    def discovery_document(self) -> dict[str, Any]:
        document: dict[str, Any] = self.responses["/.well-known/openid-configuration"]
        return document

    def configure(self, url: str = ISSUER_URL, *, timeout: float = TIMEOUT_SECONDS) -> OpenIDConnect:
        """Return the issuer as an installation configures it, with empty caches."""
        return OpenIDConnect(name="issuer", issuer=url, client_id="us", client_secret=CLIENT_SECRET, timeout=timeout)

    def return_id_token(self, id_token: str) -> None:
        """Return this ID token for every code."""
        self.responses["/token"] = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": id_token}

    def requested_paths(self) -> list[str]:
        return [each.url.removeprefix(ISSUER_URL) for each in self.requests]

    def exchange(self, code: str = "a code", iss: str | None = None, **flow: str) -> Identity:
        """Exchange a code for an identity."""
        return self.provider.fetch_identity(make_flow(**flow), AuthorizationResponse(code, iss))

    def respond(self, method: str, url: str, **options: Any) -> urllib3.HTTPResponse:
        """Replace `urllib3.PoolManager.request`."""
        assert options["redirect"] is False
        self.requests.append(ReceivedRequest(method, url, dict(options["headers"]), options["body"]))
        response = self.responses.get(url.removeprefix(ISSUER_URL), FakeResponse(b"{}", 404))
        if isinstance(response, Callable):  # type: ignore[arg-type]  # mypy knows no class of callables
            response = response()
        if not isinstance(response, FakeResponse):
            response = FakeResponse(json.dumps(response).encode())
        headers = {"content-type": response.content_type, "location": f"{ISSUER_URL}/elsewhere"}
        return urllib3.HTTPResponse(BytesIO(response.content), headers, response.status, preload_content=False)


def install_fake_issuer(monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    """Put an issuer in place of the network, and stop the clock."""
    issuer = FakeIssuer()
    monkeypatch.setattr(urllib3.PoolManager, "request", issuer.respond)
    monkeypatch.setattr(clock, "now", lambda: FROZEN_TIME)
    monkeypatch.setattr(observability, "log_event", lambda _, provider, reason: issuer.failure_reasons.append(reason))
    return issuer
