"""The letters of invitations to a project: after a crash two rather than none, and only the newest counts (A5, A7)."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from holdall.iam.service import users
from holdall.projects.model import CreateInvitationRequest
from holdall.projects.service import invitations as service
from tests.api.conftest import FrozenClock
from tests.support import mailbox
from tests.support import users as people
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.faults import ProcessCrash, inject_faults, interleave
from tests.support.log import CapturedLog
from tests.support.projects import accept_invitation, create_invitation, create_shared_project


def run_with_queues_down(monkeypatch: pytest.MonkeyPatch, action: Callable[[], Response]) -> Response:
    """Do something while no queue answers."""
    with inject_faults(monkeypatch, -1, "refused", "sqs"):
        return action()


def test_what_could_not_be_posted_is_posted_later_with_another_secret(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = {"email": stranger.user["email"], "role": "viewer"}
    mailbox.receive_emails(fake_aws)
    assert (
        run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", said)).status
        == 201
    )
    (before,) = fake_aws.find_rows("main", record_type="invitation")
    assert mailbox.receive_emails(fake_aws) == []

    fake_aws.run_task("send-pending-invitations")  # whoever made it may still be at it
    assert mailbox.receive_emails(fake_aws) == []
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    letter = mailbox.receive_email(fake_aws)
    (after,) = fake_aws.find_rows("main", record_type="invitation")
    assert (letter["kind"], letter["to"], letter["name"]) == ("join", stranger.user["email"], client.user["email"])
    assert before["secret_sha256"] != after["secret_sha256"]
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    assert mailbox.receive_emails(fake_aws) == []
    assert accept_invitation(stranger, letter["detail"]).status == 200


def test_of_the_letters_of_an_invitation_the_newest_counts(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process ends behind the queue's yes: it was posted, and nobody wrote that down."""
    mailbox.receive_emails(fake_aws)
    with inject_faults(monkeypatch) as seen:
        create_invitation(client, shared_project, stranger.user["email"])
    after_post = seen.calls.index("sqs.SendMessage")
    mailbox.receive_emails(fake_aws)
    said = {"email": stranger.user["email"], "role": "viewer"}
    with inject_faults(monkeypatch, after_post, "crash"), pytest.raises(ProcessCrash):
        client.post(f"/projects/{shared_project}/invitations", said)
    first = mailbox.receive_token(fake_aws, "join")
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    second = mailbox.receive_token(fake_aws, "join")

    assert accept_invitation(stranger, first).problem()["code"] == "invalid_token"
    assert accept_invitation(stranger, second).status == 200


def test_a_queue_that_stays_down_is_tried_again(
    client: Client, fake_aws: FakeAws, shared_project: str, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"email": people.unique_email(), "role": "viewer"}
    run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", said))
    for _ in range(2):
        frozen_clock.advance(seconds=31)
        with inject_faults(monkeypatch, -1, "refused", "sqs"):
            fake_aws.run_task("send-pending-invitations")
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")

    assert len(mailbox.receive_emails(fake_aws)) == 1


def create_unsent_invitation(client: Client, project_id: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    said = {"email": people.unique_email(), "role": "viewer"}
    made: dict[str, Any] = run_with_queues_down(
        monkeypatch, lambda: client.post(f"/projects/{project_id}/invitations", said)
    ).created()
    return made


def test_what_was_taken_back_or_has_ended_is_posted_to_nobody(
    client: Client, fake_aws: FakeAws, shared_project: str, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, room_gone = create_unsent_invitation(client, shared_project, monkeypatch), create_shared_project(client)
    create_unsent_invitation(client, room_gone, monkeypatch)
    client.delete(f"/projects/{shared_project}/invitations/{gone['id']}")
    client.delete(f"/projects/{room_gone}")
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    assert mailbox.receive_emails(fake_aws) == []

    frozen_clock.advance(days=7)
    client = people.sign_in(client.user["email"])
    create_unsent_invitation(client, shared_project, monkeypatch)
    frozen_clock.advance(days=7)
    fake_aws.run_task("send-pending-invitations")
    assert mailbox.receive_emails(fake_aws) == []


def test_what_is_passed_over_holds_up_nobody(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_BATCH_SIZE", 2)
    dead, shared_project = create_shared_project(client), create_shared_project(client)
    for _ in range(3):
        create_unsent_invitation(client, shared_project, monkeypatch)
    frozen_clock.advance(days=7)
    client = people.sign_in(client.user["email"])
    for _ in range(3):
        create_unsent_invitation(client, dead, monkeypatch)
    client.delete(f"/projects/{dead}")
    live = {create_unsent_invitation(client, shared_project, monkeypatch)["email"] for _ in range(3)}
    frozen_clock.advance(seconds=31)
    mailbox.receive_emails(fake_aws)
    fake_aws.run_task("send-pending-invitations")

    assert {each["to"] for each in mailbox.receive_emails(fake_aws)} == live


def test_two_runs_at_once_post_one_letter_that_counts(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = {"email": stranger.user["email"], "role": "viewer"}
    run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", said))
    frozen_clock.advance(seconds=31)
    with interleave("TransactWriteItems", service.send_pending):
        service.send_pending()

    assert accept_invitation(stranger, mailbox.receive_token(fake_aws, "join")).status == 200


def test_an_invitation_anew_while_the_schedule_posts_the_old_one(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = CreateInvitationRequest(email=stranger.user["email"], role="editor")
    run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", said.model_dump()))
    frozen_clock.advance(seconds=31)
    inviter = users.get(client.user["id"])
    with interleave(
        "TransactWriteItems", partial(service.create, make_caller(client), get_project(shared_project), inviter, said)
    ):
        service.send_pending()

    assert accept_invitation(stranger, mailbox.receive_token(fake_aws, "join")).status == 200


def test_no_log_tells_what_an_invitation_says(
    client: Client,
    fake_aws: FakeAws,
    shared_project: str,
    stranger: Client,
    log: CapturedLog,
    frozen_clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = {"email": stranger.user["email"], "role": "viewer"}
    run_with_queues_down(monkeypatch, lambda: client.post(f"/projects/{shared_project}/invitations", said))
    frozen_clock.advance(seconds=31)
    fake_aws.run_task("send-pending-invitations")
    (body,) = fake_aws.receive_messages("mail")
    fake_aws.deliver_messages("mail", body)
    token = json.loads(body)["detail"]
    accept_invitation(client, token)
    client.post("/invitations/accept", {"token": token, token: 1})
    client.post("/invitations/accept", {"token": [token]})
    client.get(f"/invitations/{token}")
    client.get(f"/invitations/accept?token={token}")
    accept_invitation(stranger, token).data()

    assert "letter.unposted" in log.text
    for canary in (token, token.rpartition("_")[2], stranger.user["email"], client.user["email"]):
        assert canary not in log.text
