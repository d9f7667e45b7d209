"""Messages that fail: they are logged, and received again after a delay that grows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdall.platform import aws, message_batches, storage
from holdall.platform.errors import ServiceUnavailable
from infra.catalog import FUNCTIONS
from tests.support import users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.factories import make_upload_request
from tests.support.image_samples import make_photo

_QUEUE_BY_FUNCTION = {function.name: function.queue.removesuffix("-queue") for function in FUNCTIONS if function.queue}
_WORKERS = list(_QUEUE_BY_FUNCTION)


@pytest.mark.parametrize("body", ["no JSON", "[]", '{"type": "unknown"}'])
@pytest.mark.parametrize("worker", _WORKERS)
def test_message_of_unknown_shape_fails_and_is_logged(
    worker: str, body: str, fake_aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    failed = fake_aws.deliver_messages(worker, body)

    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    [unknown] = [line for line in caplog.records if line.message == "message.unknown"]
    assert (vars(unknown)["queue"], vars(unknown)["message_id"]) == (_QUEUE_BY_FUNCTION[worker], "message-0")
    [line] = [line for line in caplog.records if line.message == "message.failed"]
    assert line.levelname == "WARNING"
    assert line.exc_info is not None
    assert isinstance(line.exc_info[1], message_batches.UnknownMessage)


@pytest.fixture
def visibility_changes() -> Iterator[list[dict[str, Any]]]:
    """Collect the changes of the visibility of messages, which succeed."""
    changes: list[dict[str, Any]] = []

    def respond(params: dict[str, Any], **_: Any) -> Any:
        changes.append(json.loads(params["body"]))
        return type("Head", (), {"status_code": 200}), {}

    events, name = aws.client("sqs").meta.events, "before-call.sqs.ChangeMessageVisibility"
    events.register_first(name, respond)
    yield changes
    events.unregister(name, respond)


@pytest.mark.parametrize("worker", _WORKERS)
@pytest.mark.parametrize(("receive_count", "seconds"), [(1, 5), (2, 40), (3, 320), (4, 900), (5, 900)])
def test_failed_message_is_received_again_after_a_growing_delay(
    worker: str, receive_count: int, seconds: int, fake_aws: FakeAws, visibility_changes: list[dict[str, Any]]
) -> None:
    fake_aws.deliver_messages(worker, "no JSON", receive_count=receive_count)

    [change] = visibility_changes
    assert change["QueueUrl"].rpartition("/")[2] == _QUEUE_BY_FUNCTION[worker]
    assert (change["ReceiptHandle"], change["VisibilityTimeout"]) == ("receipt-0", seconds)


@pytest.mark.parametrize("worker", _WORKERS)
def test_message_fails_even_if_its_visibility_cannot_be_changed(
    worker: str, fake_aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    failed = fake_aws.deliver_messages(worker, "no JSON")  # SQS does not know the receipt handle

    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert [line.message for line in caplog.records] == [
        "message.unknown",
        "message.visibility_not_changed",
        "message.failed",
    ]


def fail_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Raise ServiceUnavailable at the first call of a function of storage."""
    original, calls = getattr(storage, name), []

    def fail_first(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise ServiceUnavailable
        return original(*arguments, **options)

    monkeypatch.setattr(storage, name, fail_first)


def test_failed_job_is_completed_at_the_next_receive(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = make_upload_request(b"content", filename="notes.txt", contentType="text/plain", sha256=None)
    upload = client.post("/files/init-upload", request).created()
    fake_aws.put_object(upload, b"content")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    (message,) = fake_aws.receive_messages("work")
    fail_once(monkeypatch, "sha256_of")

    assert fake_aws.deliver_messages("maintenance", message) != NO_FAILURES
    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    assert client.get(f"/files/{upload['fileId']}").data()["status"] == "ready"


def test_failed_image_is_rendered_at_the_next_receive(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fake_aws.upload(client, make_photo(), projectId=users.personal_project_id(client))
    (message,) = fake_aws.receive_messages("images")
    fail_once(monkeypatch, "download")

    assert fake_aws.deliver_messages("imageproc", message) != NO_FAILURES
    assert fake_aws.deliver_messages("imageproc", message) == NO_FAILURES
    assert client.get(f"/files/{file['fileId']}").data()["status"] == "ready"
