"""Identities (S6): linked and unlinked by a fresh session that still counts; never the last way in."""

from collections.abc import Iterator
from typing import Any

import pytest

from holdall.accounts import store
from tests.api import people
from tests.api.authenticator import letters, protect
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed
from tests.api.provider import Browser, Person, Providers, identities, install, names, refused, signed_in


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, installed: Installed, cloud: Cloud) -> Providers:
    return install(monkeypatch, installed, cloud)


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def person() -> Person:
    return Person(people.new_address())


@pytest.fixture
def home(client: Client) -> Browser:
    """The browser of the client, signed in."""
    return signed_in(str(client.user["email"]))


def test_an_identity_is_linked_and_signs_in(providers: Providers, client: Client, home: Browser, cloud: Cloud) -> None:
    cookie = home.cookie
    person = Person(people.new_address())  # another address than the account's: the session says whose it is
    answer = providers.link(home, person)

    assert (answer.status, home.cookie) == (302, cookie)
    (shown,) = home.get("/auth/identities").data()
    assert (shown["provider"], shown["email"]) == ("issuer", person.email)
    assert letters(cloud, client.user["email"]) == ["the sign-in with issuer was added"]
    browser = Browser()
    providers.sign_in(browser, person)
    assert browser.get("/auth/me").data()["id"] == client.user["id"]


def test_an_identity_is_linked_by_a_token_too(providers: Providers, client: Client) -> None:
    browser = Browser()
    headers = {"authorization": f"Bearer {client.token}"}
    url = browser.ask("POST", "/auth/identities/issuer/link", **headers).data()["url"]
    person = Person(people.new_address())

    assert Browser().get(back := providers.authorize("issuer", url, person)).status == 401
    assert browser.get(back).status == 302
    assert [each["provider"] for each in client.get("/auth/identities").data()] == ["issuer"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/auth/identities/issuer/link"), ("DELETE", "/auth/identities/issuer")]
)
def test_a_session_that_is_not_fresh_links_and_unlinks_nothing(
    providers: Providers, client: Client, frozen: Clock, method: str, path: str
) -> None:
    frozen.forward(minutes=11)

    assert refused(client.request(method, path)) == (403, "fresh_session_required")


def test_an_identity_of_another_account_is_not_linked(
    providers: Providers, browser: Browser, home: Browser, person: Person
) -> None:
    providers.sign_in(browser, person)

    assert refused(providers.link(home, person)) == (409, "identity_taken")
    assert names(home) == []
    assert names(browser) == ["issuer"]


def test_an_account_has_one_identity_of_a_provider(providers: Providers, home: Browser, person: Person) -> None:
    assert providers.link(home, person).status == 302

    assert refused(providers.link(home, person)) == (409, "identity_taken")
    assert refused(providers.link(home, Person(people.new_address(), subject="2002"))) == (409, "identity_taken")
    assert names(home) == ["issuer"]


@pytest.mark.parametrize("how", ["logout", "elsewhere", "password"])
def test_a_link_that_a_session_began_is_void_when_the_session_is(
    providers: Providers, client: Client, home: Browser, person: Person, cloud: Cloud, how: str
) -> None:
    """Whoever borrowed a session must not leave an identity of theirs behind."""
    url = home.change("POST", "/auth/identities/issuer/link").data()["url"]
    if how == "logout":
        cookie = home.cookie
        home.change("POST", "/auth/logout")
        home.cookie = cookie
    elif how == "elsewhere":
        client.post("/auth/logout-all")
    else:
        said = {"currentPassword": people.PASSWORD, "newPassword": "another long password"}
        assert client.post("/auth/change-password", said).status == 204

    assert refused(home.get(providers.authorize("issuer", url, person))) == (401, "invalid_token")
    assert identities(cloud) == []


def test_an_identity_is_forgotten(providers: Providers, client: Client, home: Browser, cloud: Cloud) -> None:
    person = Person(people.new_address())
    providers.link(home, person)
    other = Browser()
    providers.sign_in(other, person)
    cloud.waiting("mail")

    assert home.change("DELETE", "/auth/identities/issuer").status == 204
    assert names(home) == []
    assert identities(cloud) == []
    assert other.get("/auth/me").status == 401
    (told,) = letters(cloud, client.user["email"])
    assert "issuer was removed" in told
    assert refused(home.change("DELETE", "/auth/identities/issuer")) == (404, "not_found")
    stranger = Browser()
    providers.sign_in(stranger, person)  # the identity is nobody's, and begins anew
    assert stranger.get("/auth/me").data()["id"] != client.user["id"]


def test_the_last_way_to_sign_in_stays(providers: Providers, browser: Browser, person: Person) -> None:
    providers.sign_in(browser, person)

    assert refused(browser.change("DELETE", "/auth/identities/issuer")) == (409, "last_way_in")
    assert names(browser) == ["issuer"]
    assert providers.link(browser, Person(person.email), "github").status == 302
    assert browser.change("DELETE", "/auth/identities/issuer").status == 204
    assert refused(browser.change("DELETE", "/auth/identities/github")) == (409, "last_way_in")


@pytest.fixture
def _meanwhile(monkeypatch: pytest.MonkeyPatch, browser: Browser) -> Iterator[list[str]]:
    """Between look and commit of one unlink, another takes the other identity."""
    done: list[str] = []
    look = store.identities

    def slow(user_id: str) -> Any:
        found = look(user_id)
        if not done:
            done.append("github")
            browser.change("DELETE", "/auth/identities/github")
        return found

    monkeypatch.setattr(store, "identities", slow)
    yield done
    monkeypatch.setattr(store, "identities", look)


def test_of_two_that_take_the_last_two_ways_at_once_one_wins(
    providers: Providers, browser: Browser, person: Person, request: pytest.FixtureRequest
) -> None:
    providers.sign_in(browser, person)
    providers.link(browser, Person(person.email), "github")
    request.getfixturevalue("_meanwhile")

    answer = browser.change("DELETE", "/auth/identities/issuer")
    assert refused(answer) == (409, "last_way_in")
    assert names(browser) == ["issuer"]


def test_who_left_may_begin_anew_with_the_identity(
    providers: Providers, client: Client, home: Browser, cloud: Cloud
) -> None:
    person = Person(people.new_address())
    providers.link(home, person)
    protect(client)
    assert people.leave(client).status == 204

    assert identities(cloud) == []
    assert cloud.rows("credentials", pk=f"USER#{client.user['id']}") == []
    browser = Browser()
    assert providers.sign_in(browser, person).status == 302
    assert browser.get("/auth/me").data()["id"] != client.user["id"]
