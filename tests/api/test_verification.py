"""Sign-up where addresses are verified: nothing is there before its owner proves the address, and nobody learns whose it is."""

import pytest

from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import faults, mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response

NEW_PASSWORD = "another horse battery"


@pytest.fixture(autouse=True)
def _email_verification_on(override_settings: OverrideSettings) -> None:
    override_settings(EMAIL_VERIFICATION="on")


def sign_up(email: str, password: str = users.PASSWORD) -> Response:
    return Client().post("/auth/sign-up", {"email": email, "password": password})


def verify_email(token: str, password: str = users.PASSWORD) -> Response:
    return Client().post("/auth/verify-email", {"token": token, "password": password})


def create_verified_client(fake_aws: FakeAws) -> Client:
    """Somebody with an account."""
    email = users.unique_email()
    sign_up(email).data()
    data = verify_email(mailbox.receive_token(fake_aws, "verify")).data()
    return Client(data["accessToken"], data["user"], data["refreshToken"])


def test_a_sign_up_stores_a_challenge_and_nothing_else(fake_aws: FakeAws) -> None:
    answer = sign_up(users.unique_email())

    assert (answer.status, answer.data()) == (202, {"status": "pending"})
    assert [row["record_type"] for row in fake_aws.find_rows("credentials")] == ["challenge"]
    assert [row for row in fake_aws.find_rows("main") if row["record_type"] != "public-key"] == []
    assert users.PASSWORD not in str(fake_aws.find_rows("credentials"))


def test_the_link_and_the_password_make_the_account_and_sign_in(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    sign_up(email)
    data = verify_email(mailbox.receive_token(fake_aws, "verify")).data()

    client = Client(data["accessToken"])
    assert client.get("/auth/me").data()["email"] == email
    assert [each["personal"] for each in client.get("/projects").data()] == [True]
    assert fake_aws.find_rows("credentials", record_type="challenge") == []
    assert users.sign_in(email).get("/auth/me").status == 200


def test_a_known_and_an_unknown_address_are_answered_alike(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    known = create_verified_client(fake_aws).user["email"]
    told = []
    for email in (known, users.unique_email()):
        with faults.inject_faults(monkeypatch) as seen:
            answer = sign_up(email)
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        told.append((answer.status, answer.data(), headers.keys(), seen.calls))

    assert told[0] == told[1]
    assert [letter["kind"] for letter in mailbox.receive_emails(fake_aws)] == ["known", "verify"]


def test_a_letter_to_a_known_address_holds_no_link(fake_aws: FakeAws) -> None:
    known = create_verified_client(fake_aws).user["email"]
    sign_up(known)

    assert mailbox.receive_email(fake_aws)["detail"] == ""


def test_a_letter_goes_to_the_stored_address_and_never_tells_the_words_of_a_stranger(fake_aws: FakeAws) -> None:
    known = create_verified_client(fake_aws).user["email"]
    for email in (known.upper(), users.unique_email()):
        said = {"email": email, "password": users.PASSWORD, "name": "Buy at evil.test"}
        Client().post("/auth/sign-up", said).data()

    first, second = mailbox.receive_emails(fake_aws)
    assert (first["kind"], first["to"]) == ("known", known)
    assert "evil" not in f"{first} {second}"


def test_a_resent_link_voids_the_older(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    sign_up(email)
    older = mailbox.receive_token(fake_aws, "verify")
    assert Client().post("/auth/verify-email/resend", {"email": email.upper()}).status == 202

    assert verify_email(older).problem()["code"] == "invalid_token"
    assert verify_email(mailbox.receive_token(fake_aws, "verify")).status == 200


def test_a_link_is_resent_to_those_who_asked_and_nobody_else_learns_of_it(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, asked = create_verified_client(fake_aws).user["email"], users.unique_email()
    sign_up(asked)
    mailbox.receive_emails(fake_aws)
    told = []
    for email in (known, asked, users.unique_email(), "nonsense", ""):
        with faults.inject_faults(monkeypatch) as seen:
            answer = Client().post("/auth/verify-email/resend", {"email": email})
        told.append((answer.status, answer.data(), seen.calls))

    assert all(each == told[0] for each in told)
    assert [letter["kind"] for letter in mailbox.receive_emails(fake_aws)] == [
        "nobody",
        "verify",
        "nobody",
        "nobody",
        "nobody",
    ]


def test_a_link_counts_once(fake_aws: FakeAws) -> None:
    sign_up(users.unique_email())
    token = mailbox.receive_token(fake_aws, "verify")
    verify_email(token).data()

    assert verify_email(token).problem()["code"] == "invalid_token"


def test_a_link_with_another_password_makes_nothing(fake_aws: FakeAws) -> None:
    sign_up(users.unique_email())
    token = mailbox.receive_token(fake_aws, "verify")

    assert verify_email(token, NEW_PASSWORD).problem()["code"] == "invalid_credentials"
    assert fake_aws.find_rows("main", record_type="user") == []
    assert verify_email(token).status == 200


@pytest.mark.parametrize(("hours", "status"), [(23.9, 200), (24.1, 401)])
def test_a_link_ends_after_a_day(fake_aws: FakeAws, frozen_clock: FrozenClock, hours: float, status: int) -> None:
    sign_up(users.unique_email())
    frozen_clock.advance(hours=hours)

    assert verify_email(mailbox.receive_token(fake_aws, "verify")).status == status


def test_passwords_for_a_link_are_limited(fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    override_settings(LIMITS='{"sign-in": [1000, 60], "challenge": [3, 900]}')
    sign_up(users.unique_email())
    token = mailbox.receive_token(fake_aws, "verify")

    assert [verify_email(token, NEW_PASSWORD).status for _ in range(4)] == [401, 401, 401, 429]


def test_an_account_without_proof_cannot_be_logged_in_to(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    sign_up(email)

    answer = Client().post("/auth/login", {"email": email, "password": users.PASSWORD})
    assert (answer.status, answer.problem()["code"]) == (401, "invalid_credentials")


# The five classes of Sudhodanan and Paverd, "Pre-hijacked accounts" (USENIX Security 2022).


def test_pre_hijacking_classic_federated_merge(fake_aws: FakeAws) -> None:
    """The attacker signs up with the victim's address before the victim does; there is no account that could be merged."""
    victim = users.unique_email()
    sign_up(victim, NEW_PASSWORD)
    mailbox.receive_emails(fake_aws)
    sign_up(victim)
    assert verify_email(mailbox.receive_token(fake_aws, "verify"), NEW_PASSWORD).status == 401

    assert Client().post("/auth/login", {"email": victim, "password": NEW_PASSWORD}).status == 401
    assert fake_aws.find_rows("main", record_type="user") == []


def test_pre_hijacking_unexpired_session(fake_aws: FakeAws) -> None:
    """The attacker keeps a session open: without proof there is none, and a reset of the password ends every session."""
    victim = create_verified_client(fake_aws)
    attacker = users.sign_in(victim.user["email"])
    Client().post("/auth/forgot-password", {"email": victim.user["email"]})
    said = {"token": mailbox.receive_token(fake_aws, "reset"), "password": NEW_PASSWORD}
    assert Client().post("/auth/reset-password", said).status == 204

    assert attacker.get("/auth/me").status == 401
    assert Client().post("/auth/refresh", {"refreshToken": attacker.refresh_token}).status == 401


def test_pre_hijacking_trojan_identifier(fake_aws: FakeAws) -> None:
    """The attacker's own address never becomes a second one of the victim's account: an account has one, and it moves whole."""
    attacker = create_verified_client(fake_aws)
    victim = users.unique_email()
    attacker.post("/auth/change-email", {"email": victim, "password": users.PASSWORD})
    old = attacker.user["email"]
    token = mailbox.receive_token(fake_aws, "email-change")
    Client().post("/auth/confirm-email", {"token": token})

    assert Client().post("/auth/login", {"email": old, "password": users.PASSWORD}).status == 401
    mailbox.receive_emails(fake_aws)
    Client().post("/auth/forgot-password", {"email": old})
    assert mailbox.receive_email(fake_aws)["kind"] == "nobody"


def test_pre_hijacking_unexpired_email_change(fake_aws: FakeAws) -> None:
    """The attacker asks for a change of address and waits: a reset by the victim voids the link."""
    account = create_verified_client(fake_aws)
    theirs = users.unique_email()
    account.post("/auth/change-email", {"email": theirs, "password": users.PASSWORD}).data()
    waiting = mailbox.receive_token(fake_aws, "email-change")
    Client().post("/auth/forgot-password", {"email": account.user["email"]})
    said = {"token": mailbox.receive_token(fake_aws, "reset"), "password": NEW_PASSWORD}
    Client().post("/auth/reset-password", said)

    assert Client().post("/auth/confirm-email", {"token": waiting}).problem()["code"] == "invalid_token"


def test_pre_hijacking_non_verifying_provider(fake_aws: FakeAws) -> None:
    """Whoever vouches for an address without a look at it changes nothing: proof is a letter's link with its password."""
    victim = users.unique_email()
    sign_up(victim, NEW_PASSWORD)
    token = mailbox.receive_token(
        fake_aws, "verify"
    )  # the victim's mailbox; they click without thinking, and know no password

    assert verify_email(token, users.PASSWORD).status == 401
    assert fake_aws.find_rows("main", record_type="unique") == []


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_a_closed_door_sends_no_letter(override_settings: OverrideSettings, fake_aws: FakeAws, mode: str) -> None:
    override_settings(SIGN_UP=mode)

    assert sign_up(users.unique_email()).problem()["code"] == "sign_up_closed"
    assert mailbox.receive_emails(fake_aws) == []
