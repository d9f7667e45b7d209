"""GitHub tells who somebody is by its API: a number, and the primary address when it verified that."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.accounts.oauth import providers
from holdall.accounts.oauth.providers import Identity
from holdall.platform.errors import HoldallError, ServiceUnavailable, Unauthenticated
from tests.support.oidc_issuer import REDIRECT_URI, FakeIssuer, FakeResponse, install_fake_issuer

SITE, API = "https://github.com", "https://api.github.com"
GITHUB = providers.github("Iv1.us", "canary-of-the-secret")
PRIMARY_EMAIL = {"email": "ada@example.test", "primary": True, "verified": True}
OTHER_EMAIL = {"email": "other@example.test", "primary": False, "verified": True}


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    github = install_fake_issuer(monkeypatch)
    github.responses = {
        f"{SITE}/login/oauth/access_token": {"access_token": "gho_1", "token_type": "bearer", "scope": "user:email"},
        f"{API}/user": {"id": 583231, "login": "ada", "name": "Ada", "email": "shown@example.test"},
        f"{API}/user/emails": [OTHER_EMAIL, PRIMARY_EMAIL],
    }
    return github


def exchange() -> Identity:
    return providers.fetch_identity(
        GITHUB, code="a code", code_verifier="v" * 52, redirect_uri=REDIRECT_URI, nonce="unused"
    )


def test_where_the_browser_goes(github: FakeIssuer) -> None:
    url = providers.create_authorization_url(
        GITHUB, redirect_uri=REDIRECT_URI, state="s", nonce="n", code_challenge="c"
    )

    split = urlsplit(url)
    assert (split.netloc, split.path) == ("github.com", "/login/oauth/authorize")
    said = parse_qs(split.query)
    assert (said["code_challenge_method"], said["scope"]) == (["S256"], ["read:user user:email"])
    assert "nonce" not in said
    assert github.requests == []


def test_who_came_back(github: FakeIssuer) -> None:
    assert exchange() == Identity(SITE, "583231", "ada@example.test", True, "Ada")  # noqa: FBT003

    code, user, _ = github.requests
    assert code.headers["accept"] == "application/json"  # it would answer by a form
    assert parse_qs((code.body or b"").decode())["code_verifier"] == ["v" * 52]
    assert user.headers["authorization"] == "Bearer gho_1"


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
def test_an_address_that_proves_nothing(github: FakeIssuer, emails: Any, email: str | None, *, verified: bool) -> None:
    github.responses[f"{API}/user/emails"] = emails

    known = exchange()

    assert (known.email, known.email_verified) == (email, verified)


@pytest.mark.parametrize("user", [{}, [], {"id": "583231"}, {"id": True}, {"login": "ada"}, FakeResponse(b"{}", 403)])
def test_somebody_without_a_number(github: FakeIssuer, user: Any) -> None:
    github.responses[f"{API}/user"] = user

    with pytest.raises(ServiceUnavailable):
        exchange()


def test_somebody_without_a_name(github: FakeIssuer) -> None:
    github.responses[f"{API}/user"] |= {"name": None}

    assert exchange().name == "ada"


@pytest.mark.parametrize(
    ("path", "answer", "failure"),
    [
        (f"{SITE}/login/oauth/access_token", {"error": "bad_verification_code"}, Unauthenticated),
        (f"{SITE}/login/oauth/access_token", {"error": "incorrect_client_credentials"}, ServiceUnavailable),
        (f"{API}/user", FakeResponse(b"{}", 401), Unauthenticated),
        (f"{API}/user", FakeResponse(b"{}", 502), ServiceUnavailable),
        (f"{API}/user/emails", FakeResponse(b"{}", 403), ServiceUnavailable),
        (f"{API}/user/emails", {}, ServiceUnavailable),
    ],
)
def test_a_github_that_refuses_and_one_in_trouble(
    github: FakeIssuer, path: str, answer: Any, failure: type[HoldallError]
) -> None:
    github.responses[path] = answer

    with pytest.raises(failure):
        exchange()
