"""GitHub tells who somebody is by its API: a number, and the primary address when it verified that."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.accounts import oauth
from holdall.accounts.oauth import Identity
from holdall.errors import Failure, Unauthenticated, Unavailable
from tests.unit.accounts.oauth_issuer import CALLBACK, Issuer, Said, in_place_of_the_network

SITE, API = "https://github.com", "https://api.github.com"
GITHUB = oauth.github("Iv1.us", "canary-of-the-secret")
ADDRESS = {"email": "ada@example.test", "primary": True, "verified": True}
OTHER = {"email": "other@example.test", "primary": False, "verified": True}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    site = in_place_of_the_network(monkeypatch)
    site.answers = {
        f"{SITE}/login/oauth/access_token": {"access_token": "gho_1", "token_type": "bearer", "scope": "user:email"},
        f"{API}/user": {"id": 583231, "login": "ada", "name": "Ada", "email": "shown@example.test"},
        f"{API}/user/emails": [OTHER, ADDRESS],
    }
    return site


def exchange() -> Identity:
    return oauth.exchange(GITHUB, code="a code", verifier="v" * 52, redirect_uri=CALLBACK, nonce="unused")


def test_where_the_browser_goes(site: Issuer) -> None:
    url = oauth.authorize_url(GITHUB, redirect_uri=CALLBACK, state="s", nonce="n", code_challenge="c")

    split = urlsplit(url)
    assert (split.netloc, split.path) == ("github.com", "/login/oauth/authorize")
    said = parse_qs(split.query)
    assert (said["code_challenge_method"], said["scope"]) == (["S256"], ["read:user user:email"])
    assert "nonce" not in said
    assert site.asked == []


def test_who_came_back(site: Issuer) -> None:
    assert exchange() == Identity(SITE, "583231", "ada@example.test", True, "Ada")  # noqa: FBT003

    code, user, _ = site.asked
    assert code.headers["accept"] == "application/json"  # it would answer by a form
    assert parse_qs((code.body or b"").decode())["code_verifier"] == ["v" * 52]
    assert user.headers["authorization"] == "Bearer gho_1"


@pytest.mark.parametrize(
    ("emails", "email", "verified"),
    [
        ([ADDRESS | {"verified": False}, OTHER], "ada@example.test", False),
        ([ADDRESS | {"verified": "yes"}], "ada@example.test", False),
        ([OTHER], None, False),
        ([], None, False),
        ([1, None, {"primary": True}, ADDRESS | {"primary": 1}], None, False),
        (Said(b'{"message": "Not Found"}', 404), None, False),
    ],
)
def test_an_address_that_proves_nothing(site: Issuer, emails: Any, email: str | None, *, verified: bool) -> None:
    site.answers[f"{API}/user/emails"] = emails

    known = exchange()

    assert (known.email, known.email_verified) == (email, verified)


@pytest.mark.parametrize("user", [{}, [], {"id": "583231"}, {"id": True}, {"login": "ada"}, Said(b"{}", 403)])
def test_somebody_without_a_number(site: Issuer, user: Any) -> None:
    site.answers[f"{API}/user"] = user

    with pytest.raises(Unavailable):
        exchange()


def test_somebody_without_a_name(site: Issuer) -> None:
    site.answers[f"{API}/user"] |= {"name": None}

    assert exchange().name == "ada"


@pytest.mark.parametrize(
    ("path", "answer", "failure"),
    [
        (f"{SITE}/login/oauth/access_token", {"error": "bad_verification_code"}, Unauthenticated),
        (f"{SITE}/login/oauth/access_token", {"error": "incorrect_client_credentials"}, Unavailable),
        (f"{API}/user", Said(b"{}", 401), Unauthenticated),
        (f"{API}/user", Said(b"{}", 502), Unavailable),
        (f"{API}/user/emails", Said(b"{}", 403), Unavailable),
        (f"{API}/user/emails", {}, Unavailable),
    ],
)
def test_a_github_that_refuses_and_one_in_trouble(site: Issuer, path: str, answer: Any, failure: type[Failure]) -> None:
    site.answers[path] = answer

    with pytest.raises(failure):
        exchange()
