"""Identities (S6): linked and unlinked by a fresh session that still counts; never the last way in."""

from collections.abc import Iterator
from typing import Any

import pytest

from holdall.accounts import store
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.mfa import enable_mfa, receive_email_details
from tests.support.oauth import (
    Browser,
    FakeProviders,
    ProviderUser,
    identity_rows,
    install_providers,
    linked_providers,
    sign_in_browser,
    status_and_code,
)


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, override_settings: OverrideSettings, fake_aws: FakeAws) -> FakeProviders:
    return install_providers(monkeypatch, override_settings, fake_aws)


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def provider_user() -> ProviderUser:
    return ProviderUser(users.unique_email())


@pytest.fixture
def signed_in_browser(client: Client) -> Browser:
    """The browser of the client, signed in."""
    return sign_in_browser(str(client.user["email"]))


def test_an_identity_is_linked_and_signs_in(
    providers: FakeProviders, client: Client, signed_in_browser: Browser, fake_aws: FakeAws
) -> None:
    cookie = signed_in_browser.session_cookie
    provider_user = ProviderUser(
        users.unique_email()
    )  # another address than the account's: the session says whose it is
    answer = providers.link(signed_in_browser, provider_user)

    assert (answer.status, signed_in_browser.session_cookie) == (302, cookie)
    (shown,) = signed_in_browser.get("/auth/identities").data()
    assert (shown["provider"], shown["email"]) == ("issuer", provider_user.email)
    assert receive_email_details(fake_aws, client.user["email"]) == ["the sign-in with issuer was added"]
    browser = Browser()
    providers.sign_in(browser, provider_user)
    assert browser.get("/auth/me").data()["id"] == client.user["id"]


def test_an_identity_is_linked_by_a_token_too(providers: FakeProviders, client: Client) -> None:
    browser = Browser()
    headers = {"authorization": f"Bearer {client.access_token}"}
    url = browser.send("POST", "/auth/identities/issuer/link", **headers).data()["url"]
    provider_user = ProviderUser(users.unique_email())

    assert Browser().get(back := providers.authorize("issuer", url, provider_user)).status == 401
    assert browser.get(back).status == 302
    assert [each["provider"] for each in client.get("/auth/identities").data()] == ["issuer"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/auth/identities/issuer/link"), ("DELETE", "/auth/identities/issuer")]
)
def test_a_session_that_is_not_fresh_links_and_unlinks_nothing(
    providers: FakeProviders, client: Client, frozen_clock: FrozenClock, method: str, path: str
) -> None:
    frozen_clock.advance(minutes=11)

    assert status_and_code(client.request(method, path)) == (403, "fresh_session_required")


def test_an_identity_of_another_account_is_not_linked(
    providers: FakeProviders, browser: Browser, signed_in_browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)

    assert status_and_code(providers.link(signed_in_browser, provider_user)) == (409, "identity_taken")
    assert linked_providers(signed_in_browser) == []
    assert linked_providers(browser) == ["issuer"]


def test_an_account_has_one_identity_of_a_provider(
    providers: FakeProviders, signed_in_browser: Browser, provider_user: ProviderUser
) -> None:
    assert providers.link(signed_in_browser, provider_user).status == 302

    assert status_and_code(providers.link(signed_in_browser, provider_user)) == (409, "identity_taken")
    assert status_and_code(providers.link(signed_in_browser, ProviderUser(users.unique_email(), subject="2002"))) == (
        409,
        "identity_taken",
    )
    assert linked_providers(signed_in_browser) == ["issuer"]


@pytest.mark.parametrize("how", ["logout", "elsewhere", "password"])
def test_a_link_that_a_session_began_is_void_when_the_session_is(
    providers: FakeProviders,
    client: Client,
    signed_in_browser: Browser,
    provider_user: ProviderUser,
    fake_aws: FakeAws,
    how: str,
) -> None:
    """Whoever borrowed a session must not leave an identity of theirs behind."""
    url = signed_in_browser.send_same_origin("POST", "/auth/identities/issuer/link").data()["url"]
    if how == "logout":
        cookie = signed_in_browser.session_cookie
        signed_in_browser.send_same_origin("POST", "/auth/logout")
        signed_in_browser.session_cookie = cookie
    elif how == "elsewhere":
        client.post("/auth/logout-all")
    else:
        said = {"currentPassword": users.PASSWORD, "newPassword": "another long password"}
        assert client.post("/auth/change-password", said).status == 204

    assert status_and_code(signed_in_browser.get(providers.authorize("issuer", url, provider_user))) == (
        401,
        "invalid_token",
    )
    assert identity_rows(fake_aws) == []


def test_an_identity_is_forgotten(
    providers: FakeProviders, client: Client, signed_in_browser: Browser, fake_aws: FakeAws
) -> None:
    provider_user = ProviderUser(users.unique_email())
    providers.link(signed_in_browser, provider_user)
    other = Browser()
    providers.sign_in(other, provider_user)
    fake_aws.receive_messages("mail")

    assert signed_in_browser.send_same_origin("DELETE", "/auth/identities/issuer").status == 204
    assert linked_providers(signed_in_browser) == []
    assert identity_rows(fake_aws) == []
    assert other.get("/auth/me").status == 401
    (told,) = receive_email_details(fake_aws, client.user["email"])
    assert "issuer was removed" in told
    assert status_and_code(signed_in_browser.send_same_origin("DELETE", "/auth/identities/issuer")) == (
        404,
        "not_found",
    )
    stranger = Browser()
    providers.sign_in(stranger, provider_user)  # the identity is nobody's, and begins anew
    assert stranger.get("/auth/me").data()["id"] != client.user["id"]


def test_the_last_way_to_sign_in_stays(providers: FakeProviders, browser: Browser, provider_user: ProviderUser) -> None:
    providers.sign_in(browser, provider_user)

    assert status_and_code(browser.send_same_origin("DELETE", "/auth/identities/issuer")) == (409, "last_way_in")
    assert linked_providers(browser) == ["issuer"]
    assert providers.link(browser, ProviderUser(provider_user.email), "github").status == 302
    assert browser.send_same_origin("DELETE", "/auth/identities/issuer").status == 204
    assert status_and_code(browser.send_same_origin("DELETE", "/auth/identities/github")) == (409, "last_way_in")


@pytest.fixture
def _concurrent_unlink(monkeypatch: pytest.MonkeyPatch, browser: Browser) -> Iterator[list[str]]:
    """Between look and commit of one unlink, another takes the other identity."""
    done: list[str] = []
    look = store.list_identities

    def slow(user_id: str) -> Any:
        found = look(user_id)
        if not done:
            done.append("github")
            browser.send_same_origin("DELETE", "/auth/identities/github")
        return found

    monkeypatch.setattr(store, "list_identities", slow)
    yield done
    monkeypatch.setattr(store, "list_identities", look)


def test_of_two_that_take_the_last_two_ways_at_once_one_wins(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, request: pytest.FixtureRequest
) -> None:
    providers.sign_in(browser, provider_user)
    providers.link(browser, ProviderUser(provider_user.email), "github")
    request.getfixturevalue("_concurrent_unlink")

    answer = browser.send_same_origin("DELETE", "/auth/identities/issuer")
    assert status_and_code(answer) == (409, "last_way_in")
    assert linked_providers(browser) == ["issuer"]


def test_who_left_may_begin_anew_with_the_identity(
    providers: FakeProviders, client: Client, signed_in_browser: Browser, fake_aws: FakeAws
) -> None:
    provider_user = ProviderUser(users.unique_email())
    providers.link(signed_in_browser, provider_user)
    enable_mfa(client)
    assert users.delete_account(client).status == 204

    assert identity_rows(fake_aws) == []
    assert fake_aws.find_rows("credentials", pk=f"USER#{client.user['id']}") == []
    browser = Browser()
    assert providers.sign_in(browser, provider_user).status == 302
    assert browser.get("/auth/me").data()["id"] != client.user["id"]
