"""Commits of uploads."""

import hashlib
from typing import Any

import pytest

from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.uploads import TEXT_FILE, init_upload


def test_commit_creates_a_file(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    committed = client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()

    file = committed["file"]
    assert (committed["fileId"], committed["version"]) == (upload["fileId"], 1)
    assert (file["name"], file["kind"], file["status"], file["size"]) == ("notes.txt", "file", "ready", 7)
    assert file["sha256"] == hashlib.sha256(b"content").hexdigest()
    assert client.get(f"/files/{committed['fileId']}").data() == file
    assert client.get("/files").data() == [file]


def test_repeated_commit_returns_the_same_version(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")

    first, second = (client.post("/files/commit", {"uploadId": upload["uploadId"]}).data() for _ in range(2))
    assert first == second
    assert len(invariants.stored_versions(fake_aws, users.personal_project_id(client))) == 1
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_idempotency_key_belongs_to_one_commit(client: Client, fake_aws: FakeAws) -> None:
    first, second = init_upload(client), init_upload(client)
    for upload in (first, second):
        fake_aws.put_object(upload, b"content")

    def commit(upload: dict[str, Any]) -> Response:
        return client.post("/files/commit", {"uploadId": upload["uploadId"]}, headers={"idempotency-key": "key"})

    assert commit(first).data() == commit(first).data()
    assert commit(second).problem()["code"] == "idempotency_key_reused"
    assert client.get(f"/files/{second['fileId']}").status == 404


def test_idempotency_key_of_a_commit_that_came_too_early_can_be_used_again(client: Client, fake_aws: FakeAws) -> None:
    upload, headers = init_upload(client), {"idempotency-key": "key"}
    body = {"uploadId": upload["uploadId"]}

    assert client.post("/files/commit", body, headers=headers).problem()["code"] == "not_uploaded"
    fake_aws.put_object(upload, b"content")
    assert client.post("/files/commit", body, headers=headers).data()["version"] == 1


def test_commit_by_key_returns_the_same_version(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")

    by_key = client.post("/files/commit", {"key": upload["key"]}).data()
    assert by_key == client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()


def test_commit_by_a_similar_key_is_not_found(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")

    for key in (upload["key"].replace(".txt", ".jpg"), upload["key"].replace("personal", "other")):
        assert client.post("/files/commit", {"key": key}).status == 404


def test_commit_requires_either_an_id_or_a_key(client: Client) -> None:
    upload = init_upload(client)

    for body in ({}, {"uploadId": None}, {"uploadId": upload["uploadId"], "key": upload["key"]}):
        assert client.post("/files/commit", body).status == 422


def test_commit_before_the_upload_of_the_object_is_rejected(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    response = client.post("/files/commit", {"uploadId": upload["uploadId"]})

    assert (response.status, response.problem()["code"]) == (409, "not_uploaded")
    fake_aws.put_object(upload, b"content")
    assert client.post("/files/commit", {"uploadId": upload["uploadId"]}).status == 200


def test_object_of_another_size_is_not_committed(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    # S3 rejects this object. Holdall does not rely on it.
    fake_aws.s3.put_object(Bucket="originals", Key=upload["key"], Body=b"longer than declared")
    response = client.post("/files/commit", {"uploadId": upload["uploadId"]})

    assert (response.status, response.problem()["code"]) == (409, "object_mismatch")
    assert client.get("/files").data() == []


@pytest.mark.parametrize(
    ("fields", "code"), [({"size": 8}, "size_mismatch"), ({"checksum": "0" * 64}, "checksum_mismatch")]
)
def test_commit_must_match_the_init(client: Client, fake_aws: FakeAws, fields: dict[str, Any], code: str) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    response = client.post("/files/commit", {"uploadId": upload["uploadId"], **fields})

    assert (response.status, response.problem()["code"]) == (409, code)
    matching = {"size": 7, "checksum": hashlib.sha256(b"content").hexdigest()}
    assert client.post("/files/commit", {"uploadId": upload["uploadId"], **matching}).status == 200


def test_commit_does_not_change_the_quota(client: Client, fake_aws: FakeAws) -> None:
    fake_aws.upload(client, b"content", **TEXT_FILE)

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (7, 1)


def test_commit_pins_the_s3_version(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    pinned = fake_aws.put_object(upload, b"content")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    stray = fake_aws.put_object(upload, b"CONTENT")

    url = client.get(f"/files/{upload['fileId']}/content").headers["location"]
    assert f"versionId={pinned}" in url
    assert stray not in url


def test_commit_of_an_expired_upload_is_rejected(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    frozen_clock.advance(hours=24)
    late = users.sign_in(client.user["email"]).post("/files/commit", {"uploadId": upload["uploadId"]})

    assert (late.status, late.problem()["code"]) == (409, "wrong_state")


def test_commit_within_half_an_hour_is_accepted(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    frozen_clock.advance(minutes=30)

    assert users.sign_in(client.user["email"]).post("/files/commit", {"uploadId": upload["uploadId"]}).status == 200


def test_foreign_upload_is_not_found(client: Client, stranger: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    absent = f"{users.personal_project_id(client)}-{'0' * 26}"

    for body in ({"uploadId": upload["uploadId"]}, {"key": upload["key"]}):
        foreign = stranger.post("/files/commit", body)
        assert foreign.status == 404
        assert foreign.problem() == stranger.post("/files/commit", {"uploadId": absent}).problem()
        assert foreign.problem() == client.post("/files/commit", {"uploadId": absent}).problem()


def test_commit_writes_one_audit_entry_and_one_event(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    for _ in range(2):
        client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()

    (row,) = fake_aws.find_rows("audit", action="uploads.commit")
    assert (row["actor"], row["target"]) == (client.user["id"], upload["uploadId"])
    (event,) = fake_aws.find_rows("main", record_type="event", type="file.created")
    assert upload["fileId"] in event["data"]
