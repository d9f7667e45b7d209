"""The authorization code grant with PKCE, and OpenID Connect, as a client uses them (S6)."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.accounts.oauth.model import OAuthFailed
from holdall.accounts.oauth.openid_connect import OpenIDConnect
from holdall.accounts.oauth.provider import AuthorizationResponse, new_code_verifier
from tests.support.oidc_issuer import (
    CLAIMS,
    CLIENT_SECRET,
    ISSUER_URL,
    REDIRECT_URI,
    FakeIssuer,
    FakeResponse,
    install_fake_issuer,
    make_flow,
    sign_id_token,
)

DISCOVERY = "/.well-known/openid-configuration"
# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    return install_fake_issuer(monkeypatch)


def start_authorization(issuer: FakeIssuer) -> str:
    return issuer.provider.create_authorization_url(make_flow(state="s&t", nonce="n", code_verifier=VERIFIER))


def test_challenge_of_rfc_7636_appendix_b() -> None:
    assert make_flow(code_verifier=VERIFIER).code_challenge == CHALLENGE


def test_code_verifier_has_the_form_of_rfc_7636_and_is_new_each_time() -> None:
    verifiers = {new_code_verifier() for _ in range(100)}

    assert len(verifiers) == 100
    assert all(43 <= len(each) <= 128 and each.isalnum() and each.isascii() for each in verifiers)


def test_authorization_request_has_state_nonce_and_challenge(issuer: FakeIssuer) -> None:
    endpoint, _, query = start_authorization(issuer).partition("?")

    assert endpoint == f"{ISSUER_URL}/authorize"
    assert parse_qs(query, strict_parsing=True) == {
        "response_type": ["code"],
        "client_id": ["us"],
        "redirect_uri": [REDIRECT_URI],
        "scope": ["openid email profile"],
        "state": ["s&t"],
        "nonce": ["n"],
        "code_challenge": [CHALLENGE],
        "code_challenge_method": ["S256"],
    }


def test_endpoint_keeps_its_query(issuer: FakeIssuer) -> None:
    issuer.discovery_document["authorization_endpoint"] += "?tenant=1"

    assert parse_qs(urlsplit(start_authorization(issuer)).query)["tenant"] == ["1"]


def test_discovery_document_is_cached(issuer: FakeIssuer) -> None:
    start_authorization(issuer)
    start_authorization(issuer)

    assert issuer.requested_paths() == [DISCOVERY]


def test_token_request_has_the_verifier_and_an_encoded_client_secret(issuer: FakeIssuer) -> None:
    provider = OpenIDConnect(name="issuer", issuer=ISSUER_URL, client_id="u:s", client_secret="p ä/+")
    issuer.return_id_token(sign_id_token(CLAIMS | {"aud": "u:s"}))

    provider.fetch_identity(make_flow(code_verifier=VERIFIER), AuthorizationResponse("c&d"))

    request = issuer.requests[1]
    assert (request.method, request.headers["accept"]) == ("POST", "application/json")
    # RFC 6749, section 2.3.1: both halves are form-encoded before they are joined.
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"u%3As:p+%C3%A4%2F%2B"
    assert parse_qs((request.body or b"").decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["c&d"],
        "redirect_uri": [REDIRECT_URI],
        "code_verifier": [VERIFIER],
    }


def test_client_secret_is_in_the_form_if_the_provider_requires_it(issuer: FakeIssuer) -> None:
    issuer.discovery_document["token_endpoint_auth_methods_supported"] = ["private_key_jwt", "client_secret_post"]

    issuer.exchange()

    form = parse_qs((issuer.requests[1].body or b"").decode())
    assert (form["client_id"], form["client_secret"]) == (["us"], [CLIENT_SECRET])
    assert "authorization" not in issuer.requests[1].headers


@pytest.mark.parametrize("announced", [True, False])
def test_code_of_another_issuer_is_not_sent(issuer: FakeIssuer, *, announced: bool) -> None:
    issuer.discovery_document["authorization_response_iss_parameter_supported"] = announced

    with pytest.raises(OAuthFailed):
        issuer.exchange(iss="https://other.example.test")

    assert issuer.requested_paths() == [DISCOVERY]
    assert issuer.exchange(iss=ISSUER_URL).subject == "person-1"


def test_iss_is_required_from_an_issuer_that_announces_it(issuer: FakeIssuer) -> None:
    assert issuer.exchange().subject == "person-1"

    issuer.provider = issuer.configure()
    issuer.discovery_document["authorization_response_iss_parameter_supported"] = True
    with pytest.raises(OAuthFailed):
        issuer.exchange()


@pytest.mark.parametrize(
    "response",
    [
        FakeResponse(b'{"error": "invalid_grant", "error_description": "canary-of-a-body"}', 400),
        FakeResponse(b'{"error": "invalid_request"}', 400),
        FakeResponse(b'{"error": "bad_verification_code"}'),
        FakeResponse(b"{}", 400),
        FakeResponse(b"[]", 401),
    ],
)
def test_code_that_the_provider_refuses_fails_the_sign_in(issuer: FakeIssuer, response: FakeResponse) -> None:
    issuer.responses["/token"] = response

    with pytest.raises(OAuthFailed) as caught:
        issuer.exchange()
    assert caught.value.code == "oauth_failed"


@pytest.mark.parametrize("code", ["", "ä", "a\nb", "\ud800", "x" * 4097])
def test_malformed_code_is_not_sent(issuer: FakeIssuer, code: str) -> None:
    with pytest.raises(OAuthFailed):
        issuer.exchange(code=code)
    assert "/token" not in issuer.requested_paths()


@pytest.mark.parametrize("claim", [None, False, "true", 1, "yes"])
def test_email_is_verified_only_by_the_value_true(issuer: FakeIssuer, claim: Any) -> None:
    issuer.return_id_token(sign_id_token(CLAIMS | {"email_verified": claim}))

    assert issuer.exchange().email_verified is False


def test_identity_without_an_email_address_has_none_verified(issuer: FakeIssuer) -> None:
    issuer.return_id_token(sign_id_token(CLAIMS | {"email": None, "name": None, "preferred_username": "Bea"}))

    identity = issuer.exchange()

    assert (identity.email, identity.email_verified, identity.name) == (None, False, "Bea")


def test_google_signs_with_either_issuer(issuer: FakeIssuer) -> None:
    google_url = "https://accounts.google.com"
    google = OpenIDConnect(
        name="google",
        issuer=google_url,
        client_id="us",
        client_secret="s",
        issuer_aliases=("accounts.google.com",),
    )
    for path in (DISCOVERY, "/token", "/jwks"):
        issuer.responses[f"{google_url}{path}"] = issuer.responses[path]
    issuer.discovery_document.update({"issuer": google_url})
    for name in (google_url, "accounts.google.com"):
        issuer.return_id_token(sign_id_token(CLAIMS | {"iss": name}))
        assert google.fetch_identity(make_flow(), AuthorizationResponse("c")).issuer == google_url
