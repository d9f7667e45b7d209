"""Linked identities (S6): changes need a recent session that is still active, and keep a sign-in method."""

from collections.abc import Iterator
from typing import Any

import pytest

from holdall.accounts import store
from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.browser import Browser
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.mfa import enable_mfa
from tests.support.oauth import (
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
    """Return a browser in which the client is signed in."""
    return sign_in_browser(str(client.user["email"]))


def test_linked_identity_signs_in(
    providers: FakeProviders, client: Client, signed_in_browser: Browser, fake_aws: FakeAws
) -> None:
    cookie = signed_in_browser.session_cookie
    provider_user = ProviderUser(users.unique_email())  # another address than that of the account
    response = providers.link(signed_in_browser, provider_user)

    assert (response.status, signed_in_browser.session_cookie) == (302, cookie)
    (identity,) = signed_in_browser.get("/auth/identities").data()
    assert (identity["provider"], identity["email"]) == ("issuer", provider_user.email)
    assert mailbox.receive_changes(fake_aws, client.user["email"]) == ["The sign-in with issuer was added."]
    browser = Browser()
    providers.sign_in(browser, provider_user)
    assert browser.get("/auth/me").data()["id"] == client.user["id"]


def test_identity_is_linked_with_a_token(providers: FakeProviders, client: Client) -> None:
    browser = Browser()
    headers = {"authorization": f"Bearer {client.access_token}"}
    url = browser.send("POST", "/auth/identities/issuer/link", **headers).data()["url"]
    provider_user = ProviderUser(users.unique_email())

    assert Browser().get(callback := providers.authorize("issuer", url, provider_user)).status == 401
    assert browser.get(callback).status == 302
    assert [each["provider"] for each in client.get("/auth/identities").data()] == ["issuer"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/auth/identities/issuer/link"), ("DELETE", "/auth/identities/issuer")]
)
def test_link_and_unlink_require_a_recent_session(
    providers: FakeProviders, client: Client, frozen_clock: FrozenClock, method: str, path: str
) -> None:
    frozen_clock.advance(minutes=11)

    assert status_and_code(client.request(method, path)) == (403, "fresh_session_required")


def test_identity_of_another_account_is_not_linked(
    providers: FakeProviders, browser: Browser, signed_in_browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)

    assert status_and_code(providers.link(signed_in_browser, provider_user)) == (409, "identity_taken")
    assert linked_providers(signed_in_browser) == []
    assert linked_providers(browser) == ["issuer"]


def test_account_has_one_identity_of_a_provider(
    providers: FakeProviders, signed_in_browser: Browser, provider_user: ProviderUser
) -> None:
    assert providers.link(signed_in_browser, provider_user).status == 302

    assert status_and_code(providers.link(signed_in_browser, provider_user)) == (409, "identity_taken")
    assert status_and_code(providers.link(signed_in_browser, ProviderUser(users.unique_email(), subject="2002"))) == (
        409,
        "identity_taken",
    )
    assert linked_providers(signed_in_browser) == ["issuer"]


@pytest.mark.parametrize("how", ["logout", "logout-all", "password"])
def test_link_fails_if_the_session_that_started_it_has_ended(
    providers: FakeProviders,
    client: Client,
    signed_in_browser: Browser,
    provider_user: ProviderUser,
    fake_aws: FakeAws,
    how: str,
) -> None:
    """An attacker who had access to a session must not link an identity afterwards."""
    url = signed_in_browser.send_same_origin("POST", "/auth/identities/issuer/link").data()["url"]
    if how == "logout":
        cookie = signed_in_browser.session_cookie
        signed_in_browser.send_same_origin("POST", "/auth/logout")
        signed_in_browser.session_cookie = cookie
    elif how == "logout-all":
        client.post("/auth/logout-all")
    else:
        body = {"currentPassword": users.PASSWORD, "newPassword": "another long password"}
        assert client.post("/auth/change-password", body).status == 204

    assert status_and_code(signed_in_browser.get(providers.authorize("issuer", url, provider_user))) == (
        401,
        "invalid_token",
    )
    assert identity_rows(fake_aws) == []


def test_identity_is_unlinked(
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
    (notice,) = mailbox.receive_changes(fake_aws, client.user["email"])
    assert "issuer was removed" in notice
    assert status_and_code(signed_in_browser.send_same_origin("DELETE", "/auth/identities/issuer")) == (
        404,
        "not_found",
    )
    stranger = Browser()
    providers.sign_in(stranger, provider_user)  # a new account, because the identity is free
    assert stranger.get("/auth/me").data()["id"] != client.user["id"]


def test_last_sign_in_method_cannot_be_unlinked(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)

    assert status_and_code(browser.send_same_origin("DELETE", "/auth/identities/issuer")) == (
        409,
        "last_sign_in_method",
    )
    assert linked_providers(browser) == ["issuer"]
    assert providers.link(browser, ProviderUser(provider_user.email), "github").status == 302
    assert browser.send_same_origin("DELETE", "/auth/identities/issuer").status == 204
    assert status_and_code(browser.send_same_origin("DELETE", "/auth/identities/github")) == (
        409,
        "last_sign_in_method",
    )


@pytest.fixture
def _concurrent_unlink(monkeypatch: pytest.MonkeyPatch, browser: Browser) -> Iterator[list[str]]:
    """Unlink the other identity between the read and the write of a request."""
    unlinked: list[str] = []
    list_identities = store.list_identities

    def list_and_unlink(user_id: str) -> Any:
        identities = list_identities(user_id)
        if not unlinked:
            unlinked.append("github")
            browser.send_same_origin("DELETE", "/auth/identities/github")
        return identities

    monkeypatch.setattr(store, "list_identities", list_and_unlink)
    yield unlinked
    monkeypatch.setattr(store, "list_identities", list_identities)


def test_two_requests_at_once_do_not_unlink_the_last_two_methods(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, request: pytest.FixtureRequest
) -> None:
    providers.sign_in(browser, provider_user)
    providers.link(browser, ProviderUser(provider_user.email), "github")
    request.getfixturevalue("_concurrent_unlink")

    response = browser.send_same_origin("DELETE", "/auth/identities/issuer")
    assert status_and_code(response) == (409, "last_sign_in_method")
    assert linked_providers(browser) == ["issuer"]


def test_identity_is_free_after_the_deletion_of_the_account(
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
