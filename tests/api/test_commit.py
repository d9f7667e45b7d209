"""Committing: the bytes that arrived become a version, once, whoever asks and however often."""

import hashlib
from typing import Any

import pytest

from tests.api.conftest import FrozenClock
from tests.support import invariants, users
from tests.support.aws import FakeAws, make_upload_request
from tests.support.client import Client

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def init_upload(client: Client, content: bytes = b"content", **overrides: Any) -> dict[str, Any]:
    begun: dict[str, Any] = client.post(
        "/files/init-upload", make_upload_request(content, **{**TEXT_FILE, **overrides})
    ).created()
    return begun


def test_a_commit_makes_the_bytes_a_file(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")
    made = client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()

    file = made["file"]
    assert (made["fileId"], made["version"]) == (begun["fileId"], 1)
    assert (file["name"], file["kind"], file["status"], file["size"]) == ("notes.txt", "file", "ready", 7)
    assert file["sha256"] == hashlib.sha256(b"content").hexdigest()
    assert client.get(f"/files/{made['fileId']}").data() == file
    assert client.get("/files").data() == [file]


def test_commit_twice_returns_the_same_version(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")

    first, second = (client.post("/files/commit", {"uploadId": begun["uploadId"]}).data() for _ in range(2))
    assert first == second
    assert len(invariants.stored_versions(fake_aws, users.personal_project_id(client))) == 1
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_a_commit_by_key_is_the_same(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")

    by_key = client.post("/files/commit", {"key": begun["key"]}).data()
    assert by_key == client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()


def test_a_key_that_only_looks_like_that_of_the_upload_is_not_there(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")

    for key in (begun["key"].replace(".txt", ".jpg"), begun["key"].replace("personal", "other")):
        assert client.post("/files/commit", {"key": key}).status == 404


def test_a_commit_names_one_upload(client: Client) -> None:
    begun = init_upload(client)

    for said in ({}, {"uploadId": None}, {"uploadId": begun["uploadId"], "key": begun["key"]}):
        assert client.post("/files/commit", said).status == 422


def test_bytes_that_are_not_there_cannot_be_committed(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    early = client.post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (early.status, early.problem()["code"]) == (409, "not_uploaded")
    fake_aws.put_object(begun, b"content")
    assert client.post("/files/commit", {"uploadId": begun["uploadId"]}).status == 200


def test_other_bytes_than_announced_are_not_committed(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    # S3 refuses this; a store that did not would still not get them past us.
    fake_aws.s3.put_object(Bucket="originals", Key=begun["key"], Body=b"longer than announced")
    refused = client.post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (refused.status, refused.problem()["code"]) == (409, "object_mismatch")
    assert client.get("/files").data() == []


@pytest.mark.parametrize(
    ("said", "code"), [({"size": 8}, "size_mismatch"), ({"checksum": "0" * 64}, "checksum_mismatch")]
)
def test_a_commit_may_not_contradict_its_beginning(
    client: Client, fake_aws: FakeAws, said: dict[str, Any], code: str
) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")
    refused = client.post("/files/commit", {"uploadId": begun["uploadId"], **said})

    assert (refused.status, refused.problem()["code"]) == (409, code)
    agreeing = {"size": 7, "checksum": hashlib.sha256(b"content").hexdigest()}
    assert client.post("/files/commit", {"uploadId": begun["uploadId"], **agreeing}).status == 200


def test_committing_does_not_touch_the_quota(client: Client, fake_aws: FakeAws) -> None:
    fake_aws.upload(client, b"content", **TEXT_FILE)

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (7, 1)


def test_the_version_is_pinned(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    pinned = fake_aws.put_object(begun, b"content")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    later = fake_aws.put_object(begun, b"CONTENT")

    url = client.get(f"/files/{begun['fileId']}/content").headers["location"]
    assert f"versionId={pinned}" in url
    assert later not in url


def test_a_commit_after_the_end_of_the_upload_is_refused(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")
    frozen_clock.advance(hours=24)
    late = users.sign_in(client.user["email"]).post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (late.status, late.problem()["code"]) == (409, "wrong_state")


def test_a_commit_within_a_day_is_in_time(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")
    frozen_clock.advance(hours=23, minutes=59, seconds=59)

    assert users.sign_in(client.user["email"]).post("/files/commit", {"uploadId": begun["uploadId"]}).status == 200


def test_a_foreign_upload_is_not_there(client: Client, stranger: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")
    absent = f"{users.personal_project_id(client)}-{'0' * 26}"

    for named in ({"uploadId": begun["uploadId"]}, {"key": begun["key"]}):
        foreign = stranger.post("/files/commit", named)
        assert foreign.status == 404
        assert foreign.problem() == stranger.post("/files/commit", {"uploadId": absent}).problem()
        assert foreign.problem() == client.post("/files/commit", {"uploadId": absent}).problem()


def test_a_commit_is_audited_once_and_told_as_an_event(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")
    for _ in range(2):
        client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()

    (row,) = fake_aws.find_rows("audit", action="uploads.commit")
    assert (row["actor"], row["target"]) == (client.user["id"], begun["uploadId"])
    (event,) = fake_aws.find_rows("main", record_type="event", type="file.created")
    assert begun["fileId"] in event["data"]
