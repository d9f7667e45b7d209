"""Changes of the email address (A5)."""

import json

import pytest

from tests.support import faults, mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.settings import RATE_LIMIT_NAMES


def request_email_change(client: Client, email: str, password: str = users.PASSWORD) -> Response:
    return client.post("/auth/change-email", {"email": email, "password": password})


def confirm_email(token: str) -> Response:
    return Client().post("/auth/confirm-email", {"token": token})


def test_new_address_confirms_and_old_address_is_notified(client: Client, fake_aws: FakeAws) -> None:
    old, new = client.user["email"], users.unique_email()
    assert request_email_change(client, new).status == 202
    email = mailbox.receive_email(fake_aws)
    assert (email["kind"], email["to"]) == ("email-change", new)
    assert client.get("/users/me").data()["email"] == old
    assert confirm_email(email["token"]).status == 204

    notice = mailbox.receive_email(fake_aws)
    assert (notice["kind"], notice["to"]) == ("security-notice", old)
    assert client.get("/users/me").data()["email"] == new
    assert users.sign_in(new).get("/auth/me").status == 200
    assert Client().post("/auth/login", {"email": old, "password": users.PASSWORD}).status == 401


def test_old_address_is_free_for_another_account(client: Client, fake_aws: FakeAws) -> None:
    old = client.user["email"]
    request_email_change(client, users.unique_email())
    confirm_email(mailbox.receive_token(fake_aws, "email-change"))

    assert users.sign_up(old)["id"] != client.user["id"]


def test_links_to_the_old_address_are_revoked(client: Client, fake_aws: FakeAws) -> None:
    Client().post("/auth/forgot-password", {"email": client.user["email"]})
    token = mailbox.receive_token(fake_aws, "password-reset")
    request_email_change(client, users.unique_email())
    confirm_email(mailbox.receive_token(fake_aws, "email-change"))

    body = {"token": token, "password": "another horse battery"}
    assert Client().post("/auth/reset-password", body).problem()["code"] == "invalid_token"


def test_response_does_not_reveal_whether_an_address_is_taken(
    client: Client, stranger: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for email in (stranger.user["email"], users.unique_email()):
        with faults.inject_faults(monkeypatch) as recorded:
            response = request_email_change(client, email)
        results.append((response.status, response.data(), recorded.calls))

    assert results[0] == results[1]
    assert [email["kind"] for email in mailbox.receive_emails(fake_aws)] == ["discard", "email-change"]


def test_address_that_was_taken_meanwhile_is_a_conflict(client: Client, fake_aws: FakeAws) -> None:
    new = users.unique_email()
    request_email_change(client, new)
    token = mailbox.receive_token(fake_aws, "email-change")
    users.sign_up(new)

    assert (confirm_email(token).status, confirm_email(token).problem()["code"]) == (409, "email_taken")
    assert client.get("/users/me").data()["email"] == client.user["email"]


def test_fourth_change_in_a_window_sends_no_email_and_keeps_the_newest_link(
    client: Client, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    limits = {name: [1_000_000, 60] for name in RATE_LIMIT_NAMES}
    override_settings(RATE_LIMITS=json.dumps({**limits, "email": [3, 900]}))
    new = users.unique_email()
    responses = [request_email_change(client, new) for _ in range(4)]

    messages = mailbox.receive_emails(fake_aws)
    assert [response.status for response in responses] == [202] * 4
    assert [each["kind"] for each in messages] == [*["email-change"] * 3, "discard"]
    assert confirm_email(messages[2]["token"]).status == 204


def test_older_link_is_revoked_and_a_link_works_once(client: Client, fake_aws: FakeAws) -> None:
    request_email_change(client, users.unique_email())
    older = mailbox.receive_token(fake_aws, "email-change")
    request_email_change(client, users.unique_email())
    newer = mailbox.receive_token(fake_aws, "email-change")

    assert [confirm_email(each).status for each in (older, newer, newer)] == [401, 204, 401]


@pytest.mark.parametrize(("hours", "status"), [(23.9, 204), (24.1, 401)])
def test_link_expires_after_a_day(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, hours: float, status: int
) -> None:
    request_email_change(client, users.unique_email())
    frozen_clock.advance(hours=hours)

    assert confirm_email(mailbox.receive_token(fake_aws, "email-change")).status == status


def test_password_is_required(client: Client, fake_aws: FakeAws) -> None:
    assert (
        request_email_change(client, users.unique_email(), "not the password").problem()["code"]
        == "invalid_credentials"
    )
    assert mailbox.receive_emails(fake_aws) == []


def test_own_address_changes_nothing(client: Client, fake_aws: FakeAws) -> None:
    assert request_email_change(client, client.user["email"].upper()).status == 202
    assert mailbox.receive_email(fake_aws)["kind"] == "discard"
