"""Faults of AWS while files are uploaded, trashed and purged. The state is consistent whichever call fails."""

from typing import Any

import pytest

from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import FAULT_MODES, FaultMode, FaultScenario, assert_survives_faults, run_until_idle
from tests.support.image_samples import make_photo
from tests.support.variants import create_public_project

each_fault_mode = pytest.mark.parametrize("mode", FAULT_MODES)
TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@each_fault_mode
@pytest.mark.parametrize("key", [None, "key"])
def test_init_reserves_quota_once(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, key: str | None
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()
        project = users.personal_project_id(client)

        def deliver() -> Response:
            headers = {"idempotency-key": key} if key else {}
            return client.post("/files/init-upload", make_upload_request(b"content", **TEXT_FILE), headers=headers)

        def check(again: Response) -> None:
            upload = again.created()
            invariants.assert_project_consistent(fake_aws, project)
            if key:
                assert [each["id"] for each in invariants.upload_rows(fake_aws, project)] == [upload["uploadId"]]
            fake_aws.put_object(upload, b"content")
            assert client.post("/files/commit", {"uploadId": upload["uploadId"]}).status == 200

        return FaultScenario(deliver, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("key", [None, "key"])
def test_direct_upload_creates_one_file_per_idempotency_key(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, key: str | None
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()
        project = users.personal_project_id(client)

        def send() -> Response:
            headers = {"content-type": "image/jpeg"} | ({"idempotency-key": key} if key else {})
            return client.post("/upload/image?filename=photo.jpg", raw=make_photo(), headers=headers)

        def check(again: Response) -> None:
            created = again.created()
            invariants.assert_project_consistent(fake_aws, project)
            frozen_clock.advance(hours=1)
            fake_aws.run_task("expire-uploads")
            run_until_idle(fake_aws, frozen_clock)
            versions = invariants.stored_versions(fake_aws, project)
            assert created["uploadId"] in {version["id"] for version in versions}
            assert len(versions) == 1 or key is None
            assert {version["status"] for version in versions} == {"ready"}
            kept = {version["key"] for version in versions}
            assert set(fake_aws.list_keys("originals", project)) == kept
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(send, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("content_type", ["image/jpeg", "text/plain"])
def test_commit_creates_one_version(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, content_type: str
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()
        project = create_public_project(client)
        body = make_upload_request(make_photo(), contentType=content_type, projectId=project)
        upload = client.post("/files/init-upload", body).created()
        fake_aws.put_object(upload, make_photo())

        def check(again: Response) -> None:
            assert again.data()["version"] == 1
            invariants.assert_project_consistent(fake_aws, project)
            run_until_idle(fake_aws, frozen_clock)
            (version,) = invariants.stored_versions(fake_aws, project)
            assert version["status"] == "ready"
            assert len(fake_aws.find_rows("audit", action="uploads.commit")) == 1
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(lambda: client.post("/files/commit", {"uploadId": upload["uploadId"]}), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("by", ["request", "arrival in a deleted project"])
def test_abort_releases_quota_and_bytes_once(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, by: str
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()
        project = create_public_project(client)
        body = make_upload_request(b"content", projectId=project, autoCommit=True, **TEXT_FILE)
        upload = client.post("/files/init-upload", body).created()
        version_id = fake_aws.put_object(upload, b"content")

        def abort() -> Any:
            if by == "request":
                return client.delete(f"/uploads/{upload['uploadId']}")
            return fake_aws.notify_object_created(upload["key"], version_id)

        def check(again: Any) -> None:
            assert again == NO_FAILURES or again.status == 204
            fake_aws.run_task("expire-uploads")  # sends a lost message again
            run_until_idle(fake_aws, frozen_clock)
            assert fake_aws.list_version_ids(upload["key"]) == []
            assert invariants.quota_usage(fake_aws, project) == (0, 0)
            assert len(fake_aws.find_rows("audit", action="uploads.abort")) == (by == "request")
            invariants.assert_project_consistent(fake_aws, project)

        if by != "request":
            client.delete(f"/projects/{project}").data()
            for queue in ("work", "mail"):
                fake_aws.receive_messages(queue)  # the event comes before the job that aborts all uploads
        return FaultScenario(abort, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_new_version_is_created_once(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()
        project = users.personal_project_id(client)
        file_id = fake_aws.upload(client, b"first", **TEXT_FILE)["fileId"]
        upload = client.post(
            "/files/init-upload", make_upload_request(b"second", fileId=file_id, **TEXT_FILE)
        ).created()
        fake_aws.put_object(upload, b"second")

        def check(again: Response) -> None:
            assert again.data()["version"] == 2
            assert client.get(f"/files/{file_id}").data()["version"] == 2
            assert len(invariants.stored_versions(fake_aws, project)) == 2
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(lambda: client.post("/files/commit", {"uploadId": upload["uploadId"]}), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_trashed_file_has_nothing_under_media(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, project, file_id = create_rendered_photo(fake_aws)

        def check(again: Response) -> None:
            assert again.data()["status"] == "deleted"
            run_until_idle(fake_aws, frozen_clock)
            assert [key for key in fake_aws.list_keys("variants", project) if key.startswith("media/")] == []
            assert len(fake_aws.find_rows("audit", action="files.trash")) == 1
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(lambda: client.delete(f"/files/{file_id}"), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_purge_leaves_nothing(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, project, file_id = create_rendered_photo(fake_aws)

        def check(again: Response) -> None:
            assert again.status in (202, 404)
            assert client.get(f"/files/{file_id}").status == 404
            run_until_idle(fake_aws, frozen_clock)
            invariants.assert_project_purged(fake_aws, project)
            assert len(fake_aws.find_rows("audit", action="files.purge")) == 1

        return FaultScenario(lambda: client.delete(f"/files/{file_id}?permanent=true"), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_requested_variant_is_rendered(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, project, file_id = create_rendered_photo(fake_aws)
        (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{project}", sk="PROJECT")
        fake_aws.update_row(f"PROJECT#{project}", "PROJECT", settings=row["settings"].replace('"thumb"', '"other"'))

        def check(again: Response) -> None:
            assert again.status == 202
            run_until_idle(fake_aws, frozen_clock)
            later = users.sign_in(client.user["email"])
            assert later.get(f"/files/{file_id}/content?variant=other").status == 302
            invariants.assert_project_consistent(fake_aws, project)

        return FaultScenario(lambda: client.get(f"/files/{file_id}/content?variant=other"), check)

    assert_survives_faults(monkeypatch, mode, prepare)


def create_rendered_photo(fake_aws: FakeAws) -> tuple[Client, str, str]:
    """Return a client, the ID of its public project, and the ID of a rendered photo in it."""
    client = users.create_client()
    project = create_public_project(client)
    committed: dict[str, Any] = fake_aws.upload(client, make_photo(), projectId=project)
    fake_aws.render_images()
    return client, project, committed["fileId"]
