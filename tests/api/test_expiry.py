"""Uploads that were never committed: they end after a day, and their quota comes back exactly once."""

from typing import Any

import pytest

from holdall.uploads.model import ExpireUpload
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws, make_upload_request
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings


def init_upload(client: Client, content: bytes = b"content") -> dict[str, Any]:
    said = make_upload_request(content, filename="notes.txt", contentType="text/plain")
    begun: dict[str, Any] = client.post("/files/init-upload", said).created()
    return begun


def expire_upload(fake_aws: FakeAws, upload: dict[str, Any]) -> dict[str, Any]:
    return fake_aws.deliver_messages("maintenance", ExpireUpload(upload["uploadId"]).to_json())


@pytest.mark.parametrize(("seconds", "left"), [(-0.001, 1), (0, 0), (1, 0)])
def test_an_upload_ends_a_day_after_its_beginning(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, seconds: float, left: int
) -> None:
    init_upload(client)
    frozen_clock.advance(hours=24, seconds=seconds)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (7 * left, left)
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_the_stage_says_when(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> None:
    override_settings(UPLOAD_EXPIRY_SECONDS="60")
    init_upload(client)
    frozen_clock.advance(seconds=60)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (0, 0)


def test_what_was_sent_is_removed_with_all_its_versions(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    begun = init_upload(client)
    fake_aws.put_object(begun, b"content")
    fake_aws.put_object(begun, b"CONTENT")
    fake_aws.s3.delete_object(Bucket="originals", Key=begun["key"])
    frozen_clock.advance(days=2)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert fake_aws.list_version_ids(begun["key"]) == []
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


def test_the_quota_comes_back_once_however_often_the_sweep_runs(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    kept = fake_aws.upload(client, b"kept", filename="kept.txt", contentType="text/plain")
    begun = init_upload(client)
    frozen_clock.advance(hours=24)
    for _ in range(2):
        fake_aws.run_task("expire-uploads")
    assert fake_aws.run_workers() == 2
    assert expire_upload(fake_aws, begun) == NO_FAILURES
    fake_aws.run_task("expire-uploads")
    assert fake_aws.run_workers() == 0

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (4, 1)
    assert users.sign_in(client.user["email"]).get(f"/files/{kept['fileId']}").status == 200


def test_an_upload_that_is_not_due_is_left_alone(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    version = fake_aws.put_object(begun, b"content")

    assert expire_upload(fake_aws, begun) == NO_FAILURES
    assert fake_aws.list_version_ids(begun["key"]) == [version]
    assert client.post("/files/commit", {"uploadId": begun["uploadId"]}).status == 200


def test_an_upload_that_was_committed_does_not_expire(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    begun = init_upload(client)
    version = fake_aws.put_object(begun, b"content")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    frozen_clock.advance(days=2)
    fake_aws.run_task("expire-uploads")

    assert fake_aws.run_workers() == 0
    assert expire_upload(fake_aws, begun) == NO_FAILURES
    assert fake_aws.list_version_ids(begun["key"]) == [version]
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (7, 1)


def test_an_expired_upload_cannot_be_committed(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    begun = init_upload(client)
    frozen_clock.advance(hours=24)
    expire_upload(fake_aws, begun)
    fake_aws.put_object(begun, b"content")
    late = users.sign_in(client.user["email"]).post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (late.status, late.problem()["code"]) == (409, "wrong_state")


def test_an_unknown_upload_is_no_work(fake_aws: FakeAws) -> None:
    assert expire_upload(fake_aws, {"uploadId": f"000000000000-{'0' * 26}"}) == NO_FAILURES


@pytest.mark.parametrize("said", ["no json", "{}", '{"type": "unknown", "upload_id": "x"}', '{"type": "expire-upload"}', "[]"])
def test_a_message_that_means_nothing_comes_back(fake_aws: FakeAws, said: str) -> None:
    assert fake_aws.deliver_messages("maintenance", said)["batchItemFailures"]


def test_many_are_asked_for_one_by_one(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    for _ in range(25):
        init_upload(client)
    frozen_clock.advance(hours=24)
    fake_aws.run_task("expire-uploads")

    assert fake_aws.run_workers() == 25
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (0, 0)
