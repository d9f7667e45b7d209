"""The expiry of uploads that are not committed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from holdall.platform import clock
from holdall.uploads import store
from holdall.uploads.messages import EndUpload
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.uploads import init_upload


def expire_upload(fake_aws: FakeAws, upload: dict[str, Any]) -> dict[str, Any]:
    return fake_aws.deliver_messages("maintenance", EndUpload(upload["uploadId"]).to_json())


@pytest.mark.parametrize(("seconds", "remaining"), [(-0.001, 1), (0, 0), (1, 0)])
@pytest.mark.parametrize(("size", "transfer_seconds"), [(0, 0), (1024**2, 1), (5 * 1024**3, 5120)])
def test_upload_expires_with_its_url_and_the_time_that_its_size_takes(
    client: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    size: int,
    transfer_seconds: int,
    seconds: float,
    remaining: int,
) -> None:
    url_expires_at = datetime.fromisoformat(init_upload(client, size=size, multipart=False)["expiresAt"])
    assert url_expires_at == clock.now() + timedelta(minutes=15)
    frozen_clock.advance(minutes=30, seconds=transfer_seconds + seconds)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (size * remaining, remaining)
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_interrupted_expiry_deletes_the_object_later(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    frozen_clock.advance(hours=24)
    with monkeypatch.context() as patch:
        patch.setattr("holdall.platform.storage.list_versions", lambda key: 1 / 0)
        assert expire_upload(fake_aws, upload)["batchItemFailures"]
    assert fake_aws.list_version_ids(upload["key"]) != []
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert fake_aws.list_version_ids(upload["key"]) == []
    fake_aws.run_task("expire-uploads")
    assert fake_aws.run_workers() == 0
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


def test_expiry_deletes_all_versions_of_the_object(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    fake_aws.put_object(upload, b"CONTENT")
    fake_aws.s3.delete_object(Bucket="originals", Key=upload["key"])
    frozen_clock.advance(days=2)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert fake_aws.list_version_ids(upload["key"]) == []
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


def test_expired_upload_releases_quota_once(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    kept = fake_aws.upload(client, b"kept", filename="kept.txt", contentType="text/plain")
    upload = init_upload(client)
    frozen_clock.advance(hours=24)
    for _ in range(2):
        fake_aws.run_task("expire-uploads")
    assert fake_aws.run_workers() == 2
    assert expire_upload(fake_aws, upload) == NO_FAILURES
    fake_aws.run_task("expire-uploads")
    assert fake_aws.run_workers() == 0

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (4, 1)
    assert users.sign_in(client.user["email"]).get(f"/files/{kept['fileId']}").status == 200


def test_upload_that_is_not_due_does_not_expire(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    version = fake_aws.put_object(upload, b"content")

    assert expire_upload(fake_aws, upload) == NO_FAILURES
    assert fake_aws.list_version_ids(upload["key"]) == [version]
    assert client.post("/files/commit", {"uploadId": upload["uploadId"]}).status == 200


def test_committed_upload_does_not_expire(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    upload = init_upload(client)
    version = fake_aws.put_object(upload, b"content")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    frozen_clock.advance(days=2)
    fake_aws.run_task("expire-uploads")

    assert fake_aws.run_workers() == 0
    assert expire_upload(fake_aws, upload) == NO_FAILURES
    assert fake_aws.list_version_ids(upload["key"]) == [version]
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (7, 1)


def test_commit_after_the_expiry_is_rejected(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    upload = init_upload(client)
    frozen_clock.advance(hours=24)
    expire_upload(fake_aws, upload)
    fake_aws.put_object(upload, b"content")
    late = users.sign_in(client.user["email"]).post("/files/commit", {"uploadId": upload["uploadId"]})

    assert (late.status, late.problem()["code"]) == (409, "wrong_state")


def test_message_for_an_unknown_upload_is_acknowledged(fake_aws: FakeAws) -> None:
    assert expire_upload(fake_aws, {"uploadId": f"000000000000-{'0' * 26}"}) == NO_FAILURES


@pytest.mark.parametrize(
    "body", ["no json", "{}", '{"type": "unknown", "upload_id": "x"}', '{"type": "end-upload"}', "[]"]
)
def test_message_of_an_unknown_shape_comes_back(fake_aws: FakeAws, body: str) -> None:
    assert fake_aws.deliver_messages("maintenance", body)["batchItemFailures"]


def test_each_due_upload_gets_its_own_message_however_many_there_are(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_PAGE_SIZE", 1)
    for _ in range(25):  # in 16 shards
        init_upload(client)
    frozen_clock.advance(hours=24)
    init_upload(users.sign_in(client.user["email"]), b"young")
    fake_aws.run_task("expire-uploads")

    assert fake_aws.run_workers() == 25
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (5, 1)
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))
