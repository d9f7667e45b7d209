"""Bytes that came without a SHA-256: they are read once by a job, and compared with what was announced."""

import hashlib
import json
from typing import Any

import pytest

from holdall.platform import storage
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws, make_photo, make_upload_request
from tests.support.client import Client

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}
CONTENT_SHA256_HEX = hashlib.sha256(b"content").hexdigest()


def upload_and_commit(client: Client, fake_aws: FakeAws, checksum: str | None, **overrides: Any) -> dict[str, Any]:
    content = make_photo() if overrides else b"content"
    begun = client.post(
        "/files/init-upload", make_upload_request(content, **{**TEXT_FILE, **overrides}, sha256=None)
    ).created()
    fake_aws.put_object(begun, content)
    told = {"uploadId": begun["uploadId"], "checksum": checksum}
    made: dict[str, Any] = client.post("/files/commit", told).data()
    return made


@pytest.mark.parametrize("checksum", [None, CONTENT_SHA256_HEX])
def test_a_file_without_a_checksum_is_ready_when_it_was_hashed(
    client: Client, fake_aws: FakeAws, checksum: str | None
) -> None:
    made = upload_and_commit(client, fake_aws, checksum)

    assert (made["file"]["status"], made["file"]["sha256"]) == ("processing", None)
    assert fake_aws.run_workers() == 1
    file = client.get(f"/files/{made['fileId']}").data()
    assert (file["status"], file["sha256"]) == ("ready", CONTENT_SHA256_HEX)
    (job,) = fake_aws.find_rows("main", record_type="job")
    assert (job["kind"], job["status"]) == ("hash", "completed")
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


@pytest.mark.parametrize("said", [{}, {"filename": "photo.jpg", "contentType": "image/jpeg"}])
def test_other_bytes_than_announced_are_rejected(client: Client, fake_aws: FakeAws, said: dict[str, Any]) -> None:
    made = upload_and_commit(client, fake_aws, "0" * 64, **said)
    fake_aws.run_workers()

    file = client.get(f"/files/{made['fileId']}").data()
    assert (file["status"], file["reason"]) == ("rejected", "checksum_mismatch")
    (job,) = fake_aws.find_rows("main", record_type="job")
    assert (job["status"], job["reason"]) == ("failed", "checksum_mismatch")
    assert client.get(f"/files/{made['fileId']}/content").problem()["code"] == "rejected"


def test_a_job_that_is_told_twice_is_done_once(client: Client, fake_aws: FakeAws) -> None:
    upload_and_commit(client, fake_aws, None)
    (message,) = fake_aws.receive_messages("work")

    assert fake_aws.deliver_messages("maintenance", message, message) == {"batchItemFailures": []}
    assert len(fake_aws.find_rows("main", record_type="event", type="file.ready")) == 1


def test_a_file_that_was_purged_meanwhile_is_not_hashed(client: Client, fake_aws: FakeAws) -> None:
    made = upload_and_commit(client, fake_aws, None)
    (message,) = fake_aws.receive_messages("work")
    client.delete(f"/files/{made['fileId']}?permanent=true")
    fake_aws.run_workers()

    assert fake_aws.deliver_messages("maintenance", message) == {"batchItemFailures": []}
    (job,) = fake_aws.find_rows("main", record_type="job", id=json.loads(message)["id"])
    assert (job["status"], job["reason"]) == ("failed", "file_gone")
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


@pytest.mark.parametrize("permanent", [False, True])
def test_a_file_that_is_put_away_while_it_is_hashed_ends_as_it_must(
    client: Client,
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    permanent: bool,  # noqa: FBT001
) -> None:
    file_id = upload_and_commit(client, fake_aws, None)["fileId"]
    (message,) = fake_aws.receive_messages("work")
    read = storage.sha256_of

    def meanwhile(key: str, version_id: str) -> str:
        sha256 = read(key, version_id)
        if client.get(f"/files/{file_id}").data()["status"] != "deleted":
            client.delete(f"/files/{file_id}?permanent={str(permanent).lower()}")
        return sha256

    monkeypatch.setattr(storage, "sha256_of", meanwhile)

    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    (job,) = fake_aws.find_rows("main", record_type="job", kind="hash")
    if permanent:
        assert (job["status"], job["reason"]) == ("failed", "file_gone")
    else:
        assert job["status"] == "completed"
        assert client.get(f"/files/{file_id}").data()["sha256"] == CONTENT_SHA256_HEX


def test_a_file_in_the_trash_is_hashed_where_it_lies(client: Client, fake_aws: FakeAws) -> None:
    made = upload_and_commit(client, fake_aws, None)
    client.delete(f"/files/{made['fileId']}")
    fake_aws.run_workers()

    file = client.get(f"/files/{made['fileId']}").data()
    assert (file["status"], file["sha256"]) == ("deleted", CONTENT_SHA256_HEX)
