"""Objects that arrive: an event is only a hint, and any multiset and order of them ends in the same state (E1, E3)."""

import json
from itertools import permutations
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.api.conftest import FrozenClock
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws, make_photo, make_upload_request
from tests.support.client import Client

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def init_upload(client: Client, content: bytes = b"content", **overrides: Any) -> dict[str, Any]:
    begun: dict[str, Any] = client.post(
        "/files/init-upload", make_upload_request(content, **{**TEXT_FILE, **overrides})
    ).created()
    return begun


def test_an_arrival_commits_what_asked_for_it(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client, autoCommit=True)
    version = fake_aws.put_object(begun, b"content")

    assert fake_aws.notify_object_created(begun["key"], version) == NO_FAILURES
    assert client.get(f"/files/{begun['fileId']}").data()["status"] == "ready"
    assert fake_aws.find_rows("audit", action="uploads.commit") == []


def test_an_arrival_commits_nothing_that_did_not_ask(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client)
    version = fake_aws.put_object(begun, b"content")

    assert fake_aws.notify_object_created(begun["key"], version) == NO_FAILURES
    assert client.get(f"/files/{begun['fileId']}").status == 404
    assert fake_aws.list_version_ids(begun["key"]) == [version]


@pytest.mark.parametrize("steps", sorted(set(permutations(["event", "event", "commit", "commit"]))))
def test_events_and_commits_in_any_order_make_one_version(
    client: Client, fake_aws: FakeAws, steps: tuple[str, ...]
) -> None:
    begun = init_upload(client, make_photo(), autoCommit=True, contentType="image/jpeg")
    version = fake_aws.put_object(begun, make_photo())
    answers = []
    for step in steps:
        if step == "event":
            assert fake_aws.notify_object_created(begun["key"], version) == NO_FAILURES
        else:
            answers.append(client.post("/files/commit", {"uploadId": begun["uploadId"]}).data())

    assert answers[0] == answers[1]
    assert len(fake_aws.find_rows("main", record_type="job")) == 1
    fake_aws.run_workers()
    assert client.get(f"/files/{begun['fileId']}").data()["status"] == "ready"
    assert fake_aws.list_version_ids(begun["key"]) == [version]
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_an_event_that_comes_before_its_object_can_be_read_does_no_harm(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client, autoCommit=True)

    assert fake_aws.notify_object_created(begun["key"], "not-yet") == NO_FAILURES
    version = fake_aws.put_object(begun, b"content")
    assert fake_aws.notify_object_created(begun["key"], version) == NO_FAILURES
    assert client.get(f"/files/{begun['fileId']}").data()["version"] == 1


@pytest.mark.parametrize("steps", [["first", "second"], ["second", "first"], ["second", "second", "first"]])
def test_what_comes_to_a_key_after_its_version_was_pinned_is_removed(
    client: Client, fake_aws: FakeAws, steps: list[str]
) -> None:
    begun = init_upload(client, autoCommit=True)
    first = fake_aws.put_object(begun, b"content")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    second = fake_aws.put_object(begun, b"CONTENT")
    for step in steps:
        assert fake_aws.notify_object_created(begun["key"], first if step == "first" else second) == NO_FAILURES

    assert fake_aws.list_version_ids(begun["key"]) == [first]
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


@pytest.mark.parametrize(
    "key",
    [
        "stranger.txt",
        "holiday-000000000000/files/00000000000000000000000000.txt",
        "holiday-000000000000/other/00000000000000000000000000.txt",
        "../x",
        "",
    ],
)
def test_an_event_for_an_unknown_key_touches_nothing(fake_aws: FakeAws, key: str) -> None:
    if key:
        fake_aws.s3.put_object(Bucket="originals", Key=key, Body=b"x")
    before = fake_aws.list_version_ids(key)

    assert fake_aws.notify_object_created(key, before[0] if before else "x") == NO_FAILURES
    assert fake_aws.list_version_ids(key) == before


def test_a_key_that_is_nearly_that_of_an_upload_touches_nothing(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client, autoCommit=True)
    nearly = begun["key"].replace(".txt", ".jpg")
    fake_aws.put_object({**begun, "key": nearly}, b"content")

    assert fake_aws.notify_object_created(nearly, fake_aws.list_version_ids(nearly)[0]) == NO_FAILURES
    assert client.get(f"/files/{begun['fileId']}").status == 404
    assert len(fake_aws.list_version_ids(nearly)) == 1


def test_the_test_event_of_s3_is_acknowledged(fake_aws: FakeAws) -> None:
    told = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "originals", "RequestId": "x"}

    assert fake_aws.deliver_messages("ingest", json.dumps(told)) == NO_FAILURES


def test_keys_in_events_are_encoded(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client, autoCommit=True)
    version = fake_aws.put_object(begun, b"content")

    assert fake_aws.notify_object_created(quote_plus(begun["key"]), version) == NO_FAILURES
    assert client.get(f"/files/{begun['fileId']}").status == 200


def test_a_message_that_cannot_be_read_comes_back_alone(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client, autoCommit=True)
    version = fake_aws.put_object(begun, b"content")
    told = {"Records": [{"s3": {"object": {"key": begun["key"], "versionId": version}}}]}
    failed = fake_aws.deliver_messages("ingest", "no json", json.dumps(told), json.dumps({"Records": [{}]}))

    assert [each["itemIdentifier"] for each in failed["batchItemFailures"]] == ["message-0", "message-2"]
    assert client.get(f"/files/{begun['fileId']}").status == 200


def test_what_arrives_after_the_upload_expired_is_removed_by_its_version(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    begun = init_upload(client, autoCommit=True)
    frozen_clock.advance(hours=24)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()
    late = fake_aws.put_object(begun, b"content")

    assert fake_aws.notify_object_created(begun["key"], late) == NO_FAILURES
    assert fake_aws.list_version_ids(begun["key"]) == []
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (0, 0)


def test_what_arrives_after_its_time_but_before_the_sweep_is_removed_with_it(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    begun = init_upload(client, autoCommit=True)
    frozen_clock.advance(hours=24)
    late = fake_aws.put_object(begun, b"content")
    assert fake_aws.notify_object_created(begun["key"], late) == NO_FAILURES
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert fake_aws.list_version_ids(begun["key"]) == []
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


def test_what_arrives_after_its_file_was_purged_is_removed(client: Client, fake_aws: FakeAws) -> None:
    made = fake_aws.upload(client, b"content", **TEXT_FILE)
    (begun,) = invariants.upload_rows(fake_aws, users.personal_project_id(client))
    client.delete(f"/files/{made['fileId']}?permanent=true")
    fake_aws.run_workers()
    fake_aws.s3.put_object(Bucket="originals", Key=begun["key"], Body=b"content")
    (again,) = fake_aws.list_version_ids(begun["key"])

    assert fake_aws.notify_object_created(begun["key"], again) == NO_FAILURES
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


def test_other_bytes_than_announced_are_not_committed_by_their_arrival(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client, autoCommit=True)
    fake_aws.s3.put_object(Bucket="originals", Key=begun["key"], Body=b"longer than announced")

    assert fake_aws.notify_object_created(begun["key"], fake_aws.list_version_ids(begun["key"])[0]) == NO_FAILURES
    assert client.get(f"/files/{begun['fileId']}").status == 404
