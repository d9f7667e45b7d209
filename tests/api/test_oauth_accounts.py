"""OAuth and accounts (S6): an identity is issuer and subject; it is linked only where nobody can be robbed by it."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.accounts.service import changes, entry
from holdall.caller import Visitor
from tests.api import people, post
from tests.api.authenticator import letters, protect
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed
from tests.api.faults import meanwhile
from tests.api.provider import Browser, Person, Providers, identities, install, names, refused, signed_in
from tests.api.staff import Staff

Prove = Callable[[str, Cloud, Installed], None]


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, installed: Installed, cloud: Cloud) -> Providers:
    return install(monkeypatch, installed, cloud)


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def person() -> Person:
    return Person(people.new_address())


def test_the_first_sign_in_makes_an_account_with_its_project(
    providers: Providers, browser: Browser, person: Person, cloud: Cloud
) -> None:
    answer = providers.sign_in(browser, person, to="/files")

    assert (answer.status, answer.headers["location"]) == (302, "/files")
    assert browser.cookie.startswith("hc_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= browser.attributes
    me = browser.get("/auth/me").data()
    assert (me["email"], me["name"], me["roles"]) == (person.email, "Ada", ["user"])
    (project,) = browser.get("/projects").data()
    assert (project["personal"], project["id"]) == (True, me["id"][14:])
    assert names(browser) == ["issuer"]
    actions = {row["action"] for row in cloud.rows("audit", actor=me["id"])}
    assert actions == {"accounts.sign-up", "projects.create", "login"}


def test_the_second_sign_in_finds_the_account(providers: Providers, browser: Browser, person: Person) -> None:
    providers.sign_in(browser, person)
    again = Browser()
    providers.sign_in(again, person)

    assert again.get("/auth/me").data()["id"] == browser.get("/auth/me").data()["id"]
    assert again.cookie != browser.cookie
    assert browser.get("/auth/me").status == 200


def test_an_identity_is_found_after_its_address_has_changed(
    providers: Providers, browser: Browser, person: Person, client: Client
) -> None:
    providers.sign_in(browser, person)
    for changed in (Person(people.new_address()), Person(None), Person(client.user["email"], verified=False)):
        again = Browser()
        assert providers.sign_in(again, changed).status == 302
        assert again.get("/auth/me").data()["email"] == person.email


def test_another_subject_with_the_address_is_somebody_else(
    providers: Providers, browser: Browser, person: Person
) -> None:
    """Classic: a provider gives an address to another person, who must not find the account of the one before."""
    providers.sign_in(browser, person)

    assert refused(providers.sign_in(Browser(), Person(person.email, subject="2002"))) == (409, "identity_taken")


def test_the_same_subject_of_another_provider_is_somebody_else(
    providers: Providers, browser: Browser, person: Person
) -> None:
    providers.sign_in(browser, person)
    other = Browser()
    providers.sign_in(other, Person(people.new_address()), "github")

    assert other.get("/auth/me").data()["id"] != browser.get("/auth/me").data()["id"]


@pytest.mark.parametrize("name", ["issuer", "github"])
@pytest.mark.parametrize("address", ["taken", "free"])
def test_prehijacking_an_address_that_the_provider_did_not_verify_is_worth_nothing(
    providers: Providers, browser: Browser, client: Client, cloud: Cloud, name: str, address: str
) -> None:
    email = client.user["email"] if address == "taken" else people.new_address()

    assert refused(providers.sign_in(browser, Person(email, verified=False), name)) == (403, "email_unverified")
    assert identities(cloud) == []
    assert browser.get("/auth/me").status == 401


@pytest.mark.parametrize("email", [None, "", "no address", "a@b", "ada@example.test\r\nbcc: x@example.test", "a" * 300])
def test_whoever_has_no_address_gets_no_account(
    providers: Providers, browser: Browser, cloud: Cloud, email: str | None
) -> None:
    assert refused(providers.sign_in(browser, Person(email))) == (403, "email_unverified")
    assert cloud.rows("main", record_kind="user") == []


@pytest.mark.parametrize("name", [None, "", " ", "x" * 300, "a\nb", "\u202eevil"])
def test_a_name_that_is_none_is_replaced(
    providers: Providers, browser: Browser, person: Person, name: str | None
) -> None:
    providers.sign_in(browser, Person(person.email, name=name))

    shown = browser.get("/auth/me").data()["name"]
    assert 0 < len(shown) <= 100
    assert "\n" not in shown


def test_prehijacking_an_account_whose_address_nobody_proved_is_not_linked(
    providers: Providers, browser: Browser, client: Client, cloud: Cloud
) -> None:
    """Classic-federated merge: somebody signed up with an address that is not theirs, and waits for its owner."""
    answer = providers.sign_in(browser, Person(client.user["email"]))

    assert refused(answer) == (409, "email_taken")
    assert identities(cloud) == []


@pytest.mark.parametrize("verification", ["on", "off"])
def test_prehijacking_an_account_that_somebody_made_for_another_with_a_password_is_not_linked(
    providers: Providers, browser: Browser, person: Person, installed: Installed, cloud: Cloud, verification: str
) -> None:
    """Classic-federated merge: a helper makes the account of who has not come yet, and goes in before them."""
    installed(EMAIL_VERIFICATION=verification)
    helper = Staff(people.superuser()).holder("users.create", "projects.create")
    said = {"email": person.email, "password": people.PASSWORD, "roles": ["user"]}
    helper.post("/users", said).created()

    assert refused(providers.sign_in(browser, person)) == (409, "email_taken")
    assert identities(cloud) == []


def test_prehijacking_an_account_that_moves_to_a_proven_address_meanwhile_is_not_linked(
    providers: Providers, browser: Browser, person: Person, cloud: Cloud
) -> None:
    """Unexpired e-mail change: the account of the address is nobody's of that address any more when it is looked at."""
    thief, elsewhere = people.log_in(people.sign_up(person.email)["email"]), people.new_address()
    thief.post("/auth/change-email", {"email": elsewhere, "password": people.PASSWORD}).data()
    token = post.token(cloud, "email-change")
    with meanwhile("BatchGetItem", lambda: changes.confirm_email(Visitor("192.0.2.8", "faster", "request"), token)):
        answer = providers.sign_in(browser, person)

    assert refused(answer) == (409, "email_taken")
    assert identities(cloud) == []


def _verified(email: str, cloud: Cloud, installed: Installed) -> None:
    said = {"email": email, "password": people.PASSWORD}
    installed(EMAIL_VERIFICATION="on")
    Client().post("/auth/sign-up", said).data()
    installed(EMAIL_VERIFICATION="off")
    answer = {"token": post.token(cloud, "verify"), "password": people.PASSWORD}
    Client().post("/auth/verify-email", answer).data()


def _invited(email: str, cloud: Cloud, installed: Installed) -> None:
    people.superuser().post("/users", {"email": email, "roles": ["user"]}).created()


def _came(email: str, cloud: Cloud, installed: Installed) -> None:
    _invited(email, cloud, installed)
    answer = {"token": post.token(cloud, "invitation"), "password": people.PASSWORD}
    Client().post("/auth/accept-invitation", answer).data()


def _reset(email: str, cloud: Cloud, installed: Installed) -> None:
    post.proven(people.sign_up(email)["email"], cloud)


def _moved(email: str, cloud: Cloud, installed: Installed) -> None:
    people.signed_in().post("/auth/change-email", {"email": email, "password": people.PASSWORD}).data()
    assert Client().post("/auth/confirm-email", {"token": post.token(cloud, "email-change")}).status == 204


@pytest.mark.parametrize("prove", [_verified, _invited, _came, _reset, _moved])
def test_where_both_sides_verified_the_address_the_identity_is_linked_and_the_owner_told(
    providers: Providers, browser: Browser, person: Person, installed: Installed, cloud: Cloud, prove: Prove
) -> None:
    prove(str(person.email), cloud, installed)
    post.posted(cloud)

    assert providers.sign_in(browser, person).status == 302
    me = browser.get("/auth/me").data()
    assert me["email"] == person.email
    assert letters(cloud, me["email"]) == ["the sign-in with issuer was added"]
    (row,) = cloud.rows("audit", action="accounts.link")
    assert row["target"] == me["id"]


def test_an_account_of_one_provider_is_found_by_the_address_that_another_verified(
    providers: Providers, browser: Browser, person: Person
) -> None:
    providers.sign_in(browser, person)

    assert providers.sign_in(Browser(), person, "github").status == 302
    assert names(browser) == ["github", "issuer"]


@pytest.mark.parametrize("sign_up", ["invite", "closed"])
def test_where_strangers_may_not_sign_up_a_provider_makes_no_account(
    providers: Providers, browser: Browser, person: Person, installed: Installed, sign_up: str
) -> None:
    known = Browser()
    providers.sign_in(known, person)
    installed(SIGN_UP=sign_up)

    stranger = Person(people.new_address(), subject="2002")
    assert refused(providers.sign_in(browser, stranger)) == (403, "sign_up_closed")
    assert providers.sign_in(Browser(), person).status == 302


@pytest.mark.parametrize("how", ["linked", "by its address"])
def test_a_sign_in_wants_the_second_factor(
    providers: Providers,
    client: Client,
    cloud: Cloud,
    frozen: Clock,
    how: str,
) -> None:
    person = Person(client.user["email"])
    client = post.proven(client.user["email"], cloud)
    if how == "linked":
        assert providers.link(signed_in(client.user["email"]), person).status == 302
    owner = protect(client)
    frozen.forward(seconds=60)
    browser = Browser()
    answer = providers.sign_in(browser, person, to="/files?x=1#part")

    where, _, token = answer.headers["location"].partition("#mfaToken=")
    assert (answer.status, where) == (302, "/files?x=1")
    assert browser.cookie.startswith("ho_")
    assert browser.get("/auth/me").status == 401
    said = {"mfaToken": token, "code": owner.code(), "mode": "cookie"}
    browser.ask("POST", "/auth/2fa/verify", said).data()
    assert browser.get("/auth/me").data()["id"] == client.user["id"]


@pytest.mark.parametrize("status", ["disabled", "deleted"])
def test_a_user_who_is_not_active_is_not_let_in(
    providers: Providers, browser: Browser, person: Person, cloud: Cloud, status: str
) -> None:
    providers.sign_in(browser, person)
    cloud.change(f"USER#{browser.get('/auth/me').data()['id']}", "USER", status=status)

    again = Browser()
    assert refused(providers.sign_in(again, person)) == (401, "invalid_credentials")
    assert again.cookie.startswith("ho_")


def test_of_two_first_sign_ins_at_once_one_makes_the_account(
    providers: Providers, person: Person, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, first = entry.make, Browser()

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(entry, "make", make)
        assert providers.sign_in(first, person).status == 302
        return make(*args, **more)

    monkeypatch.setattr(entry, "make", late)
    assert providers.sign_in(Browser(), person).status == 409
    assert len(cloud.rows("main", record_kind="user")) == 1
    assert first.get("/auth/me").status == 200


def test_an_address_is_free_thirty_days_after_its_holder_left(
    providers: Providers, client: Client, browser: Browser, frozen: Clock
) -> None:
    person = Person(client.user["email"])
    assert people.leave(client).status == 204
    frozen.forward(days=29)
    assert providers.sign_in(Browser(), person).status == 401
    frozen.forward(days=1, seconds=1)

    assert providers.sign_in(browser, person).status == 302
    assert browser.get("/auth/me").data()["id"] != client.user["id"]
