"""The open uploads of a project that is purged: ended before their time, once, with what was sent."""

from typing import Any

import pytest

from holdall.projects.service import projects
from holdall.uploads import service as uploads
from holdall.uploads import store
from tests.api import books, people
from tests.api.callers import place
from tests.api.client import Client
from tests.api.cloud import Cloud, announce
from tests.api.faults import meanwhile

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}


def begun(client: Client, cloud: Cloud, number: int) -> list[dict[str, Any]]:
    """Open uploads; the bytes of the first two have arrived."""
    made = [client.post("/files/init-upload", announce(b"content", **TEXT)).created() for _ in range(number)]
    for each in made[:2]:
        cloud.put(each, b"content")
    return made


def test_they_are_ended_with_what_was_sent(client: Client, cloud: Cloud) -> None:
    project = people.personal_project(client)
    kept = cloud.upload(client, b"kept", **TEXT)
    open_ones = begun(client, cloud, 3)
    assert uploads.abort_all(project)
    assert not uploads.abort_all(project)

    assert {row["state"] for row in books.uploads(cloud, project)} == {"aborted", "completed"}
    assert [cloud.versions(each["key"]) for each in open_ones] == [[], [], []]
    assert books.held(cloud, project) == (4, 1)
    assert client.get(f"/files/{kept['fileId']}").status == 200
    books.check(cloud, project)
    late = client.post("/files/commit", {"uploadId": open_ones[0]["uploadId"]})
    assert (late.status, late.problem()["code"]) == (409, "wrong_state")


def test_more_than_fifty_are_ended_by_and_by(client: Client, cloud: Cloud) -> None:
    project = people.personal_project(client)
    begun(client, cloud, 52)
    runs = 0
    while uploads.abort_all(project):
        runs += 1

    assert runs == 2
    assert books.held(cloud, project) == (0, 0)
    books.check(cloud, project)


def test_a_run_that_was_stopped_half_way_is_done_again(
    client: Client, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = people.personal_project(client)
    open_ones = begun(client, cloud, 2)
    with monkeypatch.context() as patch:
        patch.setattr("holdall.storage.versions_of", lambda key: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            uploads.abort_all(project)
    assert books.held(cloud, project) == (0, 0)
    assert cloud.versions(open_ones[0]["key"]) != []

    while uploads.abort_all(project):
        pass
    assert [cloud.versions(each["key"]) for each in open_ones] == [[], []]
    assert books.held(cloud, project) == (0, 0)


def test_what_is_sent_after_the_project_has_gone_is_removed(client: Client, cloud: Cloud) -> None:
    project = people.personal_project(client)
    (upload,) = begun(client, cloud, 1)
    while uploads.abort_all(project):
        pass
    cloud.dynamodb.Table("main").delete_item(Key={"pk": f"PROJECT#{project}", "sk": "PROJECT"})
    assert projects.find(project) is None
    late = cloud.put(upload, b"content")

    assert cloud.arrive(upload["key"], late) == {"batchItemFailures": []}
    assert cloud.versions(upload["key"]) == []


def test_one_that_is_committed_at_that_moment_stays(client: Client, cloud: Cloud) -> None:
    project = people.personal_project(client)
    (upload,) = begun(client, cloud, 1)

    def commit() -> None:
        found = store.find(upload["uploadId"])
        assert found is not None
        uploads.complete(place(project), found)

    with meanwhile("TransactWriteItems", commit):
        uploads.abort_all(project)

    assert [each["number"] for each in books.versions(cloud, project)] == [1]
    assert cloud.versions(upload["key"]) != []
    assert books.held(cloud, project) == (7, 1)
    books.check(cloud, project)
