"""Objects that arrive: an event is only a hint, and any multiset and order of them ends in the same state (E1, E3)."""

import json
from itertools import permutations
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.api import books, people
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, announce, photo
from tests.api.conftest import Clock

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}


def begin(client: Client, content: bytes = b"content", **said: Any) -> dict[str, Any]:
    begun: dict[str, Any] = client.post("/files/init-upload", announce(content, **{**TEXT, **said})).created()
    return begun


def test_an_arrival_commits_what_asked_for_it(client: Client, cloud: Cloud) -> None:
    begun = begin(client, autoCommit=True)
    version = cloud.put(begun, b"content")

    assert cloud.arrive(begun["key"], version) == WELL
    assert client.get(f"/files/{begun['fileId']}").data()["status"] == "ready"
    assert cloud.rows("audit", action="uploads.commit") == []


def test_an_arrival_commits_nothing_that_did_not_ask(client: Client, cloud: Cloud) -> None:
    begun = begin(client)
    version = cloud.put(begun, b"content")

    assert cloud.arrive(begun["key"], version) == WELL
    assert client.get(f"/files/{begun['fileId']}").status == 404
    assert cloud.versions(begun["key"]) == [version]


@pytest.mark.parametrize("steps", sorted(set(permutations(["event", "event", "commit", "commit"]))))
def test_events_and_commits_in_any_order_make_one_version(client: Client, cloud: Cloud, steps: tuple[str, ...]) -> None:
    begun = begin(client, photo(), autoCommit=True, contentType="image/jpeg")
    version = cloud.put(begun, photo())
    answers = []
    for step in steps:
        if step == "event":
            assert cloud.arrive(begun["key"], version) == WELL
        else:
            answers.append(client.post("/files/commit", {"uploadId": begun["uploadId"]}).data())

    assert answers[0] == answers[1]
    assert len(cloud.rows("main", record_kind="job")) == 1
    cloud.work()
    assert client.get(f"/files/{begun['fileId']}").data()["status"] == "ready"
    assert cloud.versions(begun["key"]) == [version]
    books.check(cloud, people.personal_project(client))


def test_an_event_that_comes_before_its_object_can_be_read_does_no_harm(client: Client, cloud: Cloud) -> None:
    begun = begin(client, autoCommit=True)

    assert cloud.arrive(begun["key"], "not-yet") == WELL
    version = cloud.put(begun, b"content")
    assert cloud.arrive(begun["key"], version) == WELL
    assert client.get(f"/files/{begun['fileId']}").data()["version"] == 1


@pytest.mark.parametrize("steps", [["first", "second"], ["second", "first"], ["second", "second", "first"]])
def test_what_comes_to_a_key_after_its_version_was_pinned_is_removed(
    client: Client, cloud: Cloud, steps: list[str]
) -> None:
    begun = begin(client, autoCommit=True)
    first = cloud.put(begun, b"content")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    second = cloud.put(begun, b"CONTENT")
    for step in steps:
        assert cloud.arrive(begun["key"], first if step == "first" else second) == WELL

    assert cloud.versions(begun["key"]) == [first]
    books.check(cloud, people.personal_project(client))


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
def test_an_event_for_an_unknown_key_touches_nothing(cloud: Cloud, key: str) -> None:
    if key:
        cloud.s3.put_object(Bucket="originals", Key=key, Body=b"x")
    before = cloud.versions(key)

    assert cloud.arrive(key, before[0] if before else "x") == WELL
    assert cloud.versions(key) == before


def test_a_key_that_is_nearly_that_of_an_upload_touches_nothing(client: Client, cloud: Cloud) -> None:
    begun = begin(client, autoCommit=True)
    nearly = begun["key"].replace(".txt", ".jpg")
    cloud.put({**begun, "key": nearly}, b"content")

    assert cloud.arrive(nearly, cloud.versions(nearly)[0]) == WELL
    assert client.get(f"/files/{begun['fileId']}").status == 404
    assert len(cloud.versions(nearly)) == 1


def test_the_test_event_of_s3_is_acknowledged(cloud: Cloud) -> None:
    told = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "originals", "RequestId": "x"}

    assert cloud.deliver("ingest", json.dumps(told)) == WELL


def test_keys_in_events_are_encoded(client: Client, cloud: Cloud) -> None:
    begun = begin(client, autoCommit=True)
    version = cloud.put(begun, b"content")

    assert cloud.arrive(quote_plus(begun["key"]), version) == WELL
    assert client.get(f"/files/{begun['fileId']}").status == 200


def test_a_message_that_cannot_be_read_comes_back_alone(client: Client, cloud: Cloud) -> None:
    begun = begin(client, autoCommit=True)
    version = cloud.put(begun, b"content")
    told = {"Records": [{"s3": {"object": {"key": begun["key"], "versionId": version}}}]}
    failed = cloud.deliver("ingest", "no json", json.dumps(told), json.dumps({"Records": [{}]}))

    assert [each["itemIdentifier"] for each in failed["batchItemFailures"]] == ["message-0", "message-2"]
    assert client.get(f"/files/{begun['fileId']}").status == 200


def test_what_arrives_after_the_upload_expired_is_removed_by_its_version(
    client: Client, cloud: Cloud, frozen: Clock
) -> None:
    begun = begin(client, autoCommit=True)
    frozen.forward(hours=24)
    cloud.run("expire-uploads")
    cloud.work()
    late = cloud.put(begun, b"content")

    assert cloud.arrive(begun["key"], late) == WELL
    assert cloud.versions(begun["key"]) == []
    assert books.held(cloud, people.personal_project(client)) == (0, 0)


def test_what_arrives_after_its_time_but_before_the_sweep_is_removed_with_it(
    client: Client, cloud: Cloud, frozen: Clock
) -> None:
    begun = begin(client, autoCommit=True)
    frozen.forward(hours=24)
    late = cloud.put(begun, b"content")
    assert cloud.arrive(begun["key"], late) == WELL
    cloud.run("expire-uploads")
    cloud.work()

    assert cloud.versions(begun["key"]) == []
    books.nothing_left(cloud, people.personal_project(client))


def test_what_arrives_after_its_file_was_purged_is_removed(client: Client, cloud: Cloud) -> None:
    made = cloud.upload(client, b"content", **TEXT)
    (begun,) = books.uploads(cloud, people.personal_project(client))
    client.delete(f"/files/{made['fileId']}?permanent=true")
    cloud.work()
    cloud.s3.put_object(Bucket="originals", Key=begun["key"], Body=b"content")
    (again,) = cloud.versions(begun["key"])

    assert cloud.arrive(begun["key"], again) == WELL
    books.nothing_left(cloud, people.personal_project(client))


def test_other_bytes_than_announced_are_not_committed_by_their_arrival(client: Client, cloud: Cloud) -> None:
    begun = begin(client, autoCommit=True)
    cloud.s3.put_object(Bucket="originals", Key=begun["key"], Body=b"longer than announced")

    assert cloud.arrive(begun["key"], cloud.versions(begun["key"])[0]) == WELL
    assert client.get(f"/files/{begun['fileId']}").status == 404
