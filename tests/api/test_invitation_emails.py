"""Emails of invitations to a project: after a crash two instead of none, and only the newest counts (A5, A7)."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from holdall.iam.service import users
from holdall.projects.model import CreateInvitationRequest
from holdall.projects.service import invitations as service
from tests.support import mailbox
from tests.support import users as people
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.faults import ProcessCrash, inject_faults, interleave
from tests.support.log import CapturedLog
from tests.support.projects import accept_invitation, create_invitation, create_shared_project


def run_with_queues_down(monkeypatch: pytest.MonkeyPatch, action: Callable[[], Response]) -> Response:
    with inject_faults(monkeypatch, -1, "refused", "sqs"):
        return action()


def test_unsent_invitation_is_sent_later_with_another_secret(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {"email": stranger.user["email"], "role": "viewer"}
    mailbox.receive_emails(fake_aws)
    assert (
        run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", body)).status
        == 201
    )
    (before,) = fake_aws.find_rows("main", record_type="invitation")
    assert mailbox.receive_emails(fake_aws) == []

    fake_aws.run_task("send-pending-invitations")  # the request that created it may still send it
    assert mailbox.receive_emails(fake_aws) == []
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    email = mailbox.receive_email(fake_aws)
    (after,) = fake_aws.find_rows("main", record_type="invitation")
    assert (email["kind"], email["to"], email["inviter"]) == (
        "project-invitation",
        stranger.user["email"],
        client.user["email"],
    )
    assert before["secret_sha256"] != after["secret_sha256"]
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    assert mailbox.receive_emails(fake_aws) == []
    assert accept_invitation(stranger, email["token"]).status == 200


def test_newest_email_of_an_invitation_counts(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process stops after the message was sent and before that is stored."""
    mailbox.receive_emails(fake_aws)
    with inject_faults(monkeypatch) as recorded:
        create_invitation(client, shared_project, stranger.user["email"])
    after_post = recorded.calls.index("sqs.SendMessage")
    mailbox.receive_emails(fake_aws)
    body = {"email": stranger.user["email"], "role": "viewer"}
    with inject_faults(monkeypatch, after_post, "crash"), pytest.raises(ProcessCrash):
        client.post(f"/projects/{shared_project}/invitations", body)
    first = mailbox.receive_token(fake_aws, "project-invitation")
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    second = mailbox.receive_token(fake_aws, "project-invitation")

    assert accept_invitation(stranger, first).problem()["code"] == "invalid_token"
    assert accept_invitation(stranger, second).status == 200


def test_unavailable_queue_is_tried_again(
    client: Client, fake_aws: FakeAws, shared_project: str, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"email": people.unique_email(), "role": "viewer"}
    run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", body))
    for _ in range(2):
        frozen_clock.advance(seconds=31)
        with inject_faults(monkeypatch, -1, "refused", "sqs"):
            fake_aws.run_task("send-pending-invitations")
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")

    assert len(mailbox.receive_emails(fake_aws)) == 1


def create_unsent_invitation(client: Client, project_id: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    body = {"email": people.unique_email(), "role": "viewer"}
    invitation: dict[str, Any] = run_with_queues_down(
        monkeypatch, lambda: client.post(f"/projects/{project_id}/invitations", body)
    ).created()
    return invitation


def test_deleted_or_expired_invitation_is_not_sent(
    client: Client, fake_aws: FakeAws, shared_project: str, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted_invitation, deleted_project = (
        create_unsent_invitation(client, shared_project, monkeypatch),
        create_shared_project(client),
    )
    create_unsent_invitation(client, deleted_project, monkeypatch)
    client.delete(f"/projects/{shared_project}/invitations/{deleted_invitation['id']}")
    client.delete(f"/projects/{deleted_project}")
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    assert mailbox.receive_emails(fake_aws) == []

    frozen_clock.advance(days=7)
    client = people.sign_in(client.user["email"])
    create_unsent_invitation(client, shared_project, monkeypatch)
    frozen_clock.advance(days=7)
    fake_aws.run_task("send-pending-invitations")
    assert mailbox.receive_emails(fake_aws) == []


def test_skipped_invitations_do_not_delay_others(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_BATCH_SIZE", 2)
    deleted_project, shared_project = create_shared_project(client), create_shared_project(client)
    for _ in range(3):
        create_unsent_invitation(client, shared_project, monkeypatch)
    frozen_clock.advance(days=7)
    client = people.sign_in(client.user["email"])
    for _ in range(3):
        create_unsent_invitation(client, deleted_project, monkeypatch)
    client.delete(f"/projects/{deleted_project}")
    expected = {create_unsent_invitation(client, shared_project, monkeypatch)["email"] for _ in range(3)}
    frozen_clock.advance(seconds=31)
    mailbox.receive_emails(fake_aws)
    fake_aws.run_task("send-pending-invitations")

    assert {each["to"] for each in mailbox.receive_emails(fake_aws)} == expected


def test_two_runs_at_once_send_one_email_that_counts(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {"email": stranger.user["email"], "role": "viewer"}
    run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", body))
    frozen_clock.advance(seconds=31)
    with interleave("TransactWriteItems", service.send_pending):
        service.send_pending()

    assert accept_invitation(stranger, mailbox.receive_token(fake_aws, "project-invitation")).status == 200


def test_invitation_that_is_replaced_while_the_schedule_sends_it(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = CreateInvitationRequest(email=stranger.user["email"], role="editor")
    run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", body.model_dump()))
    frozen_clock.advance(seconds=31)
    inviter = users.get(client.user["id"]).user
    with interleave(
        "TransactWriteItems", partial(service.create, make_caller(client), get_project(shared_project), inviter, body)
    ):
        service.send_pending()

    assert accept_invitation(stranger, mailbox.receive_token(fake_aws, "project-invitation")).status == 200


def test_log_contains_neither_token_nor_addresses(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    log: CapturedLog,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {"email": stranger.user["email"], "role": "viewer"}
    run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", body))
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    (message,) = fake_aws.receive_messages("mail")
    fake_aws.deliver_messages("mail", message)
    token = json.loads(message)["token"]
    accept_invitation(client, token)
    client.post("/invitations/accept", {"token": token, token: 1})
    client.post("/invitations/accept", {"token": [token]})
    client.get(f"/invitations/{token}")
    client.get(f"/invitations/accept?token={token}")
    accept_invitation(stranger, token).data()

    assert "email.dispatch_failed" in log.text
    for canary in (token, token.rpartition("_")[2], stranger.user["email"], client.user["email"]):
        assert canary not in log.text
