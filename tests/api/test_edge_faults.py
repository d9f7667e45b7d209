"""X2: a server of the edge store that fails in part, refuses, or lies. Nothing else suffers from it."""

from datetime import timedelta
from io import RawIOBase
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import EndpointConnectionError

from holdall.maintenance import service as maintenance
from holdall.platform import clock, multipart, storage
from holdall.platform.originals import EdgeUnavailable
from tests.support import edge, process
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.edge import EdgeProject
from tests.support.fixtures import OverrideSettings
from tests.support.settings import edge_store

_CONTENT = b"The bytes of a small file."


@pytest.fixture
def project(client: Client, fake_aws: FakeAws, override_settings: OverrideSettings) -> EdgeProject:
    override_settings(EDGE_STORE=edge_store())
    fake_aws.ssm.put_parameter(Name=edge.PARAMETER, Value=edge.CREDENTIALS, Type="SecureString", Overwrite=True)
    return EdgeProject.create(fake_aws, client)


class Stream(RawIOBase):
    """A body of zeros, which tells how much of it was read."""

    def __init__(self, size: int, seconds_per_read: float = 0) -> None:
        super().__init__()
        self.left, self.read_bytes, self._seconds = size, 0, seconds_per_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        clock.sleep(self._seconds)
        count = min(len(buffer), self.left)
        buffer[:count] = bytes(count)
        self.left -= count
        self.read_bytes += count
        return count


def run_sync(fake_aws: FakeAws) -> dict[str, int]:
    maintenance.run_for_operator("sync-edge", dry_run=False)
    fake_aws.run_workers()
    return {name: count for name, count in maintenance.get_report("sync-edge").counts.items() if count}


@pytest.mark.parametrize("status", [403, 400, 500])
def test_file_that_the_server_cannot_read_does_not_keep_others_at_the_edge(
    project: EdgeProject, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    files = [project.upload(b"content %d" % number) for number in range(3)]
    damaged = min(map(project.key, files))  # the first one of its list
    process.clear_settings()

    def respond(request: Any) -> Any:
        is_read = request.method == "GET" and damaged in request.url
        return edge.respond_with(request, status) if is_read else None

    edge.answer(monkeypatch, respond)

    counts = run_sync(fake_aws)

    assert (counts["moved"], counts["failed"], counts["unreadable_at_edge"]) == (2, 1, 1)


@pytest.mark.parametrize("status", [400, 401, 405, 429])
def test_refusal_of_any_kind_is_an_outage_of_the_edge_store_alone(
    project: EdgeProject, client: Client, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    file = project.upload(_CONTENT)
    process.clear_settings()
    edge.answer(monkeypatch, lambda request: edge.respond_with(request, status))

    body = {"projectId": project.id, "filename": "notes.txt", "size": 5, "contentType": "text/plain"}
    for response in (client.post("/files/init-upload", body), client.get(f"/files/{file['id']}/content")):
        assert response.problem()["code"] == "edge_unavailable"
    assert client.get("/health/ready").data()["status"] == "degraded"


def test_outage_does_not_fill_the_queue_of_the_workers(
    project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        project.put(project.init(b"content %d" % number, autoCommit=number == 2), b"content %d" % number)
    [look] = [each for each in fake_aws.receive_messages("work") if "find-at-edge" in each]
    process.clear_settings()
    requests = []

    def fail(request: Any) -> None:
        requests.append(request.url)
        raise EndpointConnectionError(endpoint_url=request.url)

    with monkeypatch.context() as outage:
        edge.answer(outage, fail)
        assert fake_aws.deliver_messages("maintenance", look) == NO_FAILURES
        frozen_clock.advance(hours=2)
        fake_aws.run_task("expire-uploads")
        messages = fake_aws.receive_messages("work")
        assert len(messages) == 4  # the next look, and the ends of the uploads
        assert fake_aws.deliver_messages("maintenance", *messages) == NO_FAILURES
    assert len(requests) == 2 * 2  # of the look, and of all ends together: one each, and its repetition

    process.clear_settings()
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()
    assert fake_aws.list_keys("edge") == []


def test_worker_does_not_wait_for_a_server_that_is_known_to_be_down(
    project: EdgeProject, client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [project.upload(b"content %d" % number) for number in range(5)]
    for file in files[1:]:
        client.delete(f"/files/{file['id']}?permanent=true").data()
    upload = project.init(b"other", sha256=None)
    project.put(upload, b"other")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()  # it has to be hashed
    process.clear_settings()
    requests = []

    def fail(request: AWSRequest) -> None:
        requests.append(request.url)
        raise EndpointConnectionError(endpoint_url=str(request.url))

    edge.answer(monkeypatch, fail)

    failed = fake_aws.deliver_messages("maintenance", *fake_aws.receive_messages("work"))

    assert len(failed["batchItemFailures"]) == 5
    assert len(requests) == 2  # one, and its repetition


def test_server_that_finds_what_was_deleted_is_not_asked_for_ever(
    project: EdgeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_MAX_DELETED", 3)
    process.clear_settings()
    methods = []

    def respond(request: Any) -> Any:
        methods.append(request.method)
        return edge.respond_with(request, 200 if request.method == "HEAD" else 204, Content_Length="5")

    edge.answer(monkeypatch, respond)

    with pytest.raises(EdgeUnavailable):
        storage.delete_all_versions("key", "edge")
    assert methods.count("DELETE") == 3


def test_body_that_is_longer_than_the_range_is_not_read_into_memory(
    project: EdgeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.clear_settings()
    bodies = []

    def respond(request: Any) -> Any:
        if request.method == "HEAD":
            return edge.respond_with(request, 200)
        bodies.append(Stream(50 * 1024**2))
        return edge.respond_with(request, 200, bodies[-1])

    edge.answer(monkeypatch, respond)

    with pytest.raises(EdgeUnavailable):
        list(storage.read("key", "null", 1000, "edge"))
    assert max(body.read_bytes for body in bodies) < 1024**2


def test_bytes_that_come_slowly_do_not_outlast_the_deadline(
    project: EdgeProject, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.clear_settings()
    bodies = []
    monkeypatch.setattr(clock, "sleep", lambda seconds: frozen_clock.advance(seconds=seconds))
    deadline = clock.now() + timedelta(minutes=1)

    def respond(request: Any) -> Any:
        if request.method == "HEAD":
            return edge.respond_with(request, 200)
        bodies.append(Stream(8 * 1024**2, seconds_per_read=10))
        return edge.respond_with(request, 206, bodies[-1])

    edge.answer(monkeypatch, respond)

    with pytest.raises(TimeoutError):
        storage.sha256_of("key", "null", 8 * 1024**2, deadline=deadline, location="edge")
    assert bodies[0].read_bytes < 1024**2


@pytest.mark.parametrize("etag", ["", '"', '"abc-0"', '"abc-x"', '"abc--1"', f'"abc-{10**12}"', '"abc"'])
def test_etag_that_tells_no_number_of_parts_means_one(
    project: EdgeProject, monkeypatch: pytest.MonkeyPatch, etag: str
) -> None:
    process.clear_settings()
    edge.answer(monkeypatch, lambda request: edge.respond_with(request, 200, ETag=etag, Content_Length="5"))
    assert [(part.number, part.size) for part in multipart.list_assembled("key", "edge")] == [(1, 5)]
