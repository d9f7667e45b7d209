"""A message that fails comes back, and the log tells why: nobody else sees a worker's failure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdall.platform import aws, messaging, storage
from holdall.platform.errors import ServiceUnavailable
from infra.catalog import FUNCTIONS
from tests.support import users
from tests.support.aws import NO_FAILURES, FakeAws, make_photo, make_upload_request
from tests.support.client import Client

_QUEUE_BY_FUNCTION = {function.name: function.queue.removesuffix("-queue") for function in FUNCTIONS if function.queue}
_WORKERS = list(_QUEUE_BY_FUNCTION)


@pytest.mark.parametrize("body", ["no JSON", "[]", '{"type": "unknown"}'])
@pytest.mark.parametrize("worker", _WORKERS)
def test_message_of_unknown_shape_fails_and_is_logged(
    worker: str, body: str, fake_aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    if (worker, body) == ("ingest", '{"type": "unknown"}'):
        pytest.skip("S3 sends objects of several shapes, and only `Records` counts.")
    caplog.set_level("INFO")
    failed = fake_aws.deliver_messages(worker, body)

    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    [unknown] = [line for line in caplog.records if line.message == "message.unknown"]
    assert (vars(unknown)["queue"], vars(unknown)["message_id"]) == (_QUEUE_BY_FUNCTION[worker], "message-0")
    [line] = [line for line in caplog.records if line.message == "message.failed"]
    assert line.levelname == "WARNING"
    assert line.exc_info is not None
    assert isinstance(line.exc_info[1], messaging.UnknownMessage)


@pytest.fixture
def visibility_changes() -> Iterator[list[dict[str, Any]]]:
    """What the queues are told of messages; they take it."""
    told: list[dict[str, Any]] = []

    def take(params: dict[str, Any], **_: Any) -> Any:
        told.append(json.loads(params["body"]))
        return type("Head", (), {"status_code": 200}), {}

    events, name = aws.client("sqs").meta.events, "before-call.sqs.ChangeMessageVisibility"
    events.register_first(name, take)
    yield told
    events.unregister(name, take)


@pytest.mark.parametrize("worker", _WORKERS)
@pytest.mark.parametrize(("received", "seconds"), [(1, 5), (2, 40), (3, 320), (4, 900), (5, 900)])
def test_a_failed_message_comes_back_soon_and_then_later(
    worker: str, received: int, seconds: int, fake_aws: FakeAws, visibility_changes: list[dict[str, Any]]
) -> None:
    fake_aws.deliver_messages(worker, "no JSON", receive_count=received)

    [told] = visibility_changes
    assert told["QueueUrl"].rpartition("/")[2] == _QUEUE_BY_FUNCTION[worker]
    assert (told["ReceiptHandle"], told["VisibilityTimeout"]) == ("receipt-0", seconds)


@pytest.mark.parametrize("worker", _WORKERS)
def test_a_message_that_cannot_be_put_off_fails_all_the_same(
    worker: str, fake_aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    failed = fake_aws.deliver_messages(worker, "no JSON")  # whose receipt no queue has given

    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert [line.message for line in caplog.records] == [
        "message.unknown",
        "message.visibility_not_changed",
        "message.failed",
    ]


def fail_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the storage not answer when it is first asked for this."""
    real, asked = getattr(storage, name), []

    def once(*arguments: Any) -> Any:
        asked.append(arguments)
        if len(asked) == 1:
            raise ServiceUnavailable
        return real(*arguments)

    monkeypatch.setattr(storage, name, once)


def test_a_job_that_failed_is_done_when_its_message_comes_back(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = make_upload_request(b"content", filename="notes.txt", contentType="text/plain", sha256=None)
    begun = client.post("/files/init-upload", said).created()
    fake_aws.put_object(begun, b"content")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    (message,) = fake_aws.receive_messages("work")
    fail_once(monkeypatch, "sha256_of")

    assert fake_aws.deliver_messages("maintenance", message) != NO_FAILURES
    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    assert client.get(f"/files/{begun['fileId']}").data()["status"] == "ready"


def test_an_image_that_failed_is_drawn_when_its_message_comes_back(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fake_aws.upload(client, make_photo(), projectId=users.personal_project_id(client))
    (message,) = fake_aws.receive_messages("images")
    fail_once(monkeypatch, "download")

    assert fake_aws.deliver_messages("imageproc", message) != NO_FAILURES
    assert fake_aws.deliver_messages("imageproc", message) == NO_FAILURES
    assert client.get(f"/files/{made['fileId']}").data()["status"] == "ready"
