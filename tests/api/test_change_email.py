"""Another address: the new one is asked, the old one is told, and what went to the old one counts no more."""

import pytest

from tests.api.conftest import FrozenClock
from tests.support import faults, mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response


def request_email_change(client: Client, email: str, password: str = users.PASSWORD) -> Response:
    return client.post("/auth/change-email", {"email": email, "password": password})


def confirm_email(token: str) -> Response:
    return Client().post("/auth/confirm-email", {"token": token})


def test_the_new_address_is_asked_and_the_old_one_told(client: Client, fake_aws: FakeAws) -> None:
    old, new = client.user["email"], users.unique_email()
    assert request_email_change(client, new).status == 202
    asked = mailbox.receive_email(fake_aws)
    assert (asked["kind"], asked["to"]) == ("email-change", new)
    assert client.get("/users/me").data()["email"] == old
    assert confirm_email(asked["detail"]).status == 204

    told = mailbox.receive_email(fake_aws)
    assert (told["kind"], told["to"]) == ("changed", old)
    assert client.get("/users/me").data()["email"] == new
    assert users.sign_in(new).get("/auth/me").status == 200
    assert Client().post("/auth/login", {"email": old, "password": users.PASSWORD}).status == 401


def test_the_old_address_is_free_for_others(client: Client, fake_aws: FakeAws) -> None:
    old = client.user["email"]
    request_email_change(client, users.unique_email())
    confirm_email(mailbox.receive_token(fake_aws, "email-change"))

    assert users.sign_up(old)["id"] != client.user["id"]


def test_links_that_went_to_the_old_address_are_void(client: Client, fake_aws: FakeAws) -> None:
    Client().post("/auth/forgot-password", {"email": client.user["email"]})
    token = mailbox.receive_token(fake_aws, "reset")
    request_email_change(client, users.unique_email())
    confirm_email(mailbox.receive_token(fake_aws, "email-change"))

    said = {"token": token, "password": "another horse battery"}
    assert Client().post("/auth/reset-password", said).problem()["code"] == "invalid_token"


def test_a_taken_address_tells_nothing(
    client: Client, stranger: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for email in (stranger.user["email"], users.unique_email()):
        with faults.inject_faults(monkeypatch) as seen:
            answer = request_email_change(client, email)
        told.append((answer.status, answer.data(), seen.calls))

    assert told[0] == told[1]
    assert [letter["kind"] for letter in mailbox.receive_emails(fake_aws)] == ["nobody", "email-change"]


def test_an_address_that_was_taken_meanwhile_is_refused(client: Client, fake_aws: FakeAws) -> None:
    new = users.unique_email()
    request_email_change(client, new)
    token = mailbox.receive_token(fake_aws, "email-change")
    users.sign_up(new)

    assert (confirm_email(token).status, confirm_email(token).problem()["code"]) == (409, "email_taken")
    assert client.get("/users/me").data()["email"] == client.user["email"]


def test_an_older_link_is_void_and_a_link_counts_once(client: Client, fake_aws: FakeAws) -> None:
    request_email_change(client, users.unique_email())
    older = mailbox.receive_token(fake_aws, "email-change")
    request_email_change(client, users.unique_email())
    newer = mailbox.receive_token(fake_aws, "email-change")

    assert [confirm_email(each).status for each in (older, newer, newer)] == [401, 204, 401]


@pytest.mark.parametrize(("hours", "status"), [(23.9, 204), (24.1, 401)])
def test_a_link_ends_after_a_day(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, hours: float, status: int
) -> None:
    request_email_change(client, users.unique_email())
    frozen_clock.advance(hours=hours)

    assert confirm_email(mailbox.receive_token(fake_aws, "email-change")).status == status


def test_the_password_is_asked_for(client: Client, fake_aws: FakeAws) -> None:
    assert (
        request_email_change(client, users.unique_email(), "not the password").problem()["code"]
        == "invalid_credentials"
    )
    assert mailbox.receive_emails(fake_aws) == []


def test_ones_own_address_changes_nothing(client: Client, fake_aws: FakeAws) -> None:
    assert request_email_change(client, client.user["email"].upper()).status == 202
    assert mailbox.receive_email(fake_aws)["kind"] == "nobody"
