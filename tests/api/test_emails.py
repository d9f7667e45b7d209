"""Letters: what they say, that none is lost, and that nobody learns more by them than their reader (A7)."""

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.sesv2.models import sesv2_backends

from functions.auth.handler import handler
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import faults, mailbox, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.log import CapturedLog


def sent_emails() -> list[Any]:
    """What SES was given."""
    return list(sesv2_backends["123456789012"]["eu-central-1"].core_backend.sent_messages)


def request_password_reset(client: Client) -> int:
    return Client().post("/auth/forgot-password", {"email": client.user["email"]}).status


def outbox_rows(fake_aws: FakeAws) -> list[dict[str, Any]]:
    return fake_aws.find_rows("credentials", record_type="email-outbox")


def run_dispatch_task() -> dict[str, Any]:
    return handler({"task": "dispatch-emails"}, SimpleNamespace(aws_request_id="aws"))


def test_a_letter_is_posted_and_its_promise_forgotten(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client)

    assert outbox_rows(fake_aws) == []
    assert set(mailbox.receive_email(fake_aws)) == {"kind", "id", "to", "name", "detail"}


def test_a_letter_is_sent_by_its_worker(client: Client, fake_aws: FakeAws) -> None:
    before = len(sent_emails())
    request_password_reset(client)
    assert fake_aws.run_workers() == 1

    assert len(sent_emails()) == before + 1
    assert client.user["email"] in str(vars(sent_emails()[-1]))


def test_a_letter_to_nobody_is_dropped_by_its_worker(fake_aws: FakeAws) -> None:
    before = len(sent_emails())
    Client().post("/auth/forgot-password", {"email": users.unique_email()})

    assert fake_aws.run_workers() == 1
    assert len(sent_emails()) == before


def test_a_letter_that_was_promised_and_not_posted_is_posted_by_the_schedule(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults.inject_faults(monkeypatch, -1, "refused", "sqs"):
        assert request_password_reset(client) == 202
    assert mailbox.receive_emails(fake_aws) == []
    assert len(outbox_rows(fake_aws)) == 1

    assert run_dispatch_task() == {"posted": 0}  # whoever promised it may still be at it
    frozen_clock.advance(seconds=31)
    assert run_dispatch_task() == {"posted": 1}
    assert mailbox.receive_email(fake_aws)["kind"] == "reset"
    assert outbox_rows(fake_aws) == []
    assert run_dispatch_task() == {"posted": 0}


def test_a_process_that_dies_after_its_transaction_loses_no_letter(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults.inject_faults(monkeypatch) as seen:
        request_password_reset(client)
    written = seen.calls.index("sqs.SendMessage") - 1
    mailbox.receive_emails(fake_aws)
    with faults.inject_faults(monkeypatch, written, "crash"), pytest.raises(faults.ProcessCrash):
        request_password_reset(client)
    frozen_clock.advance(seconds=31)

    assert mailbox.receive_emails(fake_aws) == []
    assert run_dispatch_task() == {"posted": 1}
    assert mailbox.receive_email(fake_aws)["to"] == client.user["email"]


def test_a_letter_comes_back_while_ses_is_down(
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


def test_one_letter_that_fails_comes_back_alone(client: Client, fake_aws: FakeAws) -> None:
    request_password_reset(client)
    (body,) = fake_aws.receive_messages("mail")
    broken = json.dumps({**json.loads(body), "kind": "nonsense"})

    assert fake_aws.deliver_messages("mail", broken, body) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}


def test_no_log_tells_what_a_letter_says(
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
    token = json.loads(body)["detail"]

    written = log.text
    assert "letter.unposted" in written
    assert "letter.sent" in written
    assert token.rpartition("_")[2] not in written
    assert client.user["email"] not in written


def test_the_sender_is_the_stages(fake_aws: FakeAws, client: Client, override_settings: OverrideSettings) -> None:
    boto3.client("ses").verify_email_identity(EmailAddress="other@example.test")
    override_settings(MAIL_SENDER="other@example.test")
    request_password_reset(client)
    fake_aws.run_workers()

    assert sent_emails()[-1].source == "other@example.test"
