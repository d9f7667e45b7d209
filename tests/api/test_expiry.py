"""The expiry of uploads that are not committed."""

from typing import Any

import pytest

from holdall.uploads.model import ExpireUpload
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.uploads import init_upload


def expire_upload(fake_aws: FakeAws, upload: dict[str, Any]) -> dict[str, Any]:
    return fake_aws.deliver_messages("maintenance", ExpireUpload(upload["uploadId"]).to_json())


@pytest.mark.parametrize(("seconds", "remaining"), [(-0.001, 1), (0, 0), (1, 0)])
def test_upload_expires_after_a_day(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, seconds: float, remaining: int
) -> None:
    init_upload(client)
    frozen_clock.advance(hours=24, seconds=seconds)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (7 * remaining, remaining)
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_stage_sets_the_lifetime_of_an_upload(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> None:
    override_settings(UPLOAD_EXPIRY_SECONDS="60")
    init_upload(client)
    frozen_clock.advance(seconds=60)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (0, 0)


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
    "body", ["no json", "{}", '{"type": "unknown", "upload_id": "x"}', '{"type": "expire-upload"}', "[]"]
)
def test_message_of_an_unknown_shape_comes_back(fake_aws: FakeAws, body: str) -> None:
    assert fake_aws.deliver_messages("maintenance", body)["batchItemFailures"]


def test_each_due_upload_gets_its_own_message(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    for _ in range(25):
        init_upload(client)
    frozen_clock.advance(hours=24)
    fake_aws.run_task("expire-uploads")

    assert fake_aws.run_workers() == 25
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (0, 0)
