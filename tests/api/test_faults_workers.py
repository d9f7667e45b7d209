"""Faults of AWS while workers process messages. The result is the same when a message comes back, late or twice."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from holdall.uploads.messages import EndUpload
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import FaultMode, FaultScenario, assert_survives_faults, run_until_idle
from tests.support.image_samples import make_photo
from tests.support.variants import create_public_project

# A worker treats a throttled call like one that fails: the message comes back.
each_fault_mode = pytest.mark.parametrize("mode", ["refused", "timeout", "crash"])
TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def init_public_upload(fake_aws: FakeAws, content: bytes, **overrides: Any) -> tuple[Client, str, dict[str, Any]]:
    """Return a client, the ID of its public project, and an open upload."""
    client = users.create_client()
    project = create_public_project(client)
    return (
        client,
        project,
        client.post("/files/init-upload", make_upload_request(content, projectId=project, **overrides)).created(),
    )


@each_fault_mode
def test_arrived_object_creates_one_version(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, project, upload = init_public_upload(fake_aws, make_photo(), autoCommit=True)
        version = fake_aws.put_object(upload, make_photo())

        def check(again: Any) -> None:
            assert again == {"batchItemFailures": []}
            assert client.get(f"/files/{upload['fileId']}").data()["version"] == 1
            run_until_idle(fake_aws, frozen_clock)
            (committed,) = invariants.stored_versions(fake_aws, project)
            assert (committed["status"], committed["s3_version_id"]) == ("ready", version)
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(lambda: fake_aws.notify_object_created(upload["key"], version), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("state", ["expired", "completed"])
def test_object_that_no_upload_needs_is_deleted(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, state: str
) -> None:
    def prepare() -> FaultScenario:
        client, project, upload = init_public_upload(fake_aws, b"content", **TEXT_FILE)
        kept = []
        if state == "completed":
            kept.append(fake_aws.put_object(upload, b"content"))
            client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
        else:
            frozen_clock.advance(hours=24)
            fake_aws.run_task("expire-uploads")
            fake_aws.run_workers()
        late = fake_aws.put_object(upload, b"CONTENT")

        def check(again: Any) -> None:
            assert again == {"batchItemFailures": []}
            assert fake_aws.list_version_ids(upload["key"]) == kept
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(lambda: fake_aws.notify_object_created(upload["key"], late), check)

    assert_survives_faults(monkeypatch, mode, prepare)


def create_image_message(fake_aws: FakeAws, content: bytes) -> tuple[Client, str, str, str]:
    """Return a client, the ID of its public project, the ID of an image in it, and the message to render it."""
    client, project, upload = init_public_upload(fake_aws, content)
    fake_aws.put_object(upload, content)
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    (message,) = fake_aws.receive_messages("images")
    return client, project, upload["fileId"], message


@each_fault_mode
@pytest.mark.parametrize(
    ("content", "reason"), [(make_photo(), None), (b"not an image", "unsupported_type")], ids=["good", "bad"]
)
def test_image_is_rendered_or_kept_with_a_reason(
    frozen_clock: FrozenClock,
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    mode: FaultMode,
    content: bytes,
    reason: str | None,
) -> None:
    def prepare() -> FaultScenario:
        client, project, file_id, message = create_image_message(fake_aws, content)

        def check(_: Any) -> None:
            frozen_clock.advance(minutes=6)
            fake_aws.run_task("send-pending-jobs")
            fake_aws.run_workers()
            file = users.sign_in(client.user["email"]).get(f"/files/{file_id}").data()
            assert (file["status"], file["reason"]) == ("ready", reason)
            promised = [each["url"].removeprefix("https://files.example.test/") for each in file["variants"]]
            assert fake_aws.list_keys("variants", project) == promised
            assert len(fake_aws.find_rows("main", record_type="event", type="file.ready")) == 1
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(lambda: fake_aws.deliver_messages("imageproc", message), check)

    assert_survives_faults(monkeypatch, mode, prepare)


def trash_file(client: Client, file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()


def purge_file(client: Client, file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()


@each_fault_mode
@pytest.mark.parametrize("remove", [trash_file, purge_file])
def test_image_that_is_removed_after_a_fault_has_nothing_under_media(
    frozen_clock: FrozenClock,
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    mode: FaultMode,
    remove: Callable[[Client, str], None],
) -> None:
    def prepare() -> FaultScenario:
        client, project, file_id, message = create_image_message(fake_aws, make_photo())

        def check(_: Any) -> None:
            fake_aws.deliver_messages("imageproc", message)
            run_until_idle(fake_aws, frozen_clock)
            assert [key for key in fake_aws.list_keys("variants", project) if key.startswith("media/")] == []
            invariants.assert_project_consistent(fake_aws, project)
            if remove is purge_file:
                invariants.assert_project_purged(fake_aws, project)

        render = partial(fake_aws.deliver_messages, "imageproc", message)
        return FaultScenario(render, check, retry=partial(remove, client, file_id))

    assert_survives_faults(monkeypatch, mode, prepare)


def create_unhashed_text(fake_aws: FakeAws) -> str:
    """Upload a text that has to be hashed, and return the ID of its project."""
    client, project, upload = init_public_upload(fake_aws, b"content", **{**TEXT_FILE, "sha256": None})
    fake_aws.put_object(upload, b"content")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    return project


def create_trashed_photo(fake_aws: FakeAws) -> str:
    """Trash a photo with two versions, and return the ID of its project."""
    client, project, file_id = create_photo_with_two_versions(fake_aws)
    trash_file(client, file_id)
    return project


def create_purged_photo(fake_aws: FakeAws) -> str:
    """Purge a photo with two versions, and return the ID of its project."""
    client, project, file_id = create_photo_with_two_versions(fake_aws)
    purge_file(client, file_id)
    return project


def create_photo_with_two_versions(fake_aws: FakeAws) -> tuple[Client, str, str]:
    client, project, upload = init_public_upload(fake_aws, make_photo())
    fake_aws.put_object(upload, make_photo())
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    fake_aws.upload(client, make_photo(color="red"), projectId=project, fileId=upload["fileId"])
    fake_aws.render_images()
    return client, project, upload["fileId"]


def assert_hashed(fake_aws: FakeAws, project: str) -> None:
    assert [each["status"] for each in invariants.stored_versions(fake_aws, project)] == ["ready"]


def assert_moved(fake_aws: FakeAws, project: str) -> None:
    assert [key.partition("/")[0] for key in fake_aws.list_keys("variants", project)] == ["private", "private"]


# A call that fails leaves the same state as a process that ended one call earlier.
@pytest.mark.parametrize("mode", ["timeout", "crash"])
@pytest.mark.parametrize(
    ("make", "done"),
    [
        (create_unhashed_text, assert_hashed),
        (create_trashed_photo, assert_moved),
        (create_purged_photo, invariants.assert_project_purged),
    ],
)
def test_job_is_completed(
    frozen_clock: FrozenClock,
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    mode: FaultMode,
    make: Callable[[FakeAws], str],
    done: Callable[[FakeAws, str], None],
) -> None:
    def prepare() -> FaultScenario:
        project = make(fake_aws)
        (message,) = fake_aws.receive_messages("work")

        def check(_: Any) -> None:
            run_until_idle(fake_aws, frozen_clock)
            done(fake_aws, project)
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(lambda: fake_aws.deliver_messages("maintenance", message), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_upload_expires_once(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, project, upload = init_public_upload(fake_aws, b"content", **TEXT_FILE)
        fake_aws.upload(client, b"kept", projectId=project, **TEXT_FILE)
        fake_aws.put_object(upload, b"content")
        frozen_clock.advance(hours=24)
        message = EndUpload(upload["uploadId"]).to_json()

        def check(again: Any) -> None:
            assert again == {"batchItemFailures": []}
            assert fake_aws.list_version_ids(upload["key"]) == []
            assert invariants.quota_usage(fake_aws, project) == (4, 1)
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(lambda: fake_aws.deliver_messages("maintenance", message), check)

    assert_survives_faults(monkeypatch, mode, prepare)
