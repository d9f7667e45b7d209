"""Purging a project: by its owner or by the night, after 30 days. Nothing of it is left."""

import json
from typing import Any

import pytest

from holdall.files import service as files
from tests.api import books, members, people
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, announce, photo
from tests.api.conftest import Clock
from tests.api.test_project_deletion import TEXT, begin, delete, listed, photo_id, restore

__all__ = ["photo_id"]


def left(cloud: Cloud, project_id: str) -> list[dict[str, Any]]:
    """Rows of a project that stay for good, wherever its id stands in their keys."""
    keys = ("pk", "owner", "facet", "quality")
    rows = [each for each in cloud.rows("main") if any(project_id in str(each.get(name, "")) for name in keys)]
    return [each for each in rows if "ttl" not in each]


def stored(cloud: Cloud, project_id: str) -> list[str]:
    """The keys of a project's objects of both buckets, each with all of its versions."""
    found = []
    for bucket in ("originals", "variants"):
        answer = cloud.s3.list_object_versions(Bucket=bucket)
        found += [each["Key"] for each in [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]]
    return [key for key in found if project_id in key]


@pytest.fixture
def full(client: Client, cloud: Cloud, project: dict[str, Any], photo_id: str) -> dict[str, Any]:
    """A project with something of every kind."""
    members.joined(client, project["id"], cloud)
    members.invite(client, project["id"], people.new_address())
    members.program(client, project["id"], "files.read")
    cloud.upload(client, photo(colour="red"), projectId=project["id"], fileId=photo_id)
    away = cloud.upload(client, photo(colour="blue"), projectId=project["id"])["fileId"]
    cloud.draw()
    client.delete(f"/files/{away}").data()
    cloud.upload(client, b"notes", projectId=project["id"], **TEXT)
    cloud.put(begin(client, project), b"content")
    begin(client, project)
    return project


@pytest.mark.parametrize("purged", ["before", "after"])
def test_what_arrives_in_a_purged_project_is_removed(
    client: Client, cloud: Cloud, project: dict[str, Any], purged: str
) -> None:
    announced = announce(photo(), projectId=project["id"], autoCommit=True)
    begun = client.post("/files/init-upload", announced).created()
    delete(client, project, "?permanent=true").data()
    if purged == "before":
        cloud.work()
    cloud.arrive(begun["key"], cloud.put(begun, photo()))
    cloud.work()

    assert stored(cloud, project["id"]) == []
    assert left(cloud, project["id"]) == []
    assert books.installation(cloud) == (0, 0)


@pytest.mark.parametrize("before", ["active", "deleted"])
def test_nothing_of_a_purged_project_is_left(
    client: Client, stranger: Client, cloud: Cloud, full: dict[str, Any], before: str
) -> None:
    other = cloud.upload(stranger, b"another's", **TEXT)["fileId"]
    if before == "deleted":
        delete(client, full).data()
    answer = delete(client, full, "?permanent=true")
    assert answer.status == 202
    (job,) = cloud.rows("main", record_kind="job", id=answer.data()["jobId"])
    assert (job["kind"], job["status"]) == ("purge-project", "pending")
    assert full["id"] not in listed(client)
    cloud.work()

    assert stored(cloud, full["id"]) == []
    assert left(cloud, full["id"]) == []
    assert books.installation(cloud) == (9, 1)
    assert full["id"] not in listed(client)
    assert stranger.get(f"/files/{other}").data()["size"] == 9
    (deed,) = cloud.rows("audit", action="projects.purge")
    assert (deed["actor"], deed["target"]) == (client.user["id"], full["id"])


def test_a_purge_of_many_parts_ends(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.maintenance.projects._FILES", 1)
    for number in range(3):
        cloud.upload(client, b"notes", projectId=project["id"], **{**TEXT, "filename": f"{number}"})
    delete(client, project, "?permanent=true").data()
    cloud.work()

    assert stored(cloud, project["id"]) == []
    assert left(cloud, project["id"]) == []
    assert books.installation(cloud) == (0, 0)


def test_it_is_purged_once(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    delete(client, project, "?permanent=true").data()

    assert delete(client, project, "?permanent=true").status == 404
    assert restore(client, project).status == 404
    assert len(cloud.rows("main", record_kind="job", kind="purge-project")) == 1


@pytest.mark.parametrize(("seconds", "status"), [(-1, "deleted"), (1, "gone")])
def test_its_time_is_thirty_days(
    frozen: Clock, client: Client, cloud: Cloud, full: dict[str, Any], seconds: int, status: str
) -> None:
    delete(client, full).data()
    cloud.work()
    frozen.forward(days=30, seconds=seconds)
    cloud.run("expire-uploads")
    cloud.run("purge-projects")
    cloud.work()

    again = people.log_in(client.user["email"])
    assert listed(again).get(full["id"], "gone") == status
    if status == "gone":
        assert stored(cloud, full["id"]) == []
        assert left(cloud, full["id"]) == []
        assert books.installation(cloud) == (0, 0)
    else:
        assert restore(again, full).data()["status"] == "active"
        books.check(cloud, full["id"])


def test_after_thirty_days_it_does_not_come_back(
    frozen: Clock, client: Client, cloud: Cloud, project: dict[str, Any]
) -> None:
    delete(client, project).data()
    frozen.forward(days=30)

    assert restore(people.log_in(client.user["email"]), project).status == 404
    frozen.forward(seconds=1)
    cloud.run("purge-projects")
    cloud.run("purge-projects")
    assert len(cloud.rows("main", record_kind="job", kind="purge-project")) == 1
    cloud.work()
    assert left(cloud, project["id"]) == []


def test_a_list_that_lags_does_no_harm(
    client: Client, cloud: Cloud, project: dict[str, Any], photo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [files.left(project["id"], 50)] * 2
    monkeypatch.setattr(files, "left", lambda *_: answers.pop() if answers else [])
    delete(client, project, "?permanent=true").data()
    cloud.work()

    assert stored(cloud, project["id"]) == []
    assert left(cloud, project["id"]) == []


def test_the_rows_of_a_file_outlive_none_of_its_jobs(
    frozen: Clock, client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.maintenance.projects._LOOKS", 3)
    cloud.upload(client, b"notes", projectId=project["id"], **TEXT)
    delete(client, project, "?permanent=true").data()
    for _ in range(9):  # the job of the file is told to nobody
        for message in cloud.waiting("work"):
            if json.loads(message)["id"] in [each["id"] for each in cloud.rows("main", kind="purge-project")]:
                assert cloud.deliver("maintenance", message) == WELL
    frozen.forward(minutes=16)
    cloud.run("send-pending-jobs")
    cloud.work()

    assert stored(cloud, project["id"]) == []
    assert left(cloud, project["id"]) == []
    assert books.installation(cloud) == (0, 0)


def test_what_the_last_owner_left_is_purged_in_its_time(
    frozen: Clock, client: Client, cloud: Cloud, full: dict[str, Any]
) -> None:
    delete(client, full).data()
    assert people.leave(client).status == 204
    frozen.forward(days=30, seconds=1)
    cloud.run("purge-projects")
    cloud.work()

    assert stored(cloud, full["id"]) == []
    assert left(cloud, full["id"]) == []
    assert cloud.rows("main", pk=f"PROJECT#{people.personal_project(client)}") == []
