"""Uploads that were never committed: they end after a day, and their quota comes back exactly once."""

import json
from typing import Any

import pytest

from tests.api import books, people
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, announce
from tests.api.conftest import Clock, Installed


def begin(client: Client, content: bytes = b"content") -> dict[str, Any]:
    said = announce(content, filename="notes.txt", contentType="text/plain")
    begun: dict[str, Any] = client.post("/files/init-upload", said).created()
    return begun


def expire(cloud: Cloud, begun: dict[str, Any]) -> dict[str, Any]:
    return cloud.deliver("maintenance", json.dumps({"work": "expire-upload", "id": begun["uploadId"]}))


@pytest.mark.parametrize(("seconds", "left"), [(-0.001, 1), (0, 0), (1, 0)])
def test_an_upload_ends_a_day_after_its_beginning(
    client: Client, cloud: Cloud, frozen: Clock, seconds: float, left: int
) -> None:
    begin(client)
    frozen.forward(hours=24, seconds=seconds)
    cloud.run("expire-uploads")
    cloud.work()

    assert books.held(cloud, people.personal_project(client)) == (7 * left, left)
    books.check(cloud, people.personal_project(client))


def test_the_stage_says_when(client: Client, cloud: Cloud, frozen: Clock, installed: Installed) -> None:
    installed(UPLOAD_EXPIRY="60")
    begin(client)
    frozen.forward(seconds=60)
    cloud.run("expire-uploads")
    cloud.work()

    assert books.held(cloud, people.personal_project(client)) == (0, 0)


def test_what_was_sent_is_removed_with_all_its_versions(client: Client, cloud: Cloud, frozen: Clock) -> None:
    begun = begin(client)
    cloud.put(begun, b"content")
    cloud.put(begun, b"CONTENT")
    cloud.s3.delete_object(Bucket="originals", Key=begun["key"])
    frozen.forward(days=2)
    cloud.run("expire-uploads")
    cloud.work()

    assert cloud.versions(begun["key"]) == []
    books.nothing_left(cloud, people.personal_project(client))


def test_the_quota_comes_back_once_however_often_the_sweep_runs(client: Client, cloud: Cloud, frozen: Clock) -> None:
    kept = cloud.upload(client, b"kept", filename="kept.txt", contentType="text/plain")
    begun = begin(client)
    frozen.forward(hours=24)
    for _ in range(2):
        cloud.run("expire-uploads")
    assert cloud.work() == 2
    assert expire(cloud, begun) == WELL
    cloud.run("expire-uploads")
    assert cloud.work() == 0

    assert books.held(cloud, people.personal_project(client)) == (4, 1)
    assert people.log_in(client.user["email"]).get(f"/files/{kept['fileId']}").status == 200


def test_an_upload_that_is_not_due_is_left_alone(client: Client, cloud: Cloud) -> None:
    begun = begin(client)
    version = cloud.put(begun, b"content")

    assert expire(cloud, begun) == WELL
    assert cloud.versions(begun["key"]) == [version]
    assert client.post("/files/commit", {"uploadId": begun["uploadId"]}).status == 200


def test_an_upload_that_was_committed_does_not_expire(client: Client, cloud: Cloud, frozen: Clock) -> None:
    begun = begin(client)
    version = cloud.put(begun, b"content")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    frozen.forward(days=2)
    cloud.run("expire-uploads")

    assert cloud.work() == 0
    assert expire(cloud, begun) == WELL
    assert cloud.versions(begun["key"]) == [version]
    assert books.held(cloud, people.personal_project(client)) == (7, 1)


def test_an_expired_upload_cannot_be_committed(client: Client, cloud: Cloud, frozen: Clock) -> None:
    begun = begin(client)
    frozen.forward(hours=24)
    expire(cloud, begun)
    cloud.put(begun, b"content")
    late = people.log_in(client.user["email"]).post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (late.status, late.problem()["code"]) == (409, "wrong_state")


def test_an_unknown_upload_is_no_work(cloud: Cloud) -> None:
    assert expire(cloud, {"uploadId": f"000000000000-{'0' * 26}"}) == WELL


@pytest.mark.parametrize("said", ["no json", "{}", '{"work": "unknown", "id": "x"}', "[]"])
def test_a_message_that_means_nothing_comes_back(cloud: Cloud, said: str) -> None:
    assert cloud.deliver("maintenance", said)["batchItemFailures"]


def test_many_are_asked_for_one_by_one(client: Client, cloud: Cloud, frozen: Clock) -> None:
    for _ in range(25):
        begin(client)
    frozen.forward(hours=24)
    cloud.run("expire-uploads")

    assert cloud.work() == 25
    assert books.held(cloud, people.personal_project(client)) == (0, 0)
