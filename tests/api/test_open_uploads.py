"""What one user and one project may have open at once, so that reservations cannot fill an installation."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from holdall.uploads import service as uploads
from holdall.uploads.model import InitUploadRequest
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import inject_faults, interleave
from tests.support.fixtures import OverrideSettings
from tests.support.projects import create_api_key_client, create_member, delete_project, restore_project
from tests.support.uploads import TEXT_FILE, commit_upload, init_upload

GIB = 1024**3


def request_upload(client: Client, size: int, **overrides: Any) -> Response:
    body = make_upload_request(b"", **{**TEXT_FILE, "size": size, "sha256": None, **overrides})
    return client.post("/files/init-upload", body)


def abort(client: Client, upload: dict[str, Any]) -> Response:
    return client.delete(f"/uploads/{upload['uploadId']}")


def test_a_user_who_reserves_without_end_closes_uploads_for_no_one_else(
    client: Client, stranger: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES=str(1024 * GIB))
    frozen_clock.advance(seconds=10)
    statuses = [request_upload(client, 5 * GIB).status for _ in range(256)]
    frozen_clock.advance(seconds=10)

    assert statuses == [201] * 4 + [409] * 252
    assert request_upload(client, 1).problem()["code"] == "too_much_open"
    request_upload(stranger, 5 * GIB).created()
    frozen_clock.advance(hours=25)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()
    assert invariants.installation_usage(fake_aws) == (0, 0)
    for each in (client, stranger):
        invariants.assert_project_consistent(fake_aws, users.personal_project_id(each))


def test_bound_of_a_user_counts_all_projects_and_api_keys(
    client: Client, fake_aws: FakeAws, shared_project: str, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_OPEN_BYTES_PER_USER="10")
    key = create_api_key_client(client, shared_project)
    other_key = create_api_key_client(client, users.personal_project_id(client))
    request_upload(client, 4).created()
    request_upload(key, 4).created()

    for each in (client, key, other_key):
        assert request_upload(each, 3).problem()["code"] == "too_much_open"
    request_upload(other_key, 2).created()
    assert invariants.open_bytes_by_opener(fake_aws) == {client.user["id"]: 10}


def test_concurrent_uploads_never_exceed_the_bound_of_a_user(
    client: Client, fake_aws: FakeAws, shared_project: str, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_OPEN_BYTES_PER_USER="10")
    body = make_upload_request(b"", **{**TEXT_FILE, "size": 6, "sha256": None})

    def init_concurrently() -> None:
        uploads.init(make_caller(client), get_project(shared_project), InitUploadRequest.model_validate(body))

    with interleave("TransactWriteItems", init_concurrently):
        assert request_upload(client, 6).problem()["code"] == "too_much_open"
    assert invariants.open_bytes_by_opener(fake_aws) == {client.user["id"]: 6}


def test_file_above_the_bound_of_a_user_is_refused(client: Client, override_settings: OverrideSettings) -> None:
    override_settings(MAX_OPEN_BYTES_PER_USER="10")

    assert request_upload(client, 11).problem()["code"] == "too_much_open"
    request_upload(client, 10).created()


def test_bound_of_a_project_counts_all_members_and_no_versions(
    client: Client, fake_aws: FakeAws, shared_project: str, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_OPEN_BYTES_PER_PROJECT="10")
    editor = create_member(client, shared_project, fake_aws, "editor")
    fake_aws.upload(client, b"stored", **TEXT_FILE, projectId=shared_project)
    request_upload(client, 6, projectId=shared_project).created()

    assert request_upload(editor, 5, projectId=shared_project).problem()["code"] == "too_much_open"
    request_upload(editor, 5).created()  # in another project
    request_upload(editor, 4, projectId=shared_project).created()


def test_committed_and_aborted_uploads_make_room(
    client: Client, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_OPEN_BYTES_PER_USER="7", MAX_OPEN_BYTES_PER_PROJECT="7")
    fake_aws.upload(client, b"content", **TEXT_FILE)
    upload = init_upload(client, b"CONTENT")
    assert request_upload(client, 1).status == 409
    assert abort(client, upload).status == 204

    request_upload(client, 7).created()
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_duplicate_request_gets_the_upload_that_took_the_last_room(
    client: Client, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_OPEN_BYTES_PER_USER="7", MAX_OPEN_BYTES_PER_PROJECT="7")
    body, headers = make_upload_request(b"content", **TEXT_FILE), {"idempotency-key": "key"}
    first, second = (client.post("/files/init-upload", body, headers=headers).created() for _ in range(2))

    assert second["uploadId"] == first["uploadId"]


def test_abort_releases_the_quota_and_deletes_the_bytes_once(client: Client, fake_aws: FakeAws) -> None:
    project_id = users.personal_project_id(client)
    init_upload(client, b"kept")
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")

    assert [abort(client, upload).status for _ in range(2)] == [204, 204]
    assert invariants.quota_usage(fake_aws, project_id) == (4, 1)
    assert client.post("/files/commit", {"uploadId": upload["uploadId"]}).problem()["code"] == "wrong_state"
    assert fake_aws.run_workers() == 1
    assert fake_aws.list_version_ids(upload["key"]) == []
    assert len(fake_aws.find_rows("audit", action="uploads.abort", target=upload["uploadId"])) == 1
    invariants.assert_project_consistent(fake_aws, project_id)


def test_bytes_of_an_aborted_upload_are_deleted_although_its_message_was_not_sent(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    with inject_faults(monkeypatch, -1, "refused", "sqs"):
        assert abort(client, upload).status == 204
    assert fake_aws.run_workers() == 0
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert fake_aws.list_version_ids(upload["key"]) == []


def test_upload_that_is_committed_meanwhile_is_not_aborted(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    with interleave("TransactWriteItems", lambda: commit_upload(client, upload)):
        late = abort(client, upload)

    assert (late.status, late.problem()["code"]) == (409, "wrong_state")
    assert client.get(f"/files/{upload['fileId']}").data()["version"] == 1
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_expired_upload_cannot_be_aborted(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    upload = init_upload(client)
    frozen_clock.advance(hours=1)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert abort(users.sign_in(client.user["email"]), upload).problem()["code"] == "wrong_state"


def test_superuser_aborts_an_upload_of_any_project_and_the_audit_log_tells(
    client: Client, superuser: Client, fake_aws: FakeAws
) -> None:
    upload = init_upload(client)

    assert abort(superuser, upload).status == 204
    actions = {row["action"] for row in fake_aws.find_rows("audit", actor=superuser.user["id"])}
    assert {"projects.access_as_superuser", "uploads.abort"} <= actions
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (0, 0)


def test_upload_of_another_project_is_not_aborted(client: Client, stranger: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    unknown = {"uploadId": f"{users.personal_project_id(stranger)}-{'0' * 26}"}

    assert [abort(stranger, each).status for each in (upload, unknown)] == [404, 404]
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (7, 1)


def test_deletion_of_a_project_aborts_its_open_uploads(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    kept = fake_aws.upload(client, b"kept", **TEXT_FILE, projectId=project["id"])
    open_uploads = [init_upload(client, projectId=project["id"]) for _ in range(52)]
    fake_aws.put_object(open_uploads[0], b"content")
    delete_project(client, project).data()
    fake_aws.run_workers()

    assert invariants.quota_usage(fake_aws, project["id"]) == (4, 1)
    assert fake_aws.list_version_ids(open_uploads[0]["key"]) == []
    restore_project(client, project).data()
    assert client.get(f"/files/{kept['fileId']}").status == 200
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_project_that_is_restored_at_once_keeps_its_open_uploads(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    upload = init_upload(client, projectId=project["id"])
    delete_project(client, project).data()
    restore_project(client, project).data()
    fake_aws.run_workers()
    fake_aws.put_object(upload, b"content")

    assert client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()["version"] == 1


def test_deletion_of_an_account_aborts_the_open_uploads_of_its_projects(client: Client, fake_aws: FakeAws) -> None:
    project_id = users.personal_project_id(client)
    fake_aws.put_object(init_upload(client), b"content")
    assert users.delete_account(client).status == 204
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, project_id)
    assert invariants.open_bytes_by_opener(fake_aws) == {}


def test_open_uploads_of_a_project_are_listed_oldest_first_until_they_end(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], frozen_clock: FrozenClock
) -> None:
    kept, committed, aborted = (init_upload(client, projectId=project["id"]) for _ in range(3))
    init_upload(client)  # in another project
    fake_aws.put_object(committed, b"content")
    client.post("/files/commit", {"uploadId": committed["uploadId"]}).data()
    frozen_clock.advance(seconds=1)
    last = init_upload(client, b"last", projectId=project["id"], autoCommit=True)
    abort(client, aborted)
    first, second = client.get(f"/uploads?projectId={project['id']}").data()

    assert (first["id"], first["fileId"], first["size"]) == (kept["uploadId"], kept["fileId"], 7)
    assert (first["name"], first["contentType"], first["autoCommit"]) == ("notes.txt", "text/plain", False)
    assert (second["id"], second["autoCommit"], second["createdBy"]) == (last["uploadId"], True, client.user["id"])
    assert datetime.fromisoformat(second["expiresAt"]) > frozen_clock.time + timedelta(minutes=30)
