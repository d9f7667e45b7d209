"""Accounts of identities (S6): an identity is issuer and subject, and is linked only if both sides verified the address."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from holdall.accounts.service import security, sign_up
from holdall.platform.caller import ClientInfo
from tests.support import mailbox, users
from tests.support.admins import AdminFactory
from tests.support.aws import FakeAws
from tests.support.browser import ORIGIN, Browser
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
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

VerifyEmail = Callable[[str, FakeAws, OverrideSettings], None]


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, override_settings: OverrideSettings, fake_aws: FakeAws) -> FakeProviders:
    return install_providers(monkeypatch, override_settings, fake_aws)


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def provider_user() -> ProviderUser:
    return ProviderUser(users.unique_email())


def test_first_sign_in_creates_an_account_with_its_project(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, fake_aws: FakeAws
) -> None:
    response = providers.sign_in(browser, provider_user, return_to="/files")

    assert (response.status, response.headers["location"]) == (302, "/files")
    assert browser.session_cookie.startswith("hc_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= browser.cookie_attributes
    me = browser.get("/auth/me").data()
    assert (me["email"], me["name"], me["roles"]) == (provider_user.email, "Ada", ["user"])
    (project,) = browser.get("/projects").data()
    assert (project["personal"], project["id"]) == (True, me["id"][14:])
    assert linked_providers(browser) == ["issuer"]
    actions = {row["action"] for row in fake_aws.find_rows("audit", actor=me["id"])}
    assert actions == {"accounts.sign_up", "projects.create", "sessions.create"}


def test_user_without_a_password_who_has_an_identity_is_not_told_as_invited(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)
    user_id = browser.get("/auth/me").data()["id"]

    assert users.create_superuser().get(f"/users/{user_id}").data()["invited"] is False


def test_second_sign_in_finds_the_account(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)
    other_browser = Browser()
    providers.sign_in(other_browser, provider_user)

    assert other_browser.get("/auth/me").data()["id"] == browser.get("/auth/me").data()["id"]
    assert other_browser.session_cookie != browser.session_cookie
    assert browser.get("/auth/me").status == 200


def test_identity_with_another_address_finds_the_account(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, client: Client
) -> None:
    providers.sign_in(browser, provider_user)
    for identity in (
        ProviderUser(users.unique_email()),
        ProviderUser(None),
        ProviderUser(client.user["email"], email_verified=False),
    ):
        other_browser = Browser()
        assert providers.sign_in(other_browser, identity).status == 302
        assert other_browser.get("/auth/me").data()["email"] == provider_user.email


def test_another_subject_with_the_same_address_is_another_user(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    """The provider has given the address to another person, who must not get the account of the first one."""
    providers.sign_in(browser, provider_user)

    assert status_and_code(providers.sign_in(Browser(), ProviderUser(provider_user.email, subject="2002"))) == (
        409,
        "identity_taken",
    )


def test_same_subject_of_another_provider_is_another_user(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)
    other = Browser()
    providers.sign_in(other, ProviderUser(users.unique_email()), "github")

    assert other.get("/auth/me").data()["id"] != browser.get("/auth/me").data()["id"]


@pytest.mark.parametrize("name", ["issuer", "github"])
@pytest.mark.parametrize("address", ["taken", "free"])
def test_prehijacking_with_an_address_that_the_provider_has_not_verified_is_rejected(
    providers: FakeProviders, browser: Browser, client: Client, fake_aws: FakeAws, name: str, address: str
) -> None:
    email = client.user["email"] if address == "taken" else users.unique_email()

    assert status_and_code(providers.sign_in(browser, ProviderUser(email, email_verified=False), name)) == (
        403,
        "email_unverified",
    )
    assert identity_rows(fake_aws) == []
    assert browser.get("/auth/me").status == 401


@pytest.mark.parametrize("email", [None, "", "no address", "a@b", "ada@example.test\r\nbcc: x@example.test", "a" * 300])
def test_identity_without_a_valid_address_gets_no_account(
    providers: FakeProviders, browser: Browser, fake_aws: FakeAws, email: str | None
) -> None:
    assert status_and_code(providers.sign_in(browser, ProviderUser(email))) == (403, "email_unverified")
    assert fake_aws.find_rows("main", record_type="user") == []


@pytest.mark.parametrize("name", [None, "", " ", "x" * 300, "a\nb", "\u202eevil"])
def test_invalid_name_is_replaced(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, name: str | None
) -> None:
    providers.sign_in(browser, ProviderUser(provider_user.email, name=name))

    shown_name = browser.get("/auth/me").data()["name"]
    assert 0 < len(shown_name) <= 100
    assert "\n" not in shown_name


def test_prehijacking_with_an_unverified_account_is_rejected(
    providers: FakeProviders, browser: Browser, client: Client, fake_aws: FakeAws
) -> None:
    """Classic-federated merge: the attacker signed up with the address of the victim, and waits."""
    response = providers.sign_in(browser, ProviderUser(client.user["email"]))

    assert status_and_code(response) == (409, "email_taken")
    assert identity_rows(fake_aws) == []


@pytest.mark.parametrize("verification", ["on", "off"])
def test_prehijacking_with_an_account_that_an_administrator_created_is_rejected(
    providers: FakeProviders,
    browser: Browser,
    provider_user: ProviderUser,
    override_settings: OverrideSettings,
    fake_aws: FakeAws,
    verification: str,
) -> None:
    """Classic-federated merge: an administrator creates an account for the victim, and knows its password."""
    override_settings(EMAIL_VERIFICATION=verification)
    administrator = AdminFactory(users.create_superuser()).create_user_with_permissions(
        "users.create", "projects.create"
    )
    body = {"email": provider_user.email, "password": users.PASSWORD, "roles": ["user"]}
    administrator.post("/users", body).created()

    assert status_and_code(providers.sign_in(browser, provider_user)) == (409, "email_taken")
    assert identity_rows(fake_aws) == []


def test_prehijacking_with_an_account_that_changes_its_address_meanwhile_is_rejected(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, fake_aws: FakeAws
) -> None:
    """Unexpired email change: the account gets another verified address between the lookup and the read."""
    attacker, elsewhere = users.sign_in(users.sign_up(provider_user.email)["email"]), users.unique_email()
    attacker.post("/auth/change-email", {"email": elsewhere, "password": users.PASSWORD}).data()
    token = mailbox.receive_token(fake_aws, "email-change")
    with interleave(
        "BatchGetItem", lambda: security.confirm_email(ClientInfo("192.0.2.8", "faster", "request"), token)
    ):
        response = providers.sign_in(browser, provider_user)

    assert status_and_code(response) == (409, "email_taken")
    assert identity_rows(fake_aws) == []


def _verify_by_sign_up(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    body = {"email": email, "password": users.PASSWORD}
    override_settings(EMAIL_VERIFICATION="on")
    Client().post("/auth/sign-up", body).data()
    override_settings(EMAIL_VERIFICATION="off")
    proof = {"token": mailbox.receive_token(fake_aws, "email-verification"), "password": users.PASSWORD}
    Client().post("/auth/verify-email", proof).data()


def _invite(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    users.create_superuser().post("/users", {"email": email, "roles": ["user"]}).created()


def _verify_by_invitation(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    _invite(email, fake_aws, override_settings)
    proof = {"token": mailbox.receive_token(fake_aws, "account-invitation"), "password": users.PASSWORD}
    Client().post("/auth/accept-invitation", proof).data()


def _verify_by_reset(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    mailbox.sign_in_with_verified_email(users.sign_up(email)["email"], fake_aws)


def _verify_by_email_change(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    users.create_client().post("/auth/change-email", {"email": email, "password": users.PASSWORD}).data()
    assert (
        Client().post("/auth/confirm-email", {"token": mailbox.receive_token(fake_aws, "email-change")}).status == 204
    )


@pytest.mark.parametrize(
    "verify_address", [_verify_by_sign_up, _invite, _verify_by_invitation, _verify_by_reset, _verify_by_email_change]
)
def test_identity_is_linked_if_both_sides_verified_the_address_and_the_owner_is_notified(
    providers: FakeProviders,
    browser: Browser,
    provider_user: ProviderUser,
    override_settings: OverrideSettings,
    fake_aws: FakeAws,
    verify_address: VerifyEmail,
) -> None:
    verify_address(str(provider_user.email), fake_aws, override_settings)
    mailbox.receive_emails(fake_aws)

    assert providers.sign_in(browser, provider_user).status == 302
    me = browser.get("/auth/me").data()
    assert me["email"] == provider_user.email
    assert mailbox.receive_changes(fake_aws, me["email"]) == ["The sign-in with issuer was added."]
    (row,) = fake_aws.find_rows("audit", action="accounts.link_identity")
    assert row["target"] == me["id"]


def test_two_providers_that_verified_the_address_share_an_account(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)

    assert providers.sign_in(Browser(), provider_user, "github").status == 302
    assert linked_providers(browser) == ["github", "issuer"]


@pytest.mark.parametrize("sign_up", ["invite", "closed"])
def test_provider_creates_no_account_where_sign_up_is_closed(
    providers: FakeProviders,
    browser: Browser,
    provider_user: ProviderUser,
    override_settings: OverrideSettings,
    sign_up: str,
) -> None:
    known = Browser()
    providers.sign_in(known, provider_user)
    override_settings(SIGN_UP=sign_up)

    stranger = ProviderUser(users.unique_email(), subject="2002")
    assert status_and_code(providers.sign_in(browser, stranger)) == (403, "sign_up_closed")
    assert providers.sign_in(Browser(), provider_user).status == 302


@pytest.mark.parametrize("linked_by", ["identity", "address"])
def test_sign_in_with_a_provider_requires_the_second_factor(
    providers: FakeProviders,
    client: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    linked_by: str,
) -> None:
    provider_user = ProviderUser(client.user["email"])
    client = mailbox.sign_in_with_verified_email(client.user["email"], fake_aws)
    if linked_by == "identity":
        assert providers.link(sign_in_browser(client.user["email"]), provider_user).status == 302
    owner = enable_mfa(client)
    frozen_clock.advance(seconds=60)
    browser = Browser()
    response = providers.sign_in(browser, provider_user, return_to="/files?x=1#part")

    path, _, token = response.headers["location"].partition("#mfaToken=")
    assert (response.status, path) == (302, "/files?x=1")
    assert browser.session_cookie.startswith("ho_")
    assert browser.get("/auth/me").status == 401
    assert bool(fake_aws.find_rows("credentials", record_type="identity")) == (linked_by == "identity")
    body = {"mfaToken": token, "code": owner.totp_code(), "mode": "cookie"}
    browser.send("POST", "/auth/2fa/verify", body, origin=ORIGIN).data()
    assert browser.get("/auth/me").data()["id"] == client.user["id"]
    assert linked_providers(browser) == ["issuer"]


@pytest.mark.parametrize(("age", "status"), [(None, 403), (timedelta(minutes=11), 403), (timedelta(minutes=1), 200)])
def test_session_of_a_provider_is_as_old_as_its_sign_in_there(
    providers: FakeProviders,
    client: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    age: timedelta | None,
    status: int,
) -> None:
    user = ProviderUser(client.user["email"], authenticated_at=frozen_clock.time - age if age else None)
    mailbox.sign_in_with_verified_email(client.user["email"], fake_aws)
    browser = Browser()
    providers.sign_in(browser, user)
    csrf_token = browser.get("/auth/me").data()["csrfToken"]

    response = browser.send("POST", "/auth/2fa/setup", {}, origin=ORIGIN, x_csrf_token=csrf_token)
    assert response.status == status
    if status == 403:
        assert response.problem()["code"] == "fresh_session_required"


@pytest.mark.parametrize("status", ["disabled", "deleted"])
def test_inactive_user_cannot_sign_in(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, fake_aws: FakeAws, status: str
) -> None:
    providers.sign_in(browser, provider_user)
    fake_aws.update_row(f"USER#{browser.get('/auth/me').data()['id']}", "USER", status=status)

    other_browser = Browser()
    assert status_and_code(providers.sign_in(other_browser, provider_user)) == (401, "invalid_credentials")
    assert other_browser.session_cookie.startswith("ho_")


def test_two_first_sign_ins_at_once_create_one_account(
    providers: FakeProviders, provider_user: ProviderUser, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_account, first = sign_up.create_account, Browser()

    def create_late(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(sign_up, "create_account", create_account)
        assert providers.sign_in(first, provider_user).status == 302
        return create_account(*args, **kwargs)

    monkeypatch.setattr(sign_up, "create_account", create_late)
    assert providers.sign_in(Browser(), provider_user).status == 409
    assert len(fake_aws.find_rows("main", record_type="user")) == 1
    assert first.get("/auth/me").status == 200


def test_address_is_free_thirty_days_after_the_deletion(
    providers: FakeProviders, client: Client, browser: Browser, frozen_clock: FrozenClock
) -> None:
    provider_user = ProviderUser(client.user["email"])
    assert users.delete_account(client).status == 204
    frozen_clock.advance(days=29)
    assert providers.sign_in(Browser(), provider_user).status == 401
    frozen_clock.advance(days=1, seconds=1)

    assert providers.sign_in(browser, provider_user).status == 302
    assert browser.get("/auth/me").data()["id"] != client.user["id"]
