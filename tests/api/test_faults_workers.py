"""Faults of workers: a message that comes back, late or twice, ends in the same state."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.api import books, people
from tests.api.client import Client
from tests.api.cloud import Cloud, announce, photo
from tests.api.conftest import Clock
from tests.api.faults import Mode, Scene, settle, survive
from tests.api.test_faults_uploads import public

# What a worker does about a throttled call is what it does about one that nobody answers: the message comes back.
each_mode = pytest.mark.parametrize("mode", ["refused", "silent", "dead"])
TEXT = {"filename": "notes.txt", "contentType": "text/plain"}


def begun(cloud: Cloud, content: bytes, **said: Any) -> tuple[Client, str, dict[str, Any]]:
    """Somebody, their public project, and an upload to it that is open."""
    cloud.forget()
    client = people.signed_in()
    project = public(client)
    return client, project, client.post("/files/init-upload", announce(content, projectId=project, **said)).created()


@each_mode
def test_an_arrival_makes_one_version(frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    def prepare() -> Scene:
        client, project, upload = begun(cloud, photo(), autoCommit=True)
        version = cloud.put(upload, photo())

        def check(again: Any) -> None:
            assert again == {"batchItemFailures": []}
            assert client.get(f"/files/{upload['fileId']}").data()["version"] == 1
            settle(cloud, frozen)
            (made,) = books.versions(cloud, project)
            assert (made["status"], made["s3_version"]) == ("ready", version)
            books.check(cloud, project)

        return Scene(lambda: cloud.arrive(upload["key"], version), check)

    survive(monkeypatch, mode, prepare)


@each_mode
@pytest.mark.parametrize("state", ["expired", "completed"])
def test_what_has_no_use_is_removed(
    frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode, state: str
) -> None:
    def prepare() -> Scene:
        client, project, upload = begun(cloud, b"content", **TEXT)
        kept = []
        if state == "completed":
            kept.append(cloud.put(upload, b"content"))
            client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
        else:
            frozen.forward(hours=24)
            cloud.run("expire-uploads")
            cloud.work()
        late = cloud.put(upload, b"CONTENT")

        def check(again: Any) -> None:
            assert again == {"batchItemFailures": []}
            assert cloud.versions(upload["key"]) == kept
            books.check(cloud, project)

        return Scene(lambda: cloud.arrive(upload["key"], late), check)

    survive(monkeypatch, mode, prepare)


def to_draw(cloud: Cloud, content: bytes) -> tuple[Client, str, str, str]:
    """Somebody, their public project, an image in it, and the message to draw it."""
    client, project, upload = begun(cloud, content)
    cloud.put(upload, content)
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    (message,) = cloud.waiting("images")
    return client, project, upload["fileId"], message


@each_mode
@pytest.mark.parametrize(("content", "status"), [(photo(), "ready"), (b"no image", "rejected")], ids=["good", "bad"])
def test_an_image_ends_as_it_must(
    frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode, content: bytes, status: str
) -> None:
    def prepare() -> Scene:
        client, project, file_id, message = to_draw(cloud, content)

        def check(_: Any) -> None:
            frozen.forward(minutes=6)
            cloud.run("send-pending-jobs")
            cloud.work()
            file = people.log_in(client.user["email"]).get(f"/files/{file_id}").data()
            assert file["status"] == status
            promised = [each["url"].removeprefix("https://files.example.test/") for each in file["variants"]]
            assert cloud.keys("variants", project) == promised
            assert len(cloud.rows("main", record_kind="event", type=f"file.{status}")) == 1
            books.check(cloud, project)

        return Scene(lambda: cloud.deliver("imageproc", message), check)

    survive(monkeypatch, mode, prepare)


def trashed(client: Client, file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()


def purged(client: Client, file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()


@each_mode
@pytest.mark.parametrize("put_away", [trashed, purged])
def test_an_image_that_is_put_away_after_a_fault_is_not_seen(
    frozen: Clock,
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    mode: Mode,
    put_away: Callable[[Client, str], None],
) -> None:
    def prepare() -> Scene:
        client, project, file_id, message = to_draw(cloud, photo())
        steps: list[Callable[[], Any]] = [
            partial(cloud.deliver, "imageproc", message),
            partial(put_away, client, file_id),
        ]

        def check(_: Any) -> None:
            cloud.deliver("imageproc", message)
            settle(cloud, frozen)
            assert [key for key in cloud.keys("variants", project) if key.startswith("media/")] == []
            books.check(cloud, project)
            if put_away is purged:
                books.nothing_left(cloud, project)

        def deliver() -> Any:
            return steps.pop(0)()

        return Scene(deliver, check)

    survive(monkeypatch, mode, prepare)


def to_hash(cloud: Cloud) -> str:
    """A text whose bytes were not hashed yet; its project."""
    client, project, upload = begun(cloud, b"content", **{**TEXT, "sha256": None})
    cloud.put(upload, b"content")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    return project


def to_move(cloud: Cloud) -> str:
    """A photo of two versions that was put into the trash; its project."""
    client, project, file_id = two_versions(cloud)
    trashed(client, file_id)
    return project


def to_purge(cloud: Cloud) -> str:
    """A photo of two versions that was purged; its project."""
    client, project, file_id = two_versions(cloud)
    purged(client, file_id)
    return project


def two_versions(cloud: Cloud) -> tuple[Client, str, str]:
    client, project, upload = begun(cloud, photo())
    cloud.put(upload, photo())
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    cloud.upload(client, photo(colour="red"), projectId=project, fileId=upload["fileId"])
    cloud.draw()
    return client, project, upload["fileId"]


def is_hashed(cloud: Cloud, project: str) -> None:
    assert [each["status"] for each in books.versions(cloud, project)] == ["ready"]


def is_moved(cloud: Cloud, project: str) -> None:
    assert [key.partition("/")[0] for key in cloud.keys("variants", project)] == ["private", "private"]


# That nobody answers leaves what was done before: as when the process ended one call earlier.
@pytest.mark.parametrize("mode", ["silent", "dead"])
@pytest.mark.parametrize(("make", "done"), [(to_hash, is_hashed), (to_move, is_moved), (to_purge, books.nothing_left)])
def test_a_job_is_done_in_the_end(
    frozen: Clock,
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    mode: Mode,
    make: Callable[[Cloud], str],
    done: Callable[[Cloud, str], None],
) -> None:
    def prepare() -> Scene:
        project = make(cloud)
        (message,) = cloud.waiting("work")

        def check(_: Any) -> None:
            settle(cloud, frozen)
            done(cloud, project)
            books.check(cloud, project)

        return Scene(lambda: cloud.deliver("maintenance", message), check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_an_upload_expires_once(frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    def prepare() -> Scene:
        client, project, upload = begun(cloud, b"content", **TEXT)
        cloud.upload(client, b"kept", projectId=project, **TEXT)
        cloud.put(upload, b"content")
        frozen.forward(hours=24)
        message = json.dumps({"work": "expire-upload", "id": upload["uploadId"]})

        def check(again: Any) -> None:
            assert again == {"batchItemFailures": []}
            assert cloud.versions(upload["key"]) == []
            assert books.held(cloud, project) == (4, 1)
            books.check(cloud, project)

        return Scene(lambda: cloud.deliver("maintenance", message), check)

    survive(monkeypatch, mode, prepare)
