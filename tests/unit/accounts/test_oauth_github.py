"""Sign-in with GitHub, whose API returns the ID of a user, and the primary address if GitHub has verified it (S6)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.accounts.oauth.github import GitHub
from holdall.accounts.oauth.model import Identity, OAuthFailed, ProviderUnavailable
from holdall.accounts.oauth.provider import AuthorizationResponse
from holdall.platform.errors import HoldallError
from tests.support.oidc_issuer import FakeIssuer, FakeResponse, install_fake_issuer, make_flow

SITE, API = "https://github.com", "https://api.github.com"
GITHUB = GitHub(client_id="Iv1.us", client_secret="a secret")
TOKEN_URL = f"{SITE}/login/oauth/access_token"
PRIMARY_EMAIL = {"email": "ada@example.test", "primary": True, "verified": True}
OTHER_EMAIL = {"email": "other@example.test", "primary": False, "verified": True}


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    github = install_fake_issuer(monkeypatch)
    github.responses = {
        TOKEN_URL: {"access_token": "gho_1", "token_type": "bearer", "scope": "user:email"},
        f"{API}/user": {"id": 583231, "login": "ada", "name": "Ada", "email": "shown@example.test"},
        f"{API}/user/emails": [OTHER_EMAIL, PRIMARY_EMAIL],
    }
    return github


def exchange() -> Identity:
    return GITHUB.fetch_identity(make_flow(), AuthorizationResponse("a code"))


def test_authorization_request_has_a_challenge_and_no_nonce(github: FakeIssuer) -> None:
    url = urlsplit(GITHUB.create_authorization_url(make_flow()))

    parameters = parse_qs(url.query)
    assert (url.netloc, url.path) == ("github.com", "/login/oauth/authorize")
    assert (parameters["code_challenge_method"], parameters["scope"]) == (["S256"], ["read:user user:email"])
    assert "nonce" not in parameters
    assert github.requests == []


def test_identity_is_the_id_and_the_primary_address(github: FakeIssuer) -> None:
    identity = exchange()

    assert (identity.issuer, identity.subject, identity.name) == (SITE, "583231", "Ada")
    assert (identity.email, identity.email_verified) == ("ada@example.test", True)
    token_request, user_request, _ = github.requests
    assert token_request.headers["accept"] == "application/json"  # else GitHub returns a form
    assert parse_qs((token_request.body or b"").decode())["code_verifier"] == ["v" * 52]
    assert user_request.headers["authorization"] == "Bearer gho_1"


@pytest.mark.parametrize(
    ("emails", "email", "verified"),
    [
        ([PRIMARY_EMAIL | {"verified": False}, OTHER_EMAIL], "ada@example.test", False),
        ([PRIMARY_EMAIL | {"verified": "yes"}], "ada@example.test", False),
        ([OTHER_EMAIL], None, False),
        ([], None, False),
        ([1, None, {"primary": True}, PRIMARY_EMAIL | {"primary": 1}], None, False),
        (FakeResponse(b'{"message": "Not Found"}', 404), None, False),
    ],
)
def test_only_the_verified_primary_address_counts(
    github: FakeIssuer, emails: Any, email: str | None, *, verified: bool
) -> None:
    github.responses[f"{API}/user/emails"] = emails

    identity = exchange()

    assert (identity.email, identity.email_verified) == (email, verified)


@pytest.mark.parametrize("user", [{}, [], {"id": "583231"}, {"id": True}, {"login": "ada"}, FakeResponse(b"{}", 403)])
def test_user_without_a_numeric_id_makes_the_provider_unavailable(github: FakeIssuer, user: Any) -> None:
    github.responses[f"{API}/user"] = user

    with pytest.raises(ProviderUnavailable):
        exchange()


def test_user_without_a_name_gets_the_login(github: FakeIssuer) -> None:
    github.responses[f"{API}/user"] |= {"name": None}

    assert exchange().name == "ada"


@pytest.mark.parametrize(
    ("url", "response", "error"),
    [
        (TOKEN_URL, {"error": "bad_verification_code"}, OAuthFailed),
        (TOKEN_URL, {"error": "incorrect_client_credentials"}, ProviderUnavailable),
        (f"{API}/user", FakeResponse(b"{}", 401), OAuthFailed),
        (f"{API}/user", FakeResponse(b"{}", 502), ProviderUnavailable),
        (f"{API}/user/emails", FakeResponse(b"{}", 403), ProviderUnavailable),
        (f"{API}/user/emails", {}, ProviderUnavailable),
    ],
)
def test_refusal_and_outage_are_different_errors(
    github: FakeIssuer, url: str, response: Any, error: type[HoldallError]
) -> None:
    github.responses[url] = response

    with pytest.raises(error):
        exchange()


def test_access_token_with_a_line_break_is_not_sent(github: FakeIssuer) -> None:
    github.responses[TOKEN_URL]["access_token"] = "a\r\nx-more: b"

    with pytest.raises(ProviderUnavailable):
        exchange()
    assert github.failure_reasons == ["access_token"]
    assert [each.url for each in github.requests] == [TOKEN_URL]
