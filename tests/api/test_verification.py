"""Sign-up where addresses are verified: nothing is there before its owner proves the address, and nobody learns whose it is."""

import pytest

from tests.api import faults, people, post
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed

ANOTHER = "another horse battery"


@pytest.fixture(autouse=True)
def _verifying(installed: Installed) -> None:
    installed(EMAIL_VERIFICATION="on")


def sign_up(email: str, password: str = people.PASSWORD) -> Answer:
    return Client().post("/auth/sign-up", {"email": email, "password": password})


def verify(token: str, password: str = people.PASSWORD) -> Answer:
    return Client().post("/auth/verify-email", {"token": token, "password": password})


def verified(cloud: Cloud) -> Client:
    """Somebody with an account."""
    email = people.new_address()
    sign_up(email).data()
    data = verify(post.token(cloud, "verify")).data()
    return Client(data["accessToken"], data["user"], data["refreshToken"])


def test_a_sign_up_stores_a_challenge_and_nothing_else(cloud: Cloud) -> None:
    answer = sign_up(people.new_address())

    assert (answer.status, answer.data()) == (202, {"status": "pending"})
    assert [row["record_kind"] for row in cloud.rows("credentials")] == ["challenge"]
    assert [row for row in cloud.rows("main") if row["record_kind"] != "public-key"] == []
    assert people.PASSWORD not in str(cloud.rows("credentials"))


def test_the_link_and_the_password_make_the_account_and_sign_in(cloud: Cloud) -> None:
    email = people.new_address()
    sign_up(email)
    data = verify(post.token(cloud, "verify")).data()

    client = Client(data["accessToken"])
    assert client.get("/auth/me").data()["email"] == email
    assert [each["personal"] for each in client.get("/projects").data()] == [True]
    assert cloud.rows("credentials", record_kind="challenge") == []
    assert people.log_in(email).get("/auth/me").status == 200


def test_a_known_and_an_unknown_address_are_answered_alike(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    known = verified(cloud).user["email"]
    told = []
    for email in (known, people.new_address()):
        with faults.injected(monkeypatch) as seen:
            answer = sign_up(email)
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        told.append((answer.status, answer.data(), headers.keys(), seen.calls))

    assert told[0] == told[1]
    assert [letter["kind"] for letter in post.posted(cloud)] == ["known", "verify"]


def test_a_letter_to_a_known_address_holds_no_link(cloud: Cloud) -> None:
    known = verified(cloud).user["email"]
    sign_up(known)

    assert post.one(cloud)["detail"] == ""


def test_a_letter_goes_to_the_stored_address_and_never_tells_the_words_of_a_stranger(cloud: Cloud) -> None:
    known = verified(cloud).user["email"]
    for email in (known.upper(), people.new_address()):
        said = {"email": email, "password": people.PASSWORD, "name": "Buy at evil.test"}
        Client().post("/auth/sign-up", said).data()

    first, second = post.posted(cloud)
    assert (first["kind"], first["to"]) == ("known", known)
    assert "evil" not in f"{first} {second}"


def test_a_resent_link_voids_the_older(cloud: Cloud) -> None:
    email = people.new_address()
    sign_up(email)
    older = post.token(cloud, "verify")
    assert Client().post("/auth/verify-email/resend", {"email": email.upper()}).status == 202

    assert verify(older).problem()["code"] == "invalid_token"
    assert verify(post.token(cloud, "verify")).status == 200


def test_a_link_is_resent_to_those_who_asked_and_nobody_else_learns_of_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, asked = verified(cloud).user["email"], people.new_address()
    sign_up(asked)
    post.posted(cloud)
    told = []
    for email in (known, asked, people.new_address(), "nonsense", ""):
        with faults.injected(monkeypatch) as seen:
            answer = Client().post("/auth/verify-email/resend", {"email": email})
        told.append((answer.status, answer.data(), seen.calls))

    assert all(each == told[0] for each in told)
    assert [letter["kind"] for letter in post.posted(cloud)] == ["nobody", "verify", "nobody", "nobody", "nobody"]


def test_a_link_counts_once(cloud: Cloud) -> None:
    sign_up(people.new_address())
    token = post.token(cloud, "verify")
    verify(token).data()

    assert verify(token).problem()["code"] == "invalid_token"


def test_a_link_with_another_password_makes_nothing(cloud: Cloud) -> None:
    sign_up(people.new_address())
    token = post.token(cloud, "verify")

    assert verify(token, ANOTHER).problem()["code"] == "invalid_credentials"
    assert cloud.rows("main", record_kind="user") == []
    assert verify(token).status == 200


@pytest.mark.parametrize(("hours", "status"), [(23.9, 200), (24.1, 401)])
def test_a_link_ends_after_a_day(cloud: Cloud, frozen: Clock, hours: float, status: int) -> None:
    sign_up(people.new_address())
    frozen.forward(hours=hours)

    assert verify(post.token(cloud, "verify")).status == status


def test_passwords_for_a_link_are_limited(cloud: Cloud, installed: Installed) -> None:
    installed(LIMITS='{"sign-in": [1000, 60], "challenge": [3, 900]}')
    sign_up(people.new_address())
    token = post.token(cloud, "verify")

    assert [verify(token, ANOTHER).status for _ in range(4)] == [401, 401, 401, 429]


def test_an_account_without_proof_cannot_be_logged_in_to(cloud: Cloud) -> None:
    email = people.new_address()
    sign_up(email)

    answer = Client().post("/auth/login", {"email": email, "password": people.PASSWORD})
    assert (answer.status, answer.problem()["code"]) == (401, "invalid_credentials")


# The five classes of Sudhodanan and Paverd, "Pre-hijacked accounts" (USENIX Security 2022).


def test_pre_hijacking_classic_federated_merge(cloud: Cloud) -> None:
    """The attacker signs up with the victim's address before the victim does; there is no account that could be merged."""
    victim = people.new_address()
    sign_up(victim, ANOTHER)
    post.posted(cloud)
    sign_up(victim)
    assert verify(post.token(cloud, "verify"), ANOTHER).status == 401

    assert Client().post("/auth/login", {"email": victim, "password": ANOTHER}).status == 401
    assert cloud.rows("main", record_kind="user") == []


def test_pre_hijacking_unexpired_session(cloud: Cloud) -> None:
    """The attacker keeps a session open: without proof there is none, and a reset of the password ends every session."""
    victim = verified(cloud)
    attacker = people.log_in(victim.user["email"])
    Client().post("/auth/forgot-password", {"email": victim.user["email"]})
    said = {"token": post.token(cloud, "reset"), "password": ANOTHER}
    assert Client().post("/auth/reset-password", said).status == 204

    assert attacker.get("/auth/me").status == 401
    assert Client().post("/auth/refresh", {"refreshToken": attacker.refresh_token}).status == 401


def test_pre_hijacking_trojan_identifier(cloud: Cloud) -> None:
    """The attacker's own address never becomes a second one of the victim's account: an account has one, and it moves whole."""
    attacker = verified(cloud)
    victim = people.new_address()
    attacker.post("/auth/change-email", {"email": victim, "password": people.PASSWORD})
    old = attacker.user["email"]
    token = post.token(cloud, "email-change")
    Client().post("/auth/confirm-email", {"token": token})

    assert Client().post("/auth/login", {"email": old, "password": people.PASSWORD}).status == 401
    post.posted(cloud)
    Client().post("/auth/forgot-password", {"email": old})
    assert post.one(cloud)["kind"] == "nobody"


def test_pre_hijacking_unexpired_email_change(cloud: Cloud) -> None:
    """The attacker asks for a change of address and waits: a reset by the victim voids the link."""
    account = verified(cloud)
    theirs = people.new_address()
    account.post("/auth/change-email", {"email": theirs, "password": people.PASSWORD}).data()
    waiting = post.token(cloud, "email-change")
    Client().post("/auth/forgot-password", {"email": account.user["email"]})
    said = {"token": post.token(cloud, "reset"), "password": ANOTHER}
    Client().post("/auth/reset-password", said)

    assert Client().post("/auth/confirm-email", {"token": waiting}).problem()["code"] == "invalid_token"


def test_pre_hijacking_non_verifying_provider(cloud: Cloud) -> None:
    """Whoever vouches for an address without a look at it changes nothing: proof is a letter's link with its password."""
    victim = people.new_address()
    sign_up(victim, ANOTHER)
    token = post.token(cloud, "verify")  # the victim's mailbox; they click without thinking, and know no password

    assert verify(token, people.PASSWORD).status == 401
    assert cloud.rows("main", record_kind="unique") == []


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_a_closed_door_sends_no_letter(installed: Installed, cloud: Cloud, mode: str) -> None:
    installed(SIGN_UP=mode)

    assert sign_up(people.new_address()).problem()["code"] == "sign_up_closed"
    assert post.posted(cloud) == []
