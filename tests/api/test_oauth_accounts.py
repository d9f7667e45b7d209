"""OAuth and accounts (S6): an identity is issuer and subject; it is linked only where nobody can be robbed by it."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.accounts.service import security, sign_in
from holdall.platform.caller import ClientInfo
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import mailbox, users
from tests.support.admins import AdminFactory
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.faults import interleave
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


def test_the_first_sign_in_makes_an_account_with_its_project(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, fake_aws: FakeAws
) -> None:
    answer = providers.sign_in(browser, provider_user, return_to="/files")

    assert (answer.status, answer.headers["location"]) == (302, "/files")
    assert browser.session_cookie.startswith("hc_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= browser.cookie_attributes
    me = browser.get("/auth/me").data()
    assert (me["email"], me["name"], me["roles"]) == (provider_user.email, "Ada", ["user"])
    (project,) = browser.get("/projects").data()
    assert (project["personal"], project["id"]) == (True, me["id"][14:])
    assert linked_providers(browser) == ["issuer"]
    actions = {row["action"] for row in fake_aws.find_rows("audit", actor=me["id"])}
    assert actions == {"accounts.sign-up", "projects.create", "login"}


def test_the_second_sign_in_finds_the_account(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)
    again = Browser()
    providers.sign_in(again, provider_user)

    assert again.get("/auth/me").data()["id"] == browser.get("/auth/me").data()["id"]
    assert again.session_cookie != browser.session_cookie
    assert browser.get("/auth/me").status == 200


def test_an_identity_is_found_after_its_address_has_changed(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, client: Client
) -> None:
    providers.sign_in(browser, provider_user)
    for changed in (
        ProviderUser(users.unique_email()),
        ProviderUser(None),
        ProviderUser(client.user["email"], email_verified=False),
    ):
        again = Browser()
        assert providers.sign_in(again, changed).status == 302
        assert again.get("/auth/me").data()["email"] == provider_user.email


def test_another_subject_with_the_address_is_somebody_else(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    """Classic: a provider gives an address to another person, who must not find the account of the one before."""
    providers.sign_in(browser, provider_user)

    assert status_and_code(providers.sign_in(Browser(), ProviderUser(provider_user.email, subject="2002"))) == (
        409,
        "identity_taken",
    )


def test_the_same_subject_of_another_provider_is_somebody_else(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)
    other = Browser()
    providers.sign_in(other, ProviderUser(users.unique_email()), "github")

    assert other.get("/auth/me").data()["id"] != browser.get("/auth/me").data()["id"]


@pytest.mark.parametrize("name", ["issuer", "github"])
@pytest.mark.parametrize("address", ["taken", "free"])
def test_prehijacking_an_address_that_the_provider_did_not_verify_is_worth_nothing(
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
def test_whoever_has_no_address_gets_no_account(
    providers: FakeProviders, browser: Browser, fake_aws: FakeAws, email: str | None
) -> None:
    assert status_and_code(providers.sign_in(browser, ProviderUser(email))) == (403, "email_unverified")
    assert fake_aws.find_rows("main", record_type="user") == []


@pytest.mark.parametrize("name", [None, "", " ", "x" * 300, "a\nb", "\u202eevil"])
def test_a_name_that_is_none_is_replaced(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, name: str | None
) -> None:
    providers.sign_in(browser, ProviderUser(provider_user.email, name=name))

    shown = browser.get("/auth/me").data()["name"]
    assert 0 < len(shown) <= 100
    assert "\n" not in shown


def test_prehijacking_an_account_whose_address_nobody_proved_is_not_linked(
    providers: FakeProviders, browser: Browser, client: Client, fake_aws: FakeAws
) -> None:
    """Classic-federated merge: somebody signed up with an address that is not theirs, and waits for its owner."""
    answer = providers.sign_in(browser, ProviderUser(client.user["email"]))

    assert status_and_code(answer) == (409, "email_taken")
    assert identity_rows(fake_aws) == []


@pytest.mark.parametrize("verification", ["on", "off"])
def test_prehijacking_an_account_that_somebody_made_for_another_with_a_password_is_not_linked(
    providers: FakeProviders,
    browser: Browser,
    provider_user: ProviderUser,
    override_settings: OverrideSettings,
    fake_aws: FakeAws,
    verification: str,
) -> None:
    """Classic-federated merge: a helper makes the account of who has not come yet, and goes in before them."""
    override_settings(EMAIL_VERIFICATION=verification)
    helper = AdminFactory(users.create_superuser()).create_user_with_permissions("users.create", "projects.create")
    said = {"email": provider_user.email, "password": users.PASSWORD, "roles": ["user"]}
    helper.post("/users", said).created()

    assert status_and_code(providers.sign_in(browser, provider_user)) == (409, "email_taken")
    assert identity_rows(fake_aws) == []


def test_prehijacking_an_account_that_moves_to_a_proven_address_meanwhile_is_not_linked(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, fake_aws: FakeAws
) -> None:
    """Unexpired e-mail change: the account of the address is nobody's of that address any more when it is looked at."""
    thief, elsewhere = users.sign_in(users.sign_up(provider_user.email)["email"]), users.unique_email()
    thief.post("/auth/change-email", {"email": elsewhere, "password": users.PASSWORD}).data()
    token = mailbox.receive_token(fake_aws, "email-change")
    with interleave(
        "BatchGetItem", lambda: security.confirm_email(ClientInfo("192.0.2.8", "faster", "request"), token)
    ):
        answer = providers.sign_in(browser, provider_user)

    assert status_and_code(answer) == (409, "email_taken")
    assert identity_rows(fake_aws) == []


def _verify_by_sign_up(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    said = {"email": email, "password": users.PASSWORD}
    override_settings(EMAIL_VERIFICATION="on")
    Client().post("/auth/sign-up", said).data()
    override_settings(EMAIL_VERIFICATION="off")
    answer = {"token": mailbox.receive_token(fake_aws, "verify"), "password": users.PASSWORD}
    Client().post("/auth/verify-email", answer).data()


def _invite(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    users.create_superuser().post("/users", {"email": email, "roles": ["user"]}).created()


def _verify_by_invitation(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    _invite(email, fake_aws, override_settings)
    answer = {"token": mailbox.receive_token(fake_aws, "invitation"), "password": users.PASSWORD}
    Client().post("/auth/accept-invitation", answer).data()


def _verify_by_reset(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    mailbox.sign_in_with_verified_email(users.sign_up(email)["email"], fake_aws)


def _verify_by_email_change(email: str, fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    users.create_client().post("/auth/change-email", {"email": email, "password": users.PASSWORD}).data()
    assert (
        Client().post("/auth/confirm-email", {"token": mailbox.receive_token(fake_aws, "email-change")}).status == 204
    )


@pytest.mark.parametrize(
    "prove", [_verify_by_sign_up, _invite, _verify_by_invitation, _verify_by_reset, _verify_by_email_change]
)
def test_where_both_sides_verified_the_address_the_identity_is_linked_and_the_owner_told(
    providers: FakeProviders,
    browser: Browser,
    provider_user: ProviderUser,
    override_settings: OverrideSettings,
    fake_aws: FakeAws,
    prove: VerifyEmail,
) -> None:
    prove(str(provider_user.email), fake_aws, override_settings)
    mailbox.receive_emails(fake_aws)

    assert providers.sign_in(browser, provider_user).status == 302
    me = browser.get("/auth/me").data()
    assert me["email"] == provider_user.email
    assert receive_email_details(fake_aws, me["email"]) == ["the sign-in with issuer was added"]
    (row,) = fake_aws.find_rows("audit", action="accounts.link")
    assert row["target"] == me["id"]


def test_an_account_of_one_provider_is_found_by_the_address_that_another_verified(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    providers.sign_in(browser, provider_user)

    assert providers.sign_in(Browser(), provider_user, "github").status == 302
    assert linked_providers(browser) == ["github", "issuer"]


@pytest.mark.parametrize("sign_up", ["invite", "closed"])
def test_where_strangers_may_not_sign_up_a_provider_makes_no_account(
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


@pytest.mark.parametrize("how", ["linked", "by its address"])
def test_a_sign_in_wants_the_second_factor(
    providers: FakeProviders,
    client: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    how: str,
) -> None:
    provider_user = ProviderUser(client.user["email"])
    client = mailbox.sign_in_with_verified_email(client.user["email"], fake_aws)
    if how == "linked":
        assert providers.link(sign_in_browser(client.user["email"]), provider_user).status == 302
    owner = enable_mfa(client)
    frozen_clock.advance(seconds=60)
    browser = Browser()
    answer = providers.sign_in(browser, provider_user, return_to="/files?x=1#part")

    where, _, token = answer.headers["location"].partition("#mfaToken=")
    assert (answer.status, where) == (302, "/files?x=1")
    assert browser.session_cookie.startswith("ho_")
    assert browser.get("/auth/me").status == 401
    said = {"mfaToken": token, "code": owner.totp_code(), "mode": "cookie"}
    browser.send("POST", "/auth/2fa/verify", said).data()
    assert browser.get("/auth/me").data()["id"] == client.user["id"]


@pytest.mark.parametrize("status", ["disabled", "deleted"])
def test_a_user_who_is_not_active_is_not_let_in(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, fake_aws: FakeAws, status: str
) -> None:
    providers.sign_in(browser, provider_user)
    fake_aws.update_row(f"USER#{browser.get('/auth/me').data()['id']}", "USER", status=status)

    again = Browser()
    assert status_and_code(providers.sign_in(again, provider_user)) == (401, "invalid_credentials")
    assert again.session_cookie.startswith("ho_")


def test_of_two_first_sign_ins_at_once_one_makes_the_account(
    providers: FakeProviders, provider_user: ProviderUser, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, first = sign_in.create_account, Browser()

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(sign_in, "create_account", make)
        assert providers.sign_in(first, provider_user).status == 302
        return make(*args, **more)

    monkeypatch.setattr(sign_in, "create_account", late)
    assert providers.sign_in(Browser(), provider_user).status == 409
    assert len(fake_aws.find_rows("main", record_type="user")) == 1
    assert first.get("/auth/me").status == 200


def test_an_address_is_free_thirty_days_after_its_holder_left(
    providers: FakeProviders, client: Client, browser: Browser, frozen_clock: FrozenClock
) -> None:
    provider_user = ProviderUser(client.user["email"])
    assert users.delete_account(client).status == 204
    frozen_clock.advance(days=29)
    assert providers.sign_in(Browser(), provider_user).status == 401
    frozen_clock.advance(days=1, seconds=1)

    assert providers.sign_in(browser, provider_user).status == 302
    assert browser.get("/auth/me").data()["id"] != client.user["id"]
