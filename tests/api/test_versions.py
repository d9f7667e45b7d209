"""Versions: a new content of a file that is there."""

from typing import Any

import pytest

from tests.api import books, people
from tests.api.client import Client
from tests.api.cloud import Cloud, announce, photo

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture
def file(client: Client, cloud: Cloud) -> dict[str, Any]:
    """A text with one version."""
    made: dict[str, Any] = cloud.upload(client, b"first", **TEXT)["file"]
    return made


def test_a_new_version_takes_the_place_of_the_old(client: Client, cloud: Cloud, file: dict[str, Any]) -> None:
    made = cloud.upload(client, b"second!", fileId=file["id"], **{**TEXT, "filename": "other.txt"})

    assert (made["fileId"], made["version"]) == (file["id"], 2)
    shown = client.get(f"/files/{file['id']}").data()
    assert (shown["version"], shown["size"], shown["name"]) == (2, 7, "notes.txt")
    assert [each["id"] for each in client.get("/files").data()] == [file["id"]]
    books.check(cloud, people.personal_project(client))
    assert books.held(cloud, people.personal_project(client)) == (12, 2)


def test_versions_are_numbered_as_they_are_completed(client: Client, cloud: Cloud, file: dict[str, Any]) -> None:
    begun = [
        client.post("/files/init-upload", announce(content, fileId=file["id"], **TEXT)).created()
        for content in (b"second", b"third")
    ]
    for each, content in zip(begun, (b"second", b"third"), strict=True):
        cloud.put(each, content)

    numbers = [client.post("/files/commit", {"uploadId": each["uploadId"]}).data()["version"] for each in begun[::-1]]
    assert numbers == [2, 3]
    assert client.get(f"/files/{file['id']}").data()["size"] == len(b"second")


def test_a_version_that_is_not_ready_does_not_hide_one_that_is(
    client: Client, cloud: Cloud, file: dict[str, Any]
) -> None:
    made = cloud.upload(client, b"second", fileId=file["id"], sha256=None, **TEXT)

    assert (made["version"], made["file"]["version"], made["file"]["status"]) == (2, 1, "ready")
    cloud.work()
    assert client.get(f"/files/{file['id']}").data()["version"] == 2


def test_a_rejected_version_does_not_hide_one_that_is_ready(client: Client, cloud: Cloud) -> None:
    first = cloud.upload(client, photo())
    cloud.work()
    cloud.upload(client, b"no photo at all", fileId=first["fileId"])
    cloud.work()

    shown = client.get(f"/files/{first['fileId']}").data()
    assert (shown["version"], shown["status"]) == (1, "ready")


def test_a_committed_version_is_committed_again_after_a_newer_one(
    client: Client, cloud: Cloud, file: dict[str, Any]
) -> None:
    (upload,) = books.uploads(cloud, people.personal_project(client))
    cloud.upload(client, b"second", fileId=file["id"], **TEXT)

    assert client.post("/files/commit", {"uploadId": upload["id"]}).data()["version"] == 1


def test_a_version_is_of_the_kind_of_its_file(client: Client, file: dict[str, Any]) -> None:
    refused = client.post("/files/init-upload", announce(photo(), fileId=file["id"]))

    (error,) = refused.problem()["errors"]
    assert (refused.status, error["code"], error["pointer"]) == (422, "other_kind", "/contentType")


def test_a_foreign_file_gets_no_version(client: Client, stranger: Client, file: dict[str, Any], cloud: Cloud) -> None:
    absent = f"{people.personal_project(client)}-{'0' * 26}"
    mine = people.personal_project(stranger)

    refused = [
        stranger.post("/files/init-upload", announce(b"x", fileId=file["id"], **TEXT)),
        stranger.post("/files/init-upload", announce(b"x", fileId=file["id"], projectId=mine, **TEXT)),
        stranger.post("/files/init-upload", announce(b"x", fileId=absent, **TEXT)),
        client.post("/files/init-upload", announce(b"x", fileId=absent, **TEXT)),
    ]
    assert [answer.status for answer in refused] == [404] * 4
    assert all(answer.problem() == refused[0].problem() for answer in refused)
    assert books.held(cloud, mine) == (0, 0)


def test_an_upload_is_no_file(client: Client, cloud: Cloud, file: dict[str, Any]) -> None:
    (upload,) = books.uploads(cloud, people.personal_project(client))

    assert client.post("/files/init-upload", announce(b"x", fileId=upload["id"], **TEXT)).status == 404


def test_a_file_in_the_trash_gets_no_version(client: Client, file: dict[str, Any]) -> None:
    client.delete(f"/files/{file['id']}").data()
    refused = client.post("/files/init-upload", announce(b"x", fileId=file["id"], **TEXT))

    assert (refused.status, refused.problem()["code"]) == (409, "wrong_state")


def test_a_version_of_a_file_that_went_meanwhile_is_refused(client: Client, cloud: Cloud, file: dict[str, Any]) -> None:
    begun = client.post("/files/init-upload", announce(b"second", fileId=file["id"], **TEXT)).created()
    cloud.put(begun, b"second")
    client.delete(f"/files/{file['id']}").data()
    refused = client.post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (refused.status, refused.problem()["code"]) == (409, "wrong_state")
    assert len(books.versions(cloud, people.personal_project(client))) == 1
