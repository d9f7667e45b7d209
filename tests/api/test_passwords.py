"""Resets and changes of passwords (A5, A7)."""

import json

import pytest

from tests.support import faults, mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.mfa import enable_mfa
from tests.support.settings import RATE_LIMIT_NAMES

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


def test_response_does_not_reveal_whether_an_address_has_an_account(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for email in (client.user["email"], users.unique_email(), "nonsense", "", "\ufdfa" * 254):
        with faults.inject_faults(monkeypatch) as recorded:
            response = request_password_reset(email)
        results.append((response.status, response.data(), recorded.calls))

    assert all(result == results[0] for result in results)
    assert results[0][:2] == (202, {"status": "pending"})
    assert [email["kind"] for email in mailbox.receive_emails(fake_aws)] == ["password-reset", *["discard"] * 4]


def test_fourth_reset_in_a_window_sends_no_email_and_keeps_the_newest_link(
    client: Client, fake_aws: FakeAws, override_settings: OverrideSettings, frozen_clock: FrozenClock
) -> None:
    email, limits = client.user["email"], {name: [1_000_000, 60] for name in RATE_LIMIT_NAMES}
    override_settings(RATE_LIMITS=json.dumps({**limits, "email": [3, 900]}))
    responses = [request_password_reset(email) for _ in range(5)]

    messages = mailbox.receive_emails(fake_aws)
    assert {(response.status, str(response.data())) for response in responses} == {(202, "{'status': 'pending'}")}
    assert [each["kind"] for each in messages] == [*["password-reset"] * 3, *["discard"] * 2]
    assert reset_password(messages[2]["token"]).status == 204
    mailbox.receive_emails(fake_aws)
    frozen_clock.advance(minutes=15)
    request_password_reset(email)
    assert mailbox.receive_email(fake_aws)["kind"] == "password-reset"


def test_no_one_uses_up_the_reset_of_an_owner_by_other_requests(
    client: Client, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    email, limits = client.user["email"], {name: [1_000_000, 60] for name in RATE_LIMIT_NAMES}
    override_settings(RATE_LIMITS=json.dumps({**limits, "email": [3, 900]}), EMAIL_VERIFICATION="on", SIGN_UP="open")
    for _ in range(5):
        Client().post("/auth/verify-email/resend", {"email": email})
        Client().post("/auth/sign-up", {"email": email, "password": NEW_PASSWORD})
    mailbox.receive_emails(fake_aws)

    request_password_reset(email)
    assert reset_password(mailbox.receive_token(fake_aws, "password-reset")).status == 204


def test_email_goes_to_the_stored_address(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(f" {client.user['email'].upper()} ")

    assert mailbox.receive_email(fake_aws)["to"] == client.user["email"]


def test_reset_sets_a_new_password_and_creates_no_session(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    response = reset_password(mailbox.receive_token(fake_aws, "password-reset"))

    assert (response.status, response.text) == (204, "")
    assert "set-cookie" not in response.headers
    assert get_login_status(client.user["email"], users.PASSWORD) == 401
    assert get_login_status(client.user["email"], NEW_PASSWORD) == 200


def test_reset_ends_all_sessions(client: Client, fake_aws: FakeAws) -> None:
    other = users.sign_in(client.user["email"])
    request_password_reset(client.user["email"])
    reset_password(mailbox.receive_token(fake_aws, "password-reset"))

    assert [each.get("/auth/me").status for each in (client, other)] == [401, 401]
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401


def test_reset_keeps_the_second_factor(client: Client, fake_aws: FakeAws) -> None:
    enable_mfa(client)
    mailbox.receive_emails(fake_aws)
    request_password_reset(client.user["email"])
    reset_password(mailbox.receive_token(fake_aws, "password-reset"))

    body = {"email": client.user["email"], "password": NEW_PASSWORD}
    assert Client().post("/auth/login", body).data()["mfaRequired"] is True


def test_reset_notifies_the_owner(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    reset_password(mailbox.receive_token(fake_aws, "password-reset"))

    notice = mailbox.receive_email(fake_aws)
    assert (notice["kind"], notice["to"]) == ("security-notice", client.user["email"])


def test_reset_is_audited(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    reset_password(mailbox.receive_token(fake_aws, "password-reset"))

    (request,) = fake_aws.find_rows("audit", action="accounts.request_password_reset")
    (reset,) = fake_aws.find_rows("audit", action="accounts.reset_password")
    assert (request["actor"], reset["actor"]) == ("anonymous", client.user["id"])


def test_reset_link_works_once(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "password-reset")

    assert [reset_password(token).status, reset_password(token).status] == [204, 401]


def test_newer_reset_link_revokes_the_older(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    older = mailbox.receive_token(fake_aws, "password-reset")
    request_password_reset(client.user["email"])

    assert reset_password(older).problem()["code"] == "invalid_token"
    assert reset_password(mailbox.receive_token(fake_aws, "password-reset")).status == 204


@pytest.mark.parametrize(("minutes", "status"), [(59, 204), (61, 401)])
def test_reset_link_expires_after_an_hour(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, minutes: int, status: int
) -> None:
    request_password_reset(client.user["email"])
    frozen_clock.advance(minutes=minutes)

    assert reset_password(mailbox.receive_token(fake_aws, "password-reset")).status == status


def test_reset_link_is_bound_to_its_address(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "password-reset")
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", email="elsewhere@example.test")

    assert reset_password(token).problem()["code"] == "invalid_token"


def test_weak_password_does_not_use_up_the_link(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "password-reset")

    assert reset_password(token, "password").status == 422
    assert reset_password(token, client.user["email"]).problem()["code"] == "password_too_weak"
    assert reset_password(token).status == 204


def test_disabled_user_gets_no_link_and_cannot_use_one(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "password-reset")
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", status="disabled")

    assert reset_password(token).status == 401
    request_password_reset(client.user["email"])
    assert mailbox.receive_email(fake_aws)["kind"] == "discard"


def test_password_change_ends_the_other_sessions(client: Client, fake_aws: FakeAws) -> None:
    other = users.sign_in(client.user["email"])

    assert change_password(client).status == 204
    assert other.get("/auth/me").status == 401
    assert client.get("/auth/me").status == 200
    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 200
    assert get_login_status(client.user["email"], users.PASSWORD) == 401
    assert get_login_status(client.user["email"], NEW_PASSWORD) == 200


def test_password_change_revokes_links_and_notifies_the_owner(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client.user["email"])
    token = mailbox.receive_token(fake_aws, "password-reset")
    change_password(client)

    assert mailbox.receive_email(fake_aws)["kind"] == "security-notice"
    assert reset_password(token).problem()["code"] == "invalid_token"


def test_password_change_requires_the_current_password(client: Client, fake_aws: FakeAws) -> None:
    response = change_password(client, current_password="not the password")

    assert (response.status, response.problem()["code"]) == (401, "invalid_credentials")
    assert change_password(client, new_password="password").status == 422
    assert mailbox.receive_emails(fake_aws) == []
    assert client.get("/auth/me").status == 200
