"""Faults while people prove and change who they are: a secret counts once, nothing is half done, and no letter is lost."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from functions.auth.handler import handler
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.faults import FAULT_MODES, FaultMode, FaultScenario, assert_survives_faults

each_fault_mode = pytest.mark.parametrize("mode", FAULT_MODES)
NEW_PASSWORD = "another horse battery"


def receive_all_emails(fake_aws: FakeAws, frozen_clock: FrozenClock) -> list[dict[str, Any]]:
    """What is posted now and by the schedule."""
    frozen_clock.advance(seconds=31)
    handler({"task": "dispatch-emails"}, SimpleNamespace(aws_request_id="aws"))
    assert fake_aws.find_rows("credentials", record_type="email-outbox") == []
    return mailbox.receive_emails(fake_aws)


def was_audited_once(fake_aws: FakeAws, action: str) -> bool:
    return len(fake_aws.find_rows("audit", action=action, outcome="success")) == 1


@each_fault_mode
def test_a_sign_up_for_proof_sends_a_link_that_counts(
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    override_settings: OverrideSettings,
    frozen_clock: FrozenClock,
    mode: FaultMode,
) -> None:
    override_settings(EMAIL_VERIFICATION="on")

    def prepare() -> FaultScenario:
        fake_aws.reset()
        said = {"email": users.unique_email(), "password": users.PASSWORD}

        def check(again: Response) -> None:
            assert again.status == 202
            tokens = [letter["detail"] for letter in receive_all_emails(fake_aws, frozen_clock)]
            tried = [{"token": token, "password": users.PASSWORD} for token in dict.fromkeys(tokens)]
            statuses = [Client().post("/auth/verify-email", each).status for each in tried]
            assert sorted(statuses) == sorted([200, *[401] * (len(tried) - 1)])
            assert len(fake_aws.find_rows("main", record_type="user")) == 1

        return FaultScenario(lambda: Client().post("/auth/sign-up", said), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_a_proof_makes_one_whole_account(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, override_settings: OverrideSettings, mode: FaultMode
) -> None:
    override_settings(EMAIL_VERIFICATION="on")

    def prepare() -> FaultScenario:
        fake_aws.reset()
        email = users.unique_email()
        Client().post("/auth/sign-up", {"email": email, "password": users.PASSWORD}).data()
        said = {"token": mailbox.receive_token(fake_aws, "verify"), "password": users.PASSWORD}

        def check(again: Response) -> None:
            assert again.status in (200, 401)
            (user,) = fake_aws.find_rows("main", record_type="user", email=email)
            assert was_audited_once(fake_aws, "accounts.sign-up")
            client = users.sign_in(email)
            assert [each["personal"] for each in client.get("/projects").data()] == [True]
            sessions = fake_aws.find_rows("main", record_type="session", user_id=user["id"])
            assert len(fake_aws.find_rows("audit", action="login", outcome="success")) == len(sessions)

        return FaultScenario(lambda: Client().post("/auth/verify-email", said), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_a_reset_is_done_once_and_told(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        client = users.create_client()
        Client().post("/auth/forgot-password", {"email": client.user["email"]}).data()
        said = {"token": mailbox.receive_token(fake_aws, "reset"), "password": NEW_PASSWORD}

        def check(again: Response) -> None:
            assert again.status in (204, 401)
            assert was_audited_once(fake_aws, "accounts.reset-password")
            assert {letter["kind"] for letter in receive_all_emails(fake_aws, frozen_clock)} == {"changed"}
            assert client.get("/auth/me").status == 401
            login = {"email": client.user["email"], "password": NEW_PASSWORD}
            assert Client().post("/auth/login", login).status == 200

        return FaultScenario(lambda: Client().post("/auth/reset-password", said), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_another_address_is_taken_whole_and_the_old_one_told(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        client, new = users.create_client(), users.unique_email()
        client.post("/auth/change-email", {"email": new, "password": users.PASSWORD}).data()
        said = {"token": mailbox.receive_token(fake_aws, "email-change")}

        def check(again: Response) -> None:
            assert again.status in (204, 401)
            assert was_audited_once(fake_aws, "accounts.confirm-email")
            assert {letter["to"] for letter in receive_all_emails(fake_aws, frozen_clock)} == {client.user["email"]}
            (unique,) = fake_aws.find_rows("main", record_type="unique", user_id=client.user["id"])
            assert unique["pk"] == f"UNIQUE#email#{new}"
            assert users.sign_in(new).get("/users/me").data()["email"] == new

        return FaultScenario(lambda: Client().post("/auth/confirm-email", said), check)

    assert_survives_faults(monkeypatch, mode, prepare)


def _change_password(client: Client) -> Response:
    said = {"currentPassword": users.PASSWORD, "newPassword": NEW_PASSWORD}
    return client.post("/auth/change-password", said)


def _delete_account(client: Client) -> Response:
    return client.request("DELETE", "/users/me", {"password": users.PASSWORD})


@each_fault_mode
@pytest.mark.parametrize(
    ("deed", "action"),
    [(_change_password, "accounts.change-password"), (_delete_account, "users.delete")],
    ids=["change", "leave"],
)
def test_what_guards_an_account_is_changed_once_and_told(
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    frozen_clock: FrozenClock,
    mode: FaultMode,
    deed: Callable[[Client], Response],
    action: str,
) -> None:
    def prepare() -> FaultScenario:
        fake_aws.reset()
        client = users.create_client()
        other = users.sign_in(client.user["email"])

        def check(again: Response) -> None:
            assert again.status in (204, 401)
            assert was_audited_once(fake_aws, action)
            assert [letter["kind"] for letter in receive_all_emails(fake_aws, frozen_clock)][:1] == ["changed"]
            assert other.get("/auth/me").status == 401
            login = {"email": client.user["email"], "password": users.PASSWORD}
            assert Client().post("/auth/login", login).status == 401

        return FaultScenario(lambda: deed(client), check)

    assert_survives_faults(monkeypatch, mode, prepare)
