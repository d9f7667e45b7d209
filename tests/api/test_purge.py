"""Purging: gone from every route at once, and of its bytes nothing stays."""

from typing import Any

import pytest

from tests.api import books
from tests.api.client import Client
from tests.api.cloud import Cloud, photo


@pytest.fixture
def file_id(client: Client, cloud: Cloud, project: dict[str, Any]) -> str:
    """A photo of two versions with their variants."""
    made = cloud.upload(client, photo(), projectId=project["id"])
    cloud.work()
    cloud.upload(client, photo(colour="red"), projectId=project["id"], fileId=made["fileId"])
    cloud.work()
    return str(made["fileId"])


def test_a_purge_is_a_job(client: Client, cloud: Cloud, file_id: str) -> None:
    answer = client.delete(f"/files/{file_id}?permanent=true")

    assert answer.status == 202
    (job,) = cloud.rows("main", record_kind="job", id=answer.data()["jobId"])
    assert (job["kind"], job["status"]) == ("purge", "pending")


def test_it_is_gone_at_once(client: Client, cloud: Cloud, project: dict[str, Any], file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()

    for path in (f"/files/{file_id}", f"/files/{file_id}/content", f"/files/{file_id}/content?variant=thumb"):
        assert client.get(path).status == 404
    for query in ("", "&sort=name", "&kind=image"):
        assert client.get(f"/files?projectId={project['id']}{query}").data() == []
    assert client.delete(f"/files/{file_id}").status == 404
    assert client.delete(f"/files/{file_id}?permanent=true").status == 404


def test_nothing_of_it_stays(client: Client, cloud: Cloud, project: dict[str, Any], file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()
    cloud.work()

    books.nothing_left(cloud, project["id"])
    (job,) = cloud.rows("main", record_kind="job", kind="purge")
    assert job["status"] == "completed"


def test_the_quota_comes_back_once(client: Client, cloud: Cloud, project: dict[str, Any], file_id: str) -> None:
    kept = cloud.upload(client, b"kept", projectId=project["id"], contentType="text/plain")
    client.delete(f"/files/{file_id}?permanent=true").data()
    (message,) = cloud.waiting("work")

    assert cloud.deliver("maintenance", message, message) == {"batchItemFailures": []}
    assert books.held(cloud, project["id"]) == (4, 1)
    assert client.get(f"/files/{kept['fileId']}").status == 200


def test_what_lies_in_the_trash_is_purged_as_well(
    client: Client, cloud: Cloud, project: dict[str, Any], file_id: str
) -> None:
    client.delete(f"/files/{file_id}").data()
    client.delete(f"/files/{file_id}?permanent=true").data()
    cloud.work()

    books.nothing_left(cloud, project["id"])


def test_a_purge_overtakes_the_move_into_the_trash(
    client: Client, cloud: Cloud, project: dict[str, Any], file_id: str
) -> None:
    client.delete(f"/files/{file_id}").data()
    client.delete(f"/files/{file_id}?permanent=true").data()
    move, purge = cloud.waiting("work")
    for message in (purge, move):
        assert cloud.deliver("maintenance", message) == {"batchItemFailures": []}

    books.nothing_left(cloud, project["id"])


def test_trash_gives_no_quota_back(client: Client, cloud: Cloud, project: dict[str, Any], file_id: str) -> None:
    before = books.held(cloud, project["id"])
    client.delete(f"/files/{file_id}").data()
    cloud.work()

    assert books.held(cloud, project["id"]) == before


def test_what_is_purged_is_audited_and_told(client: Client, cloud: Cloud, file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()

    (row,) = cloud.rows("audit", action="files.purge")
    assert (row["actor"], row["target"]) == (client.user["id"], file_id)
    assert len(cloud.rows("main", record_kind="event", type="file.purged")) == 1


@pytest.mark.parametrize("query", ["permanent=maybe", "permanent=", "permanent=true&permanent=false", "permanent=2"])
def test_a_purge_is_asked_for_clearly_or_not_at_all(client: Client, file_id: str, query: str) -> None:
    assert client.delete(f"/files/{file_id}?{query}").status == 422
    assert client.get(f"/files/{file_id}").data()["status"] == "ready"
