"""The protocol of signing in by another's word (S6): what is asked, and what is made of the answers."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.accounts.oauth import openid_connect, providers
from holdall.accounts.oauth.providers import Identity
from holdall.platform.errors import Unauthenticated
from tests.support.oidc_issuer import (
    ACCESS_TOKEN,
    CLAIMS,
    ISSUER_URL,
    PROVIDER,
    REDIRECT_URI,
    FakeIssuer,
    FakeResponse,
    install_fake_issuer,
    sign_id_token,
)

DISCOVERY = "/.well-known/openid-configuration"
# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    return install_fake_issuer(monkeypatch)


def start_authorization(**overrides: Any) -> str:
    said: dict[str, Any] = {"redirect_uri": REDIRECT_URI, "state": "s&t", "nonce": "n", "code_challenge": CHALLENGE}
    return providers.create_authorization_url(PROVIDER, **said | overrides)


def test_challenge_of_rfc_7636_appendix_b() -> None:
    assert providers.s256_code_challenge(VERIFIER) == CHALLENGE


def test_a_verifier_has_the_form_of_rfc_7636_and_is_new() -> None:
    made = {providers.new_code_verifier() for _ in range(100)}

    assert len(made) == 100
    assert all(43 <= len(each) <= 128 and each.isalnum() and each.isascii() for each in made)


def test_what_the_browser_is_sent_with(issuer: FakeIssuer) -> None:
    address, _, query = start_authorization().partition("?")

    assert address == f"{ISSUER_URL}/authorize"
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


def test_an_address_that_has_a_query_keeps_it(issuer: FakeIssuer) -> None:
    issuer.discovery_document["authorization_endpoint"] += "?tenant=1"

    assert parse_qs(urlsplit(start_authorization()).query)["tenant"] == ["1"]


def test_the_document_is_read_once(issuer: FakeIssuer) -> None:
    start_authorization()
    start_authorization()

    assert issuer.requested_paths() == [DISCOVERY]


def test_what_the_provider_is_asked(issuer: FakeIssuer) -> None:
    provider = providers.oidc("issuer", ISSUER_URL, "u:s", "p ä/+")
    issuer.return_id_token(sign_id_token(CLAIMS | {"aud": "u:s"}))

    providers.fetch_identity(provider, code="c&d", code_verifier=VERIFIER, redirect_uri=REDIRECT_URI, nonce="a nonce")

    asked = issuer.requests[1]
    assert (asked.method, asked.headers["accept"]) == ("POST", "application/json")
    # RFC 6749, section 2.3.1: both halves are form-encoded before they are put together.
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"u%3As:p+%C3%A4%2F%2B"
    assert parse_qs((asked.body or b"").decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["c&d"],
        "redirect_uri": [REDIRECT_URI],
        "code_verifier": [VERIFIER],
    }


def test_a_provider_that_wants_the_secret_in_the_form(issuer: FakeIssuer) -> None:
    issuer.discovery_document["token_endpoint_auth_methods_supported"] = ["private_key_jwt", "client_secret_post"]

    issuer.exchange()

    form = parse_qs((issuer.requests[1].body or b"").decode())
    assert (form["client_id"], form["client_secret"]) == (["us"], [PROVIDER.client_secret])
    assert "authorization" not in issuer.requests[1].headers


@pytest.mark.parametrize("announced", [True, False])
def test_another_issuer_in_the_answer_to_the_browser(issuer: FakeIssuer, *, announced: bool) -> None:
    issuer.discovery_document["authorization_response_iss_parameter_supported"] = announced

    with pytest.raises(Unauthenticated):
        issuer.exchange(iss="https://other.example.test")

    # The code of another is not shown to this one.
    assert issuer.requested_paths() == [DISCOVERY]
    assert issuer.exchange(iss=ISSUER_URL).subject == "person-1"


def test_an_issuer_that_names_itself_has_to(issuer: FakeIssuer) -> None:
    assert issuer.exchange().subject == "person-1"

    openid_connect._metadata_cache.clear()
    issuer.discovery_document["authorization_response_iss_parameter_supported"] = True
    with pytest.raises(Unauthenticated):
        issuer.exchange()


@pytest.mark.parametrize(
    "told",
    [
        FakeResponse(b'{"error": "invalid_grant", "error_description": "canary-of-a-body"}', 400),
        FakeResponse(b'{"error": "invalid_request"}', 400),
        FakeResponse(b'{"error": "bad_verification_code"}'),
        FakeResponse(b"{}", 400),
        FakeResponse(b"[]", 401),
    ],
)
def test_a_code_that_is_refused(issuer: FakeIssuer, told: FakeResponse) -> None:
    issuer.responses["/token"] = told

    with pytest.raises(Unauthenticated) as caught:
        issuer.exchange()
    assert caught.value.code == "oauth_failed"


@pytest.mark.parametrize("code", ["", "ä", "a\nb", "\ud800", "x" * 4097])
def test_a_code_that_cannot_be_one_is_not_handed_on(issuer: FakeIssuer, code: str) -> None:
    with pytest.raises(Unauthenticated):
        issuer.exchange(code=code)
    assert "/token" not in issuer.requested_paths()


def test_who_somebody_is_may_stand_beside_the_token(issuer: FakeIssuer) -> None:
    issuer.return_id_token(sign_id_token(CLAIMS | {"email": None, "name": None}))
    issuer.responses["/userinfo"] = {"sub": "person-1", "email": "b@example.test", "preferred_username": "Bea"}

    # The token's word on verification is about another address than this one.
    assert issuer.exchange() == Identity(ISSUER_URL, "person-1", "b@example.test", False, "Bea")  # noqa: FBT003
    assert issuer.requests[-1].headers["authorization"] == f"Bearer {ACCESS_TOKEN}"


@pytest.mark.parametrize("told", [{"sub": "person-2"}, {}, [], FakeResponse(b"{}", 401), {"sub": "p\u00e9rson-1"}])
def test_what_stands_beside_the_token_is_about_the_same_person(issuer: FakeIssuer, told: Any) -> None:
    issuer.return_id_token(sign_id_token(CLAIMS | {"email": None}))
    issuer.responses["/userinfo"] = told

    with pytest.raises(Unauthenticated):
        issuer.exchange()


@pytest.mark.parametrize("said", [None, False, "true", 1, "yes"])
def test_verified_is_only_what_is_said_to_be(issuer: FakeIssuer, said: Any) -> None:
    issuer.return_id_token(sign_id_token(CLAIMS | {"email_verified": said}))

    assert issuer.exchange().email_verified is False


def test_google_signs_with_either_name(issuer: FakeIssuer) -> None:
    google = providers.google("us", "s")
    for path in (DISCOVERY, "/token", "/jwks"):
        issuer.responses[f"{google.issuer}{path}"] = issuer.responses[path]
    issuer.discovery_document.update({"issuer": google.issuer})
    for name in ("https://accounts.google.com", "accounts.google.com"):
        issuer.return_id_token(sign_id_token(CLAIMS | {"iss": name}))
        known = providers.fetch_identity(
            google, code="c", code_verifier=VERIFIER, redirect_uri=REDIRECT_URI, nonce="a nonce"
        )
        assert known.issuer == "https://accounts.google.com"
