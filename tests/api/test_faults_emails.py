"""Faults during changes of credentials: a token works once, no change is partial, and no email is lost."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.faults import FAULT_MODES, FaultMode, FaultScenario, assert_survives_faults
from tests.support.fixtures import OverrideSettings
from tests.support.iam import load_handler

each_fault_mode = pytest.mark.parametrize("mode", FAULT_MODES)
NEW_PASSWORD = "another horse battery"


def receive_all_emails(fake_aws: FakeAws, frozen_clock: FrozenClock) -> list[dict[str, Any]]:
    """Return the emails that were sent at once or by the schedule."""
    frozen_clock.advance(seconds=31)
    load_handler("auth")({"task": "dispatch-emails"}, SimpleNamespace(aws_request_id="aws"))
    assert fake_aws.find_rows("credentials", record_type="email-outbox") == []
    return mailbox.receive_emails(fake_aws)


def was_audited_once(fake_aws: FakeAws, action: str) -> bool:
    return len(fake_aws.find_rows("audit", action=action, outcome="success")) == 1


@each_fault_mode
def test_verified_sign_up_sends_a_link_that_works(
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    override_settings: OverrideSettings,
    frozen_clock: FrozenClock,
    mode: FaultMode,
) -> None:
    override_settings(EMAIL_VERIFICATION="on")

    def prepare() -> FaultScenario:
        body = {"email": users.unique_email(), "password": users.PASSWORD}

        def check(response: Response) -> None:
            assert response.status == 202
            tokens = [email["token"] for email in receive_all_emails(fake_aws, frozen_clock)]
            attempts = [{"token": token, "password": users.PASSWORD} for token in dict.fromkeys(tokens)]
            statuses = [Client().post("/auth/verify-email", each).status for each in attempts]
            assert sorted(statuses) == sorted([200, *[401] * (len(attempts) - 1)])
            assert len(fake_aws.find_rows("main", record_type="user")) == 1

        return FaultScenario(lambda: Client().post("/auth/sign-up", body), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_verification_creates_one_complete_account(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, override_settings: OverrideSettings, mode: FaultMode
) -> None:
    override_settings(EMAIL_VERIFICATION="on")

    def prepare() -> FaultScenario:
        email = users.unique_email()
        Client().post("/auth/sign-up", {"email": email, "password": users.PASSWORD}).data()
        body = {"token": mailbox.receive_token(fake_aws, "email-verification"), "password": users.PASSWORD}

        def check(response: Response) -> None:
            assert response.status in (200, 401)
            (user,) = fake_aws.find_rows("main", record_type="user", email=email)
            assert was_audited_once(fake_aws, "accounts.sign_up")
            client = users.sign_in(email)
            assert [each["personal"] for each in client.get("/projects").data()] == [True]
            sessions = fake_aws.find_rows("main", record_type="session", user_id=user["id"])
            assert len(fake_aws.find_rows("audit", action="sessions.create", outcome="success")) == len(sessions)

        return FaultScenario(lambda: Client().post("/auth/verify-email", body), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_password_is_reset_once_and_the_owner_notified(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()
        Client().post("/auth/forgot-password", {"email": client.user["email"]}).data()
        body = {"token": mailbox.receive_token(fake_aws, "password-reset"), "password": NEW_PASSWORD}

        def check(response: Response) -> None:
            assert response.status in (204, 401)
            assert was_audited_once(fake_aws, "accounts.reset_password")
            assert {email["kind"] for email in receive_all_emails(fake_aws, frozen_clock)} == {"security-notice"}
            assert client.get("/auth/me").status == 401
            login = {"email": client.user["email"], "password": NEW_PASSWORD}
            assert Client().post("/auth/login", login).status == 200

        return FaultScenario(lambda: Client().post("/auth/reset-password", body), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_address_changes_completely_and_the_old_one_is_notified(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, new = users.create_client(), users.unique_email()
        client.post("/auth/change-email", {"email": new, "password": users.PASSWORD}).data()
        body = {"token": mailbox.receive_token(fake_aws, "email-change")}

        def check(response: Response) -> None:
            assert response.status in (204, 401)
            assert was_audited_once(fake_aws, "accounts.change_email")
            assert {email["to"] for email in receive_all_emails(fake_aws, frozen_clock)} == {client.user["email"]}
            (unique,) = fake_aws.find_rows("main", record_type="unique", user_id=client.user["id"])
            assert unique["pk"] == f"UNIQUE#EMAIL#{new}"
            assert users.sign_in(new).get("/users/me").data()["email"] == new

        return FaultScenario(lambda: Client().post("/auth/confirm-email", body), check)

    assert_survives_faults(monkeypatch, mode, prepare)


def _change_password(client: Client) -> Response:
    body = {"currentPassword": users.PASSWORD, "newPassword": NEW_PASSWORD}
    return client.post("/auth/change-password", body)


def _delete_account(client: Client) -> Response:
    return client.request("DELETE", "/users/me", {"password": users.PASSWORD})


@each_fault_mode
@pytest.mark.parametrize(
    ("send", "action"),
    [(_change_password, "accounts.change_password"), (_delete_account, "users.delete")],
    ids=["change", "delete"],
)
def test_credential_changes_once_and_the_owner_is_notified(
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    frozen_clock: FrozenClock,
    mode: FaultMode,
    send: Callable[[Client], Response],
    action: str,
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()
        other = users.sign_in(client.user["email"])

        def check(response: Response) -> None:
            assert response.status in (204, 401)
            assert was_audited_once(fake_aws, action)
            assert [email["kind"] for email in receive_all_emails(fake_aws, frozen_clock)][:1] == ["security-notice"]
            assert other.get("/auth/me").status == 401
            login = {"email": client.user["email"], "password": users.PASSWORD}
            assert Client().post("/auth/login", login).status == 401

        return FaultScenario(lambda: send(client), check)

    assert_survives_faults(monkeypatch, mode, prepare)
