"""A file without a SHA-256 is hashed by a job and compared with the declared checksum."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from holdall.files import jobs as file_jobs
from holdall.jobs.model import RunJob
from holdall.platform import storage
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.image_samples import make_photo
from tests.support.uploads import init_upload

CONTENT_SHA256_HEX = hashlib.sha256(b"content").hexdigest()


def upload_and_commit(client: Client, fake_aws: FakeAws, checksum: str | None, **overrides: Any) -> dict[str, Any]:
    content = make_photo() if overrides else b"content"
    upload = init_upload(client, content, sha256=None, **overrides)
    fake_aws.put_object(upload, content)
    committed: dict[str, Any] = client.post(
        "/files/commit", {"uploadId": upload["uploadId"], "checksum": checksum}
    ).data()
    return committed


@pytest.mark.parametrize("checksum", [None, CONTENT_SHA256_HEX])
def test_file_without_a_checksum_is_ready_after_it_is_hashed(
    client: Client, fake_aws: FakeAws, checksum: str | None
) -> None:
    committed = upload_and_commit(client, fake_aws, checksum)

    assert (committed["file"]["status"], committed["file"]["sha256"]) == ("processing", None)
    assert fake_aws.run_workers() == 1
    file = client.get(f"/files/{committed['fileId']}").data()
    assert (file["status"], file["sha256"]) == ("ready", CONTENT_SHA256_HEX)
    (job,) = fake_aws.find_rows("main", record_type="job")
    assert (job["kind"], job["status"]) == ("hash", "completed")
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


@pytest.mark.parametrize("size", [0, 1, 8, 9, 64, 65])
def test_file_is_hashed_in_ranges(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(storage, "_RANGE_BYTES", 8)
    content = bytes(range(size))
    upload = init_upload(client, content, sha256=None)
    fake_aws.put_object(upload, content)
    file_id = client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()["fileId"]

    fake_aws.run_workers()

    assert client.get(f"/files/{file_id}").data()["sha256"] == hashlib.sha256(content).hexdigest()


def test_file_that_took_too_long_is_hashed_by_a_later_run(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = upload_and_commit(client, fake_aws, CONTENT_SHA256_HEX)["fileId"]
    with monkeypatch.context() as patch:
        patch.setattr(file_jobs, "HASH_TIME", timedelta(seconds=-1))
        (message,) = fake_aws.receive_messages("work")
        assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    assert client.get(f"/files/{file_id}").data()["status"] == "processing"

    fake_aws.run_workers()

    file = client.get(f"/files/{file_id}").data()
    assert (file["status"], file["sha256"], file.get("reason")) == ("ready", CONTENT_SHA256_HEX, None)


@pytest.mark.parametrize("checksum", [None, CONTENT_SHA256_HEX])
def test_file_that_takes_too_long_three_times_is_ready_without_a_checksum(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, checksum: str | None
) -> None:
    file_id = upload_and_commit(client, fake_aws, checksum)["fileId"]
    monkeypatch.setattr(file_jobs, "HASH_TIME", timedelta(seconds=-1))

    assert fake_aws.run_workers() == 3

    file = client.get(f"/files/{file_id}").data()
    assert (file["status"], file["sha256"], file["reason"]) == ("ready", None, "gave_up")
    assert client.get(f"/files/{file_id}/content").status == 302
    (job,) = fake_aws.find_rows("main", record_type="job")
    assert (job["status"], job["reason"]) == ("failed", "gave_up")


@pytest.mark.parametrize("overrides", [{}, {"filename": "photo.jpg", "contentType": "image/jpeg"}])
def test_file_with_another_checksum_is_rejected(client: Client, fake_aws: FakeAws, overrides: dict[str, Any]) -> None:
    committed = upload_and_commit(client, fake_aws, "0" * 64, **overrides)
    fake_aws.run_workers()

    file = client.get(f"/files/{committed['fileId']}").data()
    assert (file["status"], file["reason"]) == ("rejected", "checksum_mismatch")
    (job,) = fake_aws.find_rows("main", record_type="job")
    assert (job["status"], job["reason"]) == ("failed", "checksum_mismatch")
    assert client.get(f"/files/{committed['fileId']}/content").problem()["code"] == "rejected"


def test_job_with_two_messages_is_done_once(client: Client, fake_aws: FakeAws) -> None:
    upload_and_commit(client, fake_aws, None)
    (message,) = fake_aws.receive_messages("work")

    assert fake_aws.deliver_messages("maintenance", message, message) == {"batchItemFailures": []}
    assert len(fake_aws.find_rows("main", record_type="event", type="file.ready")) == 1


def test_purged_file_is_not_hashed(client: Client, fake_aws: FakeAws) -> None:
    committed = upload_and_commit(client, fake_aws, None)
    (message,) = fake_aws.receive_messages("work")
    client.delete(f"/files/{committed['fileId']}?permanent=true")
    fake_aws.run_workers()

    assert fake_aws.deliver_messages("maintenance", message) == {"batchItemFailures": []}
    (job,) = fake_aws.find_rows("main", record_type="job", id=RunJob.from_json(message).job_id)
    assert (job["status"], job["reason"]) == ("failed", "file_gone")
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


@pytest.mark.parametrize("permanent", [False, True])
def test_file_that_is_removed_while_it_is_hashed_stays_removed(
    client: Client,
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    permanent: bool,  # noqa: FBT001
) -> None:
    file_id = upload_and_commit(client, fake_aws, None)["fileId"]
    (message,) = fake_aws.receive_messages("work")
    sha256_of = storage.sha256_of

    def hash_and_remove(*args: Any, **kwargs: Any) -> str:
        sha256 = sha256_of(*args, **kwargs)
        if client.get(f"/files/{file_id}").data()["status"] != "deleted":
            client.delete(f"/files/{file_id}?permanent={str(permanent).lower()}")
        return sha256

    monkeypatch.setattr(storage, "sha256_of", hash_and_remove)

    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    (job,) = fake_aws.find_rows("main", record_type="job", kind="hash")
    if permanent:
        assert (job["status"], job["reason"]) == ("failed", "file_gone")
    else:
        assert job["status"] == "completed"
        assert client.get(f"/files/{file_id}").data()["sha256"] == CONTENT_SHA256_HEX


def test_file_in_the_trash_is_hashed(client: Client, fake_aws: FakeAws) -> None:
    committed = upload_and_commit(client, fake_aws, None)
    client.delete(f"/files/{committed['fileId']}")
    fake_aws.run_workers()

    file = client.get(f"/files/{committed['fileId']}").data()
    assert (file["status"], file["sha256"]) == ("deleted", CONTENT_SHA256_HEX)
