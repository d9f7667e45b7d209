"""Sign-up with verification of the email address (A6)."""

import pytest

from tests.support import faults, mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings

NEW_PASSWORD = "another horse battery"


@pytest.fixture(autouse=True)
def _email_verification_on(override_settings: OverrideSettings) -> None:
    override_settings(EMAIL_VERIFICATION="on")


def sign_up(email: str, password: str = users.PASSWORD) -> Response:
    return Client().post("/auth/sign-up", {"email": email, "password": password})


def verify_email(token: str, password: str = users.PASSWORD) -> Response:
    return Client().post("/auth/verify-email", {"token": token, "password": password})


def create_verified_client(fake_aws: FakeAws) -> Client:
    email = users.unique_email()
    sign_up(email).data()
    data = verify_email(mailbox.receive_token(fake_aws, "email-verification")).data()
    return Client(data["accessToken"], data["user"], data["refreshToken"])


def test_sign_up_stores_only_a_challenge(fake_aws: FakeAws) -> None:
    response = sign_up(users.unique_email())

    assert (response.status, response.data()) == (202, {"status": "pending"})
    assert [row["record_type"] for row in fake_aws.find_rows("credentials")] == ["challenge"]
    assert [row for row in fake_aws.find_rows("main") if row["record_type"] != "public-key"] == []
    assert users.PASSWORD not in str(fake_aws.find_rows("credentials"))


def test_link_and_password_create_the_account_and_a_session(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    sign_up(email)
    data = verify_email(mailbox.receive_token(fake_aws, "email-verification")).data()

    client = Client(data["accessToken"])
    assert client.get("/auth/me").data()["email"] == email
    assert [each["personal"] for each in client.get("/projects").data()] == [True]
    assert fake_aws.find_rows("credentials", record_type="challenge") == []
    assert users.sign_in(email).get("/auth/me").status == 200


def test_response_does_not_reveal_whether_an_address_has_an_account(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = create_verified_client(fake_aws).user["email"]
    results = []
    for email in (known, users.unique_email()):
        with faults.inject_faults(monkeypatch) as recorded:
            response = sign_up(email)
        headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
        results.append((response.status, response.data(), headers.keys(), recorded.calls))

    assert results[0] == results[1]
    assert [email["kind"] for email in mailbox.receive_emails(fake_aws)] == ["account-exists", "email-verification"]


def test_email_to_an_existing_account_has_no_token(fake_aws: FakeAws) -> None:
    known = create_verified_client(fake_aws).user["email"]
    sign_up(known)

    email = mailbox.receive_email(fake_aws)
    assert (email["kind"], "token" in email) == ("account-exists", False)


def test_email_goes_to_the_stored_address_and_has_no_text_of_a_stranger(fake_aws: FakeAws) -> None:
    known = create_verified_client(fake_aws).user["email"]
    for email in (known.upper(), users.unique_email()):
        body = {"email": email, "password": users.PASSWORD, "name": "Buy at evil.test"}
        Client().post("/auth/sign-up", body).data()

    first, second = mailbox.receive_emails(fake_aws)
    assert (first["kind"], first["to"]) == ("account-exists", known)
    assert "evil" not in f"{first} {second}"


def test_resent_link_revokes_the_older(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    sign_up(email)
    older = mailbox.receive_token(fake_aws, "email-verification")
    assert Client().post("/auth/verify-email/resend", {"email": email.upper()}).status == 202

    assert verify_email(older).problem()["code"] == "invalid_token"
    assert verify_email(mailbox.receive_token(fake_aws, "email-verification")).status == 200


def test_response_does_not_reveal_whether_a_link_is_resent(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    known, requested = create_verified_client(fake_aws).user["email"], users.unique_email()
    sign_up(requested)
    mailbox.receive_emails(fake_aws)
    results = []
    for email in (known, requested, users.unique_email(), "nonsense", ""):
        with faults.inject_faults(monkeypatch) as recorded:
            response = Client().post("/auth/verify-email/resend", {"email": email})
        results.append((response.status, response.data(), recorded.calls))

    assert all(result == results[0] for result in results)
    assert [email["kind"] for email in mailbox.receive_emails(fake_aws)] == [
        "discard",
        "email-verification",
        "discard",
        "discard",
        "discard",
    ]


def test_link_works_once(fake_aws: FakeAws) -> None:
    sign_up(users.unique_email())
    token = mailbox.receive_token(fake_aws, "email-verification")
    verify_email(token).data()

    assert verify_email(token).problem()["code"] == "invalid_token"


def test_link_with_another_password_creates_nothing(fake_aws: FakeAws) -> None:
    sign_up(users.unique_email())
    token = mailbox.receive_token(fake_aws, "email-verification")

    assert verify_email(token, NEW_PASSWORD).problem()["code"] == "invalid_credentials"
    assert fake_aws.find_rows("main", record_type="user") == []
    assert verify_email(token).status == 200


@pytest.mark.parametrize(("hours", "status"), [(23.9, 200), (24.1, 401)])
def test_link_expires_after_a_day(fake_aws: FakeAws, frozen_clock: FrozenClock, hours: float, status: int) -> None:
    sign_up(users.unique_email())
    frozen_clock.advance(hours=hours)

    assert verify_email(mailbox.receive_token(fake_aws, "email-verification")).status == status


def test_attempts_for_a_link_are_limited(fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    override_settings(RATE_LIMITS='{"sign-in": [1000, 60], "email": [1000, 60], "challenge": [3, 900]}')
    sign_up(users.unique_email())
    token = mailbox.receive_token(fake_aws, "email-verification")

    assert [verify_email(token, NEW_PASSWORD).status for _ in range(4)] == [401, 401, 401, 429]


def test_fourth_email_in_a_window_is_not_sent_and_keeps_the_newest_link(
    fake_aws: FakeAws, override_settings: OverrideSettings, frozen_clock: FrozenClock
) -> None:
    override_settings(RATE_LIMITS='{"sign-in": [1000, 60], "email": [3, 900], "challenge": [1000, 900]}')
    email = users.unique_email()
    responses = [sign_up(email), Client().post("/auth/verify-email/resend", {"email": email.upper()}), sign_up(email)]
    token = mailbox.receive_tokens(fake_aws, email, "email-verification")[-1]
    for _ in range(2):
        responses.append(sign_up(email, NEW_PASSWORD))
        responses.append(Client().post("/auth/verify-email/resend", {"email": email}))

    assert {(response.status, str(response.data())) for response in responses} == {(202, "{'status': 'pending'}")}
    assert {each["kind"] for each in mailbox.receive_emails(fake_aws)} == {"discard"}
    assert verify_email(token, NEW_PASSWORD).status == 401
    assert verify_email(token).status == 200
    frozen_clock.advance(minutes=15)
    sign_up(other := users.unique_email())
    assert len(mailbox.receive_tokens(fake_aws, other, "email-verification")) == 1


def test_resends_that_send_nothing_do_not_use_up_the_emails_of_a_sign_up(
    fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(RATE_LIMITS='{"sign-in": [1000, 60], "email": [3, 900], "challenge": [1000, 900]}')
    email = users.unique_email()
    for _ in range(5):
        Client().post("/auth/verify-email/resend", {"email": email})

    sign_up(email)
    assert len(mailbox.receive_tokens(fake_aws, email, "email-verification")) == 1


def test_unverified_sign_up_cannot_log_in(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    sign_up(email)

    response = Client().post("/auth/login", {"email": email, "password": users.PASSWORD})
    assert (response.status, response.problem()["code"]) == (401, "invalid_credentials")


# The five classes of Sudhodanan and Paverd, "Pre-hijacked accounts" (USENIX Security 2022).


def test_pre_hijacking_classic_federated_merge(fake_aws: FakeAws) -> None:
    """The attacker signs up with the victim's address first. No account exists that a sign-in of the victim could merge."""
    victim = users.unique_email()
    sign_up(victim, NEW_PASSWORD)
    mailbox.receive_emails(fake_aws)
    sign_up(victim)
    assert verify_email(mailbox.receive_token(fake_aws, "email-verification"), NEW_PASSWORD).status == 401

    assert Client().post("/auth/login", {"email": victim, "password": NEW_PASSWORD}).status == 401
    assert fake_aws.find_rows("main", record_type="user") == []


def test_pre_hijacking_unexpired_session(fake_aws: FakeAws) -> None:
    """The attacker keeps a session open. A reset of the password ends every session."""
    victim = create_verified_client(fake_aws)
    attacker = users.sign_in(victim.user["email"])
    Client().post("/auth/forgot-password", {"email": victim.user["email"]})
    body = {"token": mailbox.receive_token(fake_aws, "password-reset"), "password": NEW_PASSWORD}
    assert Client().post("/auth/reset-password", body).status == 204

    assert attacker.get("/auth/me").status == 401
    assert Client().post("/auth/refresh", {"refreshToken": attacker.refresh_token}).status == 401


def test_pre_hijacking_trojan_identifier(fake_aws: FakeAws) -> None:
    """The attacker adds an address to the victim's account. An account has one address, so a change replaces it."""
    attacker = create_verified_client(fake_aws)
    victim = users.unique_email()
    attacker.post("/auth/change-email", {"email": victim, "password": users.PASSWORD})
    old = attacker.user["email"]
    token = mailbox.receive_token(fake_aws, "email-change")
    Client().post("/auth/confirm-email", {"token": token})

    assert Client().post("/auth/login", {"email": old, "password": users.PASSWORD}).status == 401
    mailbox.receive_emails(fake_aws)
    Client().post("/auth/forgot-password", {"email": old})
    assert mailbox.receive_email(fake_aws)["kind"] == "discard"


def test_pre_hijacking_unexpired_email_change(fake_aws: FakeAws) -> None:
    """The attacker requests a change of the address and waits. A reset by the victim revokes the link."""
    account = create_verified_client(fake_aws)
    attacker_email = users.unique_email()
    account.post("/auth/change-email", {"email": attacker_email, "password": users.PASSWORD}).data()
    token = mailbox.receive_token(fake_aws, "email-change")
    Client().post("/auth/forgot-password", {"email": account.user["email"]})
    body = {"token": mailbox.receive_token(fake_aws, "password-reset"), "password": NEW_PASSWORD}
    Client().post("/auth/reset-password", body)

    assert Client().post("/auth/confirm-email", {"token": token}).problem()["code"] == "invalid_token"


def test_pre_hijacking_non_verifying_provider(fake_aws: FakeAws) -> None:
    """A provider confirms the attacker's claim to an address without verification. Only the link with the password counts."""
    victim = users.unique_email()
    sign_up(victim, NEW_PASSWORD)
    token = mailbox.receive_token(fake_aws, "email-verification")  # the victim opens the link, and has another password

    assert verify_email(token, users.PASSWORD).status == 401
    assert fake_aws.find_rows("main", record_type="unique") == []


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_closed_sign_up_sends_no_email(override_settings: OverrideSettings, fake_aws: FakeAws, mode: str) -> None:
    override_settings(SIGN_UP=mode)

    assert sign_up(users.unique_email()).problem()["code"] == "sign_up_closed"
    assert mailbox.receive_emails(fake_aws) == []
