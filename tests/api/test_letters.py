"""Letters: what they say, that none is lost, and that nobody learns more by them than their reader (A7)."""

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.sesv2.models import sesv2_backends

from functions.auth.handler import handler
from tests.api import faults, people, post
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud
from tests.api.conftest import Clock, Installed
from tests.api.log import Log


def sent() -> list[Any]:
    """What SES was given."""
    return list(sesv2_backends["123456789012"]["eu-central-1"].core_backend.sent_messages)


def forget(client: Client) -> int:
    return Client().post("/auth/forgot-password", {"email": client.user["email"]}).status


def promised(cloud: Cloud) -> list[dict[str, Any]]:
    return cloud.rows("credentials", record_kind="letter")


def by_the_schedule() -> dict[str, Any]:
    return handler({"task": "post-letters"}, SimpleNamespace(aws_request_id="aws"))


def test_a_letter_is_posted_and_its_promise_forgotten(client: Client, cloud: Cloud) -> None:
    forget(client)

    assert promised(cloud) == []
    assert set(post.one(cloud)) == {"kind", "id", "to", "name", "detail"}


def test_a_letter_is_sent_by_its_worker(client: Client, cloud: Cloud) -> None:
    before = len(sent())
    forget(client)
    assert cloud.work() == 1

    assert len(sent()) == before + 1
    assert client.user["email"] in str(vars(sent()[-1]))


def test_a_letter_to_nobody_is_dropped_by_its_worker(cloud: Cloud) -> None:
    before = len(sent())
    Client().post("/auth/forgot-password", {"email": people.new_address()})

    assert cloud.work() == 1
    assert len(sent()) == before


def test_a_letter_that_was_promised_and_not_posted_is_posted_by_the_schedule(
    client: Client, cloud: Cloud, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults.injected(monkeypatch, -1, "refused", "sqs"):
        assert forget(client) == 202
    assert post.posted(cloud) == []
    assert len(promised(cloud)) == 1

    assert by_the_schedule() == {"posted": 0}  # whoever promised it may still be at it
    frozen.forward(seconds=31)
    assert by_the_schedule() == {"posted": 1}
    assert post.one(cloud)["kind"] == "reset"
    assert promised(cloud) == []
    assert by_the_schedule() == {"posted": 0}


def test_a_process_that_dies_after_its_transaction_loses_no_letter(
    client: Client, cloud: Cloud, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults.injected(monkeypatch) as seen:
        forget(client)
    written = seen.calls.index("sqs.SendMessage") - 1
    post.posted(cloud)
    with faults.injected(monkeypatch, written, "dead"), pytest.raises(faults.Dead):
        forget(client)
    frozen.forward(seconds=31)

    assert post.posted(cloud) == []
    assert by_the_schedule() == {"posted": 1}
    assert post.one(cloud)["to"] == client.user["email"]


def test_a_letter_comes_back_while_ses_is_down(client: Client, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    forget(client)
    (body,) = cloud.waiting("mail")
    before = len(sent())
    with faults.injected(monkeypatch, -1, "refused", "sesv2"):
        assert cloud.deliver("mail", body) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert len(sent()) == before

    assert cloud.deliver("mail", body) == WELL
    assert len(sent()) == before + 1


def test_one_letter_that_fails_comes_back_alone(client: Client, cloud: Cloud) -> None:
    forget(client)
    (body,) = cloud.waiting("mail")
    broken = json.dumps({**json.loads(body), "kind": "nonsense"})

    assert cloud.deliver("mail", broken, body) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}


def test_no_log_tells_what_a_letter_says(
    client: Client,
    cloud: Cloud,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with faults.injected(monkeypatch, -1, "refused", "sqs"):
        forget(client)
    forget(client)
    (body,) = cloud.waiting("mail")
    with faults.injected(monkeypatch, -1, "refused", "sesv2"):
        cloud.deliver("mail", body)
    cloud.deliver("mail", body)
    token = json.loads(body)["detail"]

    written = log.text
    assert "letter.unposted" in written
    assert "letter.sent" in written
    assert token.rpartition("_")[2] not in written
    assert client.user["email"] not in written


def test_the_sender_is_the_stages(cloud: Cloud, client: Client, installed: Installed) -> None:
    boto3.client("ses").verify_email_identity(EmailAddress="other@example.test")
    installed(MAIL_SENDER="other@example.test")
    forget(client)
    cloud.work()

    assert sent()[-1].source == "other@example.test"
