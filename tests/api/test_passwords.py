"""Passwords: forgotten, reset and changed; what that ends, and whom it tells (A5, A7)."""

import pytest

from tests.api.conftest import FrozenClock
from tests.support import faults, mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response

NEW_PASSWORD = "another horse battery"


def request_password_reset(email: str) -> Response:
    return Client().post("/auth/forgot-password", {"email": email})


def reset_password(token: str, password: str = NEW_PASSWORD) -> Response:
    return Client().post("/auth/reset-password", {"token": token, "password": password})


def change_password(
    client: Client, new_password: str = NEW_PASSWORD, current_password: str = users.PASSWORD
) -> Response:
    return client.post("/auth/change-password", {"currentPassword": current_password, "newPassword": new_password})


def get_login_status(email: str, password: str) -> int:
    return Client().post("/auth/login", {"email": email, "password": password}).status


def test_a_forgotten_password_is_always_answered_alike(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for email in (client.user["email"], users.unique_email(), "nonsense", "", "\ufdfa" * 254):
        with faults.inject_faults(monkeypatch) as seen:
            answer = request_password_reset(email)
        told.append((answer.status, answer.data(), seen.calls))

    assert all(each == told[0] for each in told)
    assert told[0][:2] == (202, {"status": "pending"})
    assert [letter["kind"] for letter in mailbox.receive_emails(fake_aws)] == ["reset", *["nobody"] * 4]


def test_the_letter_goes_to_the_stored_address(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(f" {client.user['email'].upper()} ")

    assert mailbox.receive_email(fake_aws)["to"] == client.user["email"]


def test_a_reset_chooses_another_password_and_signs_nobody_in(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    answer = reset_password(mailbox.receive_token(fake_aws, "reset"))

    assert (answer.status, answer.text) == (204, "")
    assert "set-cookie" not in answer.headers
    assert get_login_status(client.user["email"], users.PASSWORD) == 401
    assert get_login_status(client.user["email"], NEW_PASSWORD) == 200


def test_a_reset_ends_all_sessions(client: Client, fake_aws: FakeAws) -> None:
    other = users.sign_in(client.user["email"])
    request_password_reset(client.user["email"])
    reset_password(mailbox.receive_token(fake_aws, "reset"))

    assert [each.get("/auth/me").status for each in (client, other)] == [401, 401]
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401


def test_a_reset_leaves_the_second_factor_on(client: Client, fake_aws: FakeAws) -> None:
    mailbox.enable_mfa(client)
    mailbox.receive_emails(fake_aws)
    request_password_reset(client.user["email"])
    reset_password(mailbox.receive_token(fake_aws, "reset"))

    said = {"email": client.user["email"], "password": NEW_PASSWORD}
    assert Client().post("/auth/login", said).data()["mfaRequired"] is True


def test_a_reset_tells_the_owner(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    reset_password(mailbox.receive_token(fake_aws, "reset"))

    letter = mailbox.receive_email(fake_aws)
    assert (letter["kind"], letter["to"]) == ("changed", client.user["email"])


def test_a_reset_is_audited(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    reset_password(mailbox.receive_token(fake_aws, "reset"))

    (asked,) = fake_aws.find_rows("audit", action="accounts.forgot-password")
    (done,) = fake_aws.find_rows("audit", action="accounts.reset-password")
    assert (asked["actor"], done["actor"]) == ("anonymous", client.user["id"])


def test_a_link_counts_once(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "reset")

    assert [reset_password(token).status, reset_password(token).status] == [204, 401]


def test_an_older_link_is_void(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    older = mailbox.receive_token(fake_aws, "reset")
    request_password_reset(client.user["email"])

    assert reset_password(older).problem()["code"] == "invalid_token"
    assert reset_password(mailbox.receive_token(fake_aws, "reset")).status == 204


@pytest.mark.parametrize(("minutes", "status"), [(59, 204), (61, 401)])
def test_a_link_ends_after_an_hour(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, minutes: int, status: int
) -> None:
    request_password_reset(client.user["email"])
    frozen_clock.advance(minutes=minutes)

    assert reset_password(mailbox.receive_token(fake_aws, "reset")).status == status


def test_a_link_is_bound_to_the_address_that_it_went_to(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "reset")
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", email="elsewhere@example.test")

    assert reset_password(token).problem()["code"] == "invalid_token"


def test_a_poor_password_uses_up_no_link(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "reset")

    assert reset_password(token, "password").status == 422
    assert reset_password(token, client.user["email"]).problem()["code"] == "password_too_easy"
    assert reset_password(token).status == 204


def test_a_disabled_user_gets_no_link_and_cannot_use_one(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "reset")
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", status="disabled")

    assert reset_password(token).status == 401
    request_password_reset(client.user["email"])
    assert mailbox.receive_email(fake_aws)["kind"] == "nobody"


def test_a_changed_password_ends_the_other_sessions_and_not_this_one(client: Client, fake_aws: FakeAws) -> None:
    other = users.sign_in(client.user["email"])

    assert change_password(client).status == 204
    assert other.get("/auth/me").status == 401
    assert client.get("/auth/me").status == 200
    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 200
    assert get_login_status(client.user["email"], users.PASSWORD) == 401
    assert get_login_status(client.user["email"], NEW_PASSWORD) == 200


def test_a_changed_password_voids_the_links_and_tells_the_owner(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "reset")
    change_password(client)

    assert mailbox.receive_email(fake_aws)["kind"] == "changed"
    assert reset_password(token).problem()["code"] == "invalid_token"


def test_a_password_is_changed_by_whoever_knows_it(client: Client, fake_aws: FakeAws) -> None:
    refused = change_password(client, current_password="not the password")

    assert (refused.status, refused.problem()["code"]) == (401, "invalid_credentials")
    assert change_password(client, new_password="password").status == 422
    assert mailbox.receive_emails(fake_aws) == []
    assert client.get("/auth/me").status == 200
