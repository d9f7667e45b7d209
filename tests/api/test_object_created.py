"""Notifications of S3. Any order and repetition of events ends in the same state (E1, E3)."""

import json
from itertools import permutations
from typing import Any
from urllib.parse import quote_plus

import pytest

from holdall.files.model import FileChanged
from holdall.uploads import completion
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.image_samples import make_photo
from tests.support.uploads import TEXT_FILE, init_upload


def test_auto_commit_completes_the_upload(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client, autoCommit=True)
    version = fake_aws.put_object(upload, b"content")

    assert fake_aws.notify_object_created(upload["key"], version) == NO_FAILURES
    assert client.get(f"/files/{upload['fileId']}").data()["status"] == "ready"
    assert fake_aws.find_rows("audit", action="uploads.commit") == []


def test_object_without_auto_commit_is_not_committed(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client)
    version = fake_aws.put_object(upload, b"content")

    assert fake_aws.notify_object_created(upload["key"], version) == NO_FAILURES
    assert client.get(f"/files/{upload['fileId']}").status == 404
    assert fake_aws.list_version_ids(upload["key"]) == [version]


def test_event_comes_back_while_others_change_the_file_all_the_time(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = init_upload(client, autoCommit=True)
    version = fake_aws.put_object(upload, b"content")

    def lose_race(*_: Any) -> Any:
        raise FileChanged

    with monkeypatch.context() as patch:
        patch.setattr(completion, "_create_version", lose_race)
        assert fake_aws.notify_object_created(upload["key"], version) != NO_FAILURES
    assert fake_aws.notify_object_created(upload["key"], version) == NO_FAILURES
    assert client.get(f"/files/{upload['fileId']}").data()["version"] == 1


@pytest.mark.parametrize("steps", sorted(set(permutations(["event", "event", "commit", "commit"]))))
def test_events_and_commits_in_any_order_create_one_version(
    client: Client, fake_aws: FakeAws, steps: tuple[str, ...]
) -> None:
    upload = init_upload(client, make_photo(), autoCommit=True, contentType="image/jpeg")
    version = fake_aws.put_object(upload, make_photo())
    commits = []
    for step in steps:
        if step == "event":
            assert fake_aws.notify_object_created(upload["key"], version) == NO_FAILURES
        else:
            commits.append(client.post("/files/commit", {"uploadId": upload["uploadId"]}).data())

    assert commits[0] == commits[1]
    assert len(fake_aws.find_rows("main", record_type="job")) == 1
    fake_aws.run_workers()
    assert client.get(f"/files/{upload['fileId']}").data()["status"] == "ready"
    assert fake_aws.list_version_ids(upload["key"]) == [version]
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_event_of_another_bucket_is_ignored(client: Client, fake_aws: FakeAws) -> None:
    upload, aborted = init_upload(client, autoCommit=True), init_upload(client)
    version, kept = fake_aws.put_object(upload, b"content"), fake_aws.put_object(aborted, b"content")
    assert client.delete(f"/uploads/{aborted['uploadId']}").status == 204

    assert fake_aws.notify_object_created(upload["key"], version, bucket="variants") == NO_FAILURES
    assert fake_aws.notify_object_created(aborted["key"], kept, bucket="variants") == NO_FAILURES
    assert client.get(f"/files/{upload['fileId']}").status == 404
    assert fake_aws.list_version_ids(aborted["key"]) == [kept]


def test_event_before_its_object_is_ignored(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client, autoCommit=True)

    assert fake_aws.notify_object_created(upload["key"], "unknown") == NO_FAILURES
    version = fake_aws.put_object(upload, b"content")
    assert fake_aws.notify_object_created(upload["key"], version) == NO_FAILURES
    assert client.get(f"/files/{upload['fileId']}").data()["version"] == 1


@pytest.mark.parametrize("steps", [["first", "second"], ["second", "first"], ["second", "second", "first"]])
def test_object_after_the_pinned_version_is_deleted(client: Client, fake_aws: FakeAws, steps: list[str]) -> None:
    upload = init_upload(client, autoCommit=True)
    first = fake_aws.put_object(upload, b"content")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    second = fake_aws.put_object(upload, b"CONTENT")
    for step in steps:
        assert fake_aws.notify_object_created(upload["key"], first if step == "first" else second) == NO_FAILURES

    assert fake_aws.list_version_ids(upload["key"]) == [first]
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


@pytest.mark.parametrize(
    "key",
    [
        "unknown.txt",
        "holiday-000000000000/files/00000000000000000000000000.txt",
        "holiday-000000000000/other/00000000000000000000000000.txt",
        "../x",
        "",
    ],
)
def test_event_for_an_unknown_key_is_ignored(fake_aws: FakeAws, key: str) -> None:
    if key:
        fake_aws.s3.put_object(Bucket="originals", Key=key, Body=b"x")
    before = fake_aws.list_version_ids(key)

    assert fake_aws.notify_object_created(key, before[0] if before else "x") == NO_FAILURES
    assert fake_aws.list_version_ids(key) == before


def test_event_for_a_similar_key_is_ignored(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client, autoCommit=True)
    similar = upload["key"].replace(".txt", ".jpg")
    fake_aws.put_object({**upload, "key": similar}, b"content")

    assert fake_aws.notify_object_created(similar, fake_aws.list_version_ids(similar)[0]) == NO_FAILURES
    assert client.get(f"/files/{upload['fileId']}").status == 404
    assert len(fake_aws.list_version_ids(similar)) == 1


def test_s3_test_event_is_acknowledged(fake_aws: FakeAws) -> None:
    message = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "originals", "RequestId": "x"}

    assert fake_aws.deliver_messages("ingest", json.dumps(message)) == NO_FAILURES


def test_keys_in_events_are_decoded(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client, autoCommit=True)
    version = fake_aws.put_object(upload, b"content")

    assert fake_aws.notify_object_created(quote_plus(upload["key"]), version) == NO_FAILURES
    assert client.get(f"/files/{upload['fileId']}").status == 200


def test_invalid_message_comes_back_on_its_own(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client, autoCommit=True)
    version = fake_aws.put_object(upload, b"content")
    source = {"bucket": {"name": "originals"}, "object": {"key": upload["key"], "versionId": version}}
    message = {"Records": [{"s3": source}]}
    failed = fake_aws.deliver_messages("ingest", "no json", json.dumps(message), json.dumps({"Records": [{}]}))

    assert [each["itemIdentifier"] for each in failed["batchItemFailures"]] == ["message-0", "message-2"]
    assert client.get(f"/files/{upload['fileId']}").status == 200


def test_object_that_arrives_after_the_expiry_is_deleted(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    upload = init_upload(client, autoCommit=True)
    frozen_clock.advance(hours=24)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()
    late = fake_aws.put_object(upload, b"content")

    assert fake_aws.notify_object_created(upload["key"], late) == NO_FAILURES
    assert fake_aws.list_version_ids(upload["key"]) == []
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (0, 0)


def test_object_that_arrives_before_a_late_expiry_is_deleted(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    upload = init_upload(client, autoCommit=True)
    frozen_clock.advance(hours=24)
    late = fake_aws.put_object(upload, b"content")
    assert fake_aws.notify_object_created(upload["key"], late) == NO_FAILURES
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert fake_aws.list_version_ids(upload["key"]) == []
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


def test_object_that_arrives_after_the_purge_is_deleted(client: Client, fake_aws: FakeAws) -> None:
    committed = fake_aws.upload(client, b"content", **TEXT_FILE)
    (upload,) = invariants.upload_rows(fake_aws, users.personal_project_id(client))
    client.delete(f"/files/{committed['fileId']}?permanent=true")
    fake_aws.run_workers()
    fake_aws.s3.put_object(Bucket="originals", Key=upload["key"], Body=b"content")
    (s3_version_id,) = fake_aws.list_version_ids(upload["key"])

    assert fake_aws.notify_object_created(upload["key"], s3_version_id) == NO_FAILURES
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


def test_object_of_another_size_is_not_committed(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client, autoCommit=True)
    fake_aws.s3.put_object(Bucket="originals", Key=upload["key"], Body=b"longer than declared")

    assert fake_aws.notify_object_created(upload["key"], fake_aws.list_version_ids(upload["key"])[0]) == NO_FAILURES
    assert client.get(f"/files/{upload['fileId']}").status == 404
