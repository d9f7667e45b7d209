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

from holdall import clock, observe
from holdall.accounts import oauth, oauth_id_token, oauth_oidc
from holdall.accounts.oauth import Identity
from tests.unit.makers import MOMENT

URL = "https://issuer.example.test"
CALLBACK = "https://files.example.test/api/v1/auth/oauth/issuer/callback"
PROVIDER = oauth.oidc("issuer", URL, "us", "canary-of-the-secret")
NOW = int(MOMENT.timestamp())
TOKEN = "canary-of-the-access-token"
CLAIMS: dict[str, Any] = {
    "iss": URL,
    "aud": "us",
    "sub": "person-1",
    "nonce": "a nonce",
    "iat": NOW,
    "exp": NOW + 300,
    "email": "ada@example.test",
    "email_verified": True,
    "name": "Ada",
}

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def key(algorithm: str, number: int = 0) -> Key:
    """A key for an algorithm, the same whenever it is asked for; RSA keys are slow to make."""
    if algorithm in {"RS256", "PS256"}:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()


def published(private: Key, **more: Any) -> dict[str, Any]:
    """The public half, as a JSON Web Key."""
    public = private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return {**RSAAlgorithm.to_jwk(public, as_dict=True), **more}
    if isinstance(public, ec.EllipticCurvePublicKey):
        return {**ECAlgorithm.to_jwk(public, as_dict=True), **more}
    return {**OKPAlgorithm.to_jwk(public, as_dict=True), **more}


def signed(claims: dict[str, Any], algorithm: str = "ES256", private: Key | None = None, **header: Any) -> str:
    """An ID token. A claim or header key that is None is left out."""
    said = {name: value for name, value in claims.items() if value is not None}
    heading = {name: value for name, value in ({"kid": algorithm} | header).items() if value is not None}
    return jwt.encode(said, private or key(algorithm), algorithm=algorithm, headers=heading)


@dataclass(frozen=True)
class Said:
    """An answer, sent as it is."""

    content: bytes
    status: int = 200
    kind: str = "application/json"


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


class Issuer:
    """What is at each address, and what was asked. An address that nothing is said of answers 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.reasons: list[str] = []
        self.answers: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": URL,
                "authorization_endpoint": f"{URL}/authorize",
                "token_endpoint": f"{URL}/token",
                "jwks_uri": f"{URL}/jwks",
                "userinfo_endpoint": f"{URL}/userinfo",
            },
            "/jwks": {"keys": [published(key("ES256"), kid="ES256")]},
        }
        self.gives(signed(CLAIMS))

    @property
    def document(self) -> dict[str, Any]:
        """What it tells of itself, to be changed before it is read."""
        document: dict[str, Any] = self.answers["/.well-known/openid-configuration"]
        return document

    def gives(self, id_token: str) -> None:
        """Let it give this token for any code."""
        self.answers["/token"] = {"access_token": TOKEN, "token_type": "Bearer", "id_token": id_token}

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [each.url.removeprefix(URL) for each in self.asked]

    def exchange(self, **otherwise: Any) -> Identity:
        """Come back with a code."""
        said: dict[str, Any] = {"code": "a code", "verifier": "v" * 52, "redirect_uri": CALLBACK, "nonce": "a nonce"}
        return oauth.exchange(PROVIDER, **said | otherwise)

    def answer(self, method: str, url: str, **how: Any) -> urllib3.HTTPResponse:
        """Stand in for the network."""
        assert how["redirect"] is False
        self.asked.append(Asked(method, url, dict(how["headers"]), how["body"]))
        told = self.answers.get(url.removeprefix(URL), Said(b"{}", 404))
        if isinstance(told, Callable):  # type: ignore[arg-type]  # as the answer may be made when it is asked for
            told = told()
        if not isinstance(told, Said):
            told = Said(json.dumps(told).encode())
        headers = {"content-type": told.kind, "location": f"{URL}/elsewhere"}
        return urllib3.HTTPResponse(BytesIO(told.content), headers, told.status, preload_content=False)


def in_place_of_the_network(patch: pytest.MonkeyPatch) -> Issuer:
    """Put an issuer there, with nothing known of any and the clock standing still."""
    issuer = Issuer()
    patch.setattr(urllib3.PoolManager, "request", issuer.answer)
    patch.setattr(oauth_oidc, "_documents", {})
    patch.setattr(oauth_id_token, "_published", {})
    patch.setattr(clock, "now", lambda: MOMENT)
    patch.setattr(observe, "event", lambda _, provider, reason: issuer.reasons.append(reason))
    return issuer
