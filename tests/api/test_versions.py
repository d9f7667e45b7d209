"""New versions of a file."""

from typing import Any

import pytest

from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.factories import make_upload_request
from tests.support.image_samples import make_photo

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture
def file(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    """Return a text file with one version."""
    committed: dict[str, Any] = fake_aws.upload(client, b"first", **TEXT_FILE)["file"]
    return committed


def test_new_version_becomes_current(client: Client, fake_aws: FakeAws, file: dict[str, Any]) -> None:
    committed = fake_aws.upload(client, b"second!", fileId=file["id"], **{**TEXT_FILE, "filename": "other.txt"})

    assert (committed["fileId"], committed["version"]) == (file["id"], 2)
    current = client.get(f"/files/{file['id']}").data()
    assert (current["version"], current["size"], current["name"]) == (2, 7, "notes.txt")
    assert [each["id"] for each in client.get("/files").data()] == [file["id"]]
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (12, 2)


def test_versions_are_numbered_in_order_of_completion(client: Client, fake_aws: FakeAws, file: dict[str, Any]) -> None:
    uploads = [
        client.post("/files/init-upload", make_upload_request(content, fileId=file["id"], **TEXT_FILE)).created()
        for content in (b"second", b"third")
    ]
    for upload, content in zip(uploads, (b"second", b"third"), strict=True):
        fake_aws.put_object(upload, content)

    commits = [client.post("/files/commit", {"uploadId": upload["uploadId"]}).data() for upload in reversed(uploads)]
    assert [commit["version"] for commit in commits] == [2, 3]
    assert client.get(f"/files/{file['id']}").data()["size"] == len(b"second")


def test_version_that_is_processing_does_not_hide_a_ready_one(
    client: Client, fake_aws: FakeAws, file: dict[str, Any]
) -> None:
    committed = fake_aws.upload(client, b"second", fileId=file["id"], sha256=None, **TEXT_FILE)

    assert (committed["version"], committed["file"]["version"], committed["file"]["status"]) == (2, 1, "ready")
    fake_aws.run_workers()
    assert client.get(f"/files/{file['id']}").data()["version"] == 2


def test_rejected_version_does_not_hide_a_ready_one(client: Client, fake_aws: FakeAws) -> None:
    first = fake_aws.upload(client, make_photo())
    fake_aws.run_workers()
    request = make_upload_request(make_photo(), fileId=first["fileId"], sha256=None)
    upload = client.post("/files/init-upload", request).created()
    fake_aws.put_object(upload, make_photo())
    client.post("/files/commit", {"uploadId": upload["uploadId"], "checksum": "0" * 64}).data()
    fake_aws.run_workers()

    file = client.get(f"/files/{first['fileId']}").data()
    assert (file["version"], file["status"]) == (1, "ready")


def test_version_that_cannot_be_rendered_replaces_a_ready_one(client: Client, fake_aws: FakeAws) -> None:
    first = fake_aws.upload(client, make_photo())
    fake_aws.run_workers()
    fake_aws.upload(client, b"not a photo", fileId=first["fileId"])
    fake_aws.run_workers()

    file = client.get(f"/files/{first['fileId']}").data()
    assert (file["version"], file["status"], file["reason"]) == (2, "ready", "unsupported_type")


def test_repeated_commit_after_a_newer_version_returns_the_first_one(
    client: Client, fake_aws: FakeAws, file: dict[str, Any]
) -> None:
    (upload,) = invariants.upload_rows(fake_aws, users.personal_project_id(client))
    fake_aws.upload(client, b"second", fileId=file["id"], **TEXT_FILE)

    assert client.post("/files/commit", {"uploadId": upload["id"]}).data()["version"] == 1


def test_version_must_have_the_kind_of_its_file(client: Client, file: dict[str, Any]) -> None:
    response = client.post("/files/init-upload", make_upload_request(make_photo(), fileId=file["id"]))

    (error,) = response.problem()["errors"]
    assert (response.status, error["code"], error["pointer"]) == (422, "kind_mismatch", "/contentType")


def test_version_of_a_foreign_file_is_not_found(
    client: Client, stranger: Client, file: dict[str, Any], fake_aws: FakeAws
) -> None:
    absent = f"{users.personal_project_id(client)}-{'0' * 26}"
    own_project = users.personal_project_id(stranger)

    responses = [
        stranger.post("/files/init-upload", make_upload_request(b"x", fileId=file["id"], **TEXT_FILE)),
        stranger.post(
            "/files/init-upload", make_upload_request(b"x", fileId=file["id"], projectId=own_project, **TEXT_FILE)
        ),
        stranger.post("/files/init-upload", make_upload_request(b"x", fileId=absent, **TEXT_FILE)),
        client.post("/files/init-upload", make_upload_request(b"x", fileId=absent, **TEXT_FILE)),
    ]
    assert [response.status for response in responses] == [404] * 4
    assert all(response.problem() == responses[0].problem() for response in responses)
    assert invariants.quota_usage(fake_aws, own_project) == (0, 0)


def test_id_of_an_upload_is_not_a_file(client: Client, fake_aws: FakeAws, file: dict[str, Any]) -> None:
    (upload,) = invariants.upload_rows(fake_aws, users.personal_project_id(client))

    assert client.post("/files/init-upload", make_upload_request(b"x", fileId=upload["id"], **TEXT_FILE)).status == 404


def test_version_of_a_file_in_the_trash_is_rejected(client: Client, file: dict[str, Any]) -> None:
    client.delete(f"/files/{file['id']}").data()
    response = client.post("/files/init-upload", make_upload_request(b"x", fileId=file["id"], **TEXT_FILE))

    assert (response.status, response.problem()["code"]) == (409, "wrong_state")


def test_version_of_a_file_trashed_meanwhile_is_rejected(
    client: Client, fake_aws: FakeAws, file: dict[str, Any]
) -> None:
    upload = client.post("/files/init-upload", make_upload_request(b"second", fileId=file["id"], **TEXT_FILE)).created()
    fake_aws.put_object(upload, b"second")
    client.delete(f"/files/{file['id']}").data()
    response = client.post("/files/commit", {"uploadId": upload["uploadId"]})

    assert (response.status, response.problem()["code"]) == (409, "wrong_state")
    assert len(invariants.stored_versions(fake_aws, users.personal_project_id(client))) == 1
