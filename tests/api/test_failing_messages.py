"""A message that fails comes back, and the log tells why: nobody else sees a worker's failure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdall import aws, storage
from holdall.errors import Unavailable
from infra.catalog import FUNCTIONS
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, announce, photo

_QUEUES = {function.name: function.queue.removesuffix("-queue") for function in FUNCTIONS if function.queue}
_WORKERS = list(_QUEUES)


@pytest.mark.parametrize("worker", _WORKERS)
def test_a_worker_tells_why_a_message_failed(worker: str, cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    failed = cloud.deliver(worker, "no JSON")

    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    [line] = [line for line in caplog.records if line.message == "message.failed"]
    assert line.levelname == "WARNING"
    assert line.exc_info is not None
    assert isinstance(line.exc_info[1], json.JSONDecodeError)


@pytest.fixture
def put_off() -> Iterator[list[dict[str, Any]]]:
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
    worker: str, received: int, seconds: int, cloud: Cloud, put_off: list[dict[str, Any]]
) -> None:
    cloud.deliver(worker, "no JSON", received=received)

    [told] = put_off
    assert told["QueueUrl"].rpartition("/")[2] == _QUEUES[worker]
    assert (told["ReceiptHandle"], told["VisibilityTimeout"]) == ("receipt-0", seconds)


@pytest.mark.parametrize("worker", _WORKERS)
def test_a_message_that_cannot_be_put_off_fails_all_the_same(
    worker: str, cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    failed = cloud.deliver(worker, "no JSON")  # whose receipt no queue has given

    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert [line.message for line in caplog.records] == ["message.not-put-off", "message.failed"]


def fails_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the storage not answer when it is first asked for this."""
    real, asked = getattr(storage, name), []

    def once(*arguments: Any) -> Any:
        asked.append(arguments)
        if len(asked) == 1:
            raise Unavailable
        return real(*arguments)

    monkeypatch.setattr(storage, name, once)


def test_a_job_that_failed_is_done_when_its_message_comes_back(
    client: Client, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = announce(b"content", filename="notes.txt", contentType="text/plain", sha256=None)
    begun = client.post("/files/init-upload", said).created()
    cloud.put(begun, b"content")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    (message,) = cloud.waiting("work")
    fails_once(monkeypatch, "measure")

    assert cloud.deliver("maintenance", message) != WELL
    assert cloud.deliver("maintenance", message) == WELL
    assert client.get(f"/files/{begun['fileId']}").data()["status"] == "ready"


def test_an_image_that_failed_is_drawn_when_its_message_comes_back(
    client: Client, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cloud.upload(client, photo(), projectId=people.personal_project(client))
    (message,) = cloud.waiting("images")
    fails_once(monkeypatch, "fetch")

    assert cloud.deliver("imageproc", message) != WELL
    assert cloud.deliver("imageproc", message) == WELL
    assert client.get(f"/files/{made['fileId']}").data()["status"] == "ready"
