"""Emails: none is lost, and no log contains what they say (A7)."""

import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.sesv2.models import sesv2_backends

from holdall.platform import aws
from tests.support import faults, mailbox, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.iam import load_handler
from tests.support.log import CapturedLog


def sent_emails() -> list[Any]:
    return list(sesv2_backends["123456789012"]["eu-central-1"].core_backend.sent_messages)


def request_password_reset(client: Client) -> int:
    return Client().post("/auth/forgot-password", {"email": client.user["email"]}).status


def outbox_rows(fake_aws: FakeAws) -> list[dict[str, Any]]:
    return fake_aws.find_rows("credentials", record_type="email-outbox")


def run_dispatch_task() -> dict[str, Any]:
    response: dict[str, Any] = load_handler("auth")({"task": "dispatch-emails"}, SimpleNamespace(aws_request_id="aws"))
    return response


def test_email_moves_from_the_outbox_to_the_queue(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client)

    assert outbox_rows(fake_aws) == []
    assert set(mailbox.receive_email(fake_aws)) == {"kind", "id", "to", "name", "token"}


def test_worker_sends_an_email(client: Client, fake_aws: FakeAws) -> None:
    before = len(sent_emails())
    request_password_reset(client)
    assert fake_aws.run_workers() == 1

    assert len(sent_emails()) == before + 1
    assert client.user["email"] in str(vars(sent_emails()[-1]))


def test_worker_discards_an_email_to_an_unknown_address(fake_aws: FakeAws) -> None:
    before = len(sent_emails())
    Client().post("/auth/forgot-password", {"email": users.unique_email()})

    assert fake_aws.run_workers() == 1
    assert len(sent_emails()) == before


def test_schedule_dispatches_an_email_that_stayed_in_the_outbox(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults.inject_faults(monkeypatch, -1, "refused", "sqs"):
        assert request_password_reset(client) == 202
    assert mailbox.receive_emails(fake_aws) == []
    assert len(outbox_rows(fake_aws)) == 1

    assert run_dispatch_task() == {"done": 0}  # the request that stored it may still send it
    frozen_clock.advance(seconds=31)
    assert run_dispatch_task() == {"done": 1}
    assert mailbox.receive_email(fake_aws)["kind"] == "password-reset"
    assert outbox_rows(fake_aws) == []
    assert run_dispatch_task() == {"done": 0}


def test_process_that_stops_after_the_commit_loses_no_email(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults.inject_faults(monkeypatch) as recorded:
        request_password_reset(client)
    commit = recorded.calls.index("sqs.SendMessage") - 1
    mailbox.receive_emails(fake_aws)
    with faults.inject_faults(monkeypatch, commit, "crash"), pytest.raises(faults.ProcessCrash):
        request_password_reset(client)
    frozen_clock.advance(seconds=31)

    assert mailbox.receive_emails(fake_aws) == []
    assert run_dispatch_task() == {"done": 1}
    assert mailbox.receive_email(fake_aws)["to"] == client.user["email"]


def test_email_is_received_again_while_ses_is_down(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_password_reset(client)
    (body,) = fake_aws.receive_messages("mail")
    before = len(sent_emails())
    with faults.inject_faults(monkeypatch, -1, "refused", "sesv2"):
        assert fake_aws.deliver_messages("mail", body) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert len(sent_emails()) == before

    assert fake_aws.deliver_messages("mail", body) == NO_FAILURES
    assert len(sent_emails()) == before + 1


def test_only_the_email_that_failed_is_received_again(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client)
    (body,) = fake_aws.receive_messages("mail")
    broken = json.dumps({**json.loads(body), "kind": "nonsense"})

    assert fake_aws.deliver_messages("mail", broken, body) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}


def test_log_contains_neither_token_nor_address(
    client: Client,
    fake_aws: FakeAws,
    log: CapturedLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with faults.inject_faults(monkeypatch, -1, "refused", "sqs"):
        request_password_reset(client)
    request_password_reset(client)
    (body,) = fake_aws.receive_messages("mail")
    with faults.inject_faults(monkeypatch, -1, "refused", "sesv2"):
        fake_aws.deliver_messages("mail", body)
    fake_aws.deliver_messages("mail", body)
    token = json.loads(body)["token"]

    text = log.text
    assert "email.dispatch_failed" in text
    assert "email.sent" in text
    assert token.rpartition("_")[2] not in text
    assert client.user["email"] not in text


@pytest.mark.parametrize("code", ["BadRequestException", "MessageRejected"])
def test_only_an_invalid_email_is_dropped(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, log: CapturedLog, code: str
) -> None:
    request_password_reset(client)
    (message,) = fake_aws.receive_messages("mail")
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    ses = Mock(send_email=Mock(side_effect=ClientError(response, "SendEmail")))
    clients = {"sesv2": ses, "sqs": aws.client("sqs")}
    monkeypatch.setattr(aws, "client", clients.__getitem__)

    is_dropped = code == "BadRequestException"
    failures = fake_aws.deliver_messages("mail", message)["batchItemFailures"]
    assert (failures == []) == is_dropped
    assert ("email.rejected" in log.text) == is_dropped
    assert client.user["email"] not in log.text


def test_sender_is_that_of_the_stage(fake_aws: FakeAws, client: Client, override_settings: OverrideSettings) -> None:
    boto3.client("ses").verify_email_identity(EmailAddress="other@example.test")
    override_settings(MAIL_SENDER="other@example.test")
    request_password_reset(client)
    fake_aws.run_workers()

    assert sent_emails()[-1].source == "other@example.test"
