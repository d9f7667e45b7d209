"""Versions: a new content of a file that is there."""

from typing import Any

import pytest

from tests.support import invariants, users
from tests.support.aws import FakeAws, make_photo, make_upload_request
from tests.support.client import Client

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture
def file(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    """A text with one version."""
    made: dict[str, Any] = fake_aws.upload(client, b"first", **TEXT_FILE)["file"]
    return made


def test_a_new_version_takes_the_place_of_the_old(client: Client, fake_aws: FakeAws, file: dict[str, Any]) -> None:
    made = fake_aws.upload(client, b"second!", fileId=file["id"], **{**TEXT_FILE, "filename": "other.txt"})

    assert (made["fileId"], made["version"]) == (file["id"], 2)
    shown = client.get(f"/files/{file['id']}").data()
    assert (shown["version"], shown["size"], shown["name"]) == (2, 7, "notes.txt")
    assert [each["id"] for each in client.get("/files").data()] == [file["id"]]
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (12, 2)


def test_versions_are_numbered_as_they_are_completed(client: Client, fake_aws: FakeAws, file: dict[str, Any]) -> None:
    begun = [
        client.post("/files/init-upload", make_upload_request(content, fileId=file["id"], **TEXT_FILE)).created()
        for content in (b"second", b"third")
    ]
    for each, content in zip(begun, (b"second", b"third"), strict=True):
        fake_aws.put_object(each, content)

    numbers = [client.post("/files/commit", {"uploadId": each["uploadId"]}).data()["version"] for each in begun[::-1]]
    assert numbers == [2, 3]
    assert client.get(f"/files/{file['id']}").data()["size"] == len(b"second")


def test_a_version_that_is_not_ready_does_not_hide_one_that_is(
    client: Client, fake_aws: FakeAws, file: dict[str, Any]
) -> None:
    made = fake_aws.upload(client, b"second", fileId=file["id"], sha256=None, **TEXT_FILE)

    assert (made["version"], made["file"]["version"], made["file"]["status"]) == (2, 1, "ready")
    fake_aws.run_workers()
    assert client.get(f"/files/{file['id']}").data()["version"] == 2


def test_a_rejected_version_does_not_hide_one_that_is_ready(client: Client, fake_aws: FakeAws) -> None:
    first = fake_aws.upload(client, make_photo())
    fake_aws.run_workers()
    fake_aws.upload(client, b"no photo at all", fileId=first["fileId"])
    fake_aws.run_workers()

    shown = client.get(f"/files/{first['fileId']}").data()
    assert (shown["version"], shown["status"]) == (1, "ready")


def test_a_committed_version_is_committed_again_after_a_newer_one(
    client: Client, fake_aws: FakeAws, file: dict[str, Any]
) -> None:
    (upload,) = invariants.upload_rows(fake_aws, users.personal_project_id(client))
    fake_aws.upload(client, b"second", fileId=file["id"], **TEXT_FILE)

    assert client.post("/files/commit", {"uploadId": upload["id"]}).data()["version"] == 1


def test_a_version_is_of_the_kind_of_its_file(client: Client, file: dict[str, Any]) -> None:
    refused = client.post("/files/init-upload", make_upload_request(make_photo(), fileId=file["id"]))

    (error,) = refused.problem()["errors"]
    assert (refused.status, error["code"], error["pointer"]) == (422, "kind_mismatch", "/contentType")


def test_a_foreign_file_gets_no_version(
    client: Client, stranger: Client, file: dict[str, Any], fake_aws: FakeAws
) -> None:
    absent = f"{users.personal_project_id(client)}-{'0' * 26}"
    mine = users.personal_project_id(stranger)

    refused = [
        stranger.post("/files/init-upload", make_upload_request(b"x", fileId=file["id"], **TEXT_FILE)),
        stranger.post("/files/init-upload", make_upload_request(b"x", fileId=file["id"], projectId=mine, **TEXT_FILE)),
        stranger.post("/files/init-upload", make_upload_request(b"x", fileId=absent, **TEXT_FILE)),
        client.post("/files/init-upload", make_upload_request(b"x", fileId=absent, **TEXT_FILE)),
    ]
    assert [answer.status for answer in refused] == [404] * 4
    assert all(answer.problem() == refused[0].problem() for answer in refused)
    assert invariants.quota_usage(fake_aws, mine) == (0, 0)


def test_an_upload_is_no_file(client: Client, fake_aws: FakeAws, file: dict[str, Any]) -> None:
    (upload,) = invariants.upload_rows(fake_aws, users.personal_project_id(client))

    assert client.post("/files/init-upload", make_upload_request(b"x", fileId=upload["id"], **TEXT_FILE)).status == 404


def test_a_file_in_the_trash_gets_no_version(client: Client, file: dict[str, Any]) -> None:
    client.delete(f"/files/{file['id']}").data()
    refused = client.post("/files/init-upload", make_upload_request(b"x", fileId=file["id"], **TEXT_FILE))

    assert (refused.status, refused.problem()["code"]) == (409, "wrong_state")


def test_a_version_of_a_file_that_went_meanwhile_is_refused(
    client: Client, fake_aws: FakeAws, file: dict[str, Any]
) -> None:
    begun = client.post("/files/init-upload", make_upload_request(b"second", fileId=file["id"], **TEXT_FILE)).created()
    fake_aws.put_object(begun, b"second")
    client.delete(f"/files/{file['id']}").data()
    refused = client.post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (refused.status, refused.problem()["code"]) == (409, "wrong_state")
    assert len(invariants.stored_versions(fake_aws, users.personal_project_id(client))) == 1
