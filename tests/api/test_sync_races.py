"""Variants that are brought up while somebody changes what they belong to."""

from datetime import timedelta
from typing import Any

import pytest

from holdall.files import service as files
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.projects.model import ChangeProject, Project
from holdall.projects.service import projects
from holdall.variants.sync import run
from tests.api import books
from tests.api.callers import caller, place
from tests.api.client import Client
from tests.api.cloud import Cloud, announce, photo
from tests.api.faults import meanwhile
from tests.api.test_races import commit
from tests.api.test_shelves import shelves
from tests.api.test_sync_variants import AFTER, names, project, settle, sync, wish

__all__ = ["project"]


def hide(client: Client, project: Project) -> None:
    projects.change(caller(client), project, ChangeProject.model_validate({"settings": {"visibility": "private"}}))


def put_away(client: Client, project: Project) -> None:
    projects.delete(caller(client), project)


def begun(client: Client, cloud: Cloud, project: dict[str, Any]) -> Job:
    """A job that somebody holds."""
    wish(client, project, AFTER)
    job = jobs.claim(sync(client, project).data()["jobId"], timedelta(minutes=15))
    cloud.waiting("work")
    assert job is not None
    return job


@pytest.mark.parametrize("change", [hide, put_away])
def test_a_project_that_changes_meanwhile(client: Client, cloud: Cloud, project: dict[str, Any], change: Any) -> None:
    cloud.photos(client, project, 1)
    job = begun(client, cloud, project)
    with meanwhile("TransactWriteItems", lambda: change(client, place(project["id"]))):
        run(job)
    settle(cloud)

    assert set(shelves(cloud, project["id"])) == {"private"}
    (version,) = books.versions(cloud, project["id"])
    assert {each["name"]: each["status"] for each in version["variants"]} == dict.fromkeys(
        ("same", "other", "new"), "ready"
    )
    books.check(cloud, project["id"])


@pytest.mark.parametrize("put_away", [files.trash, files.purge])
def test_a_file_that_is_put_away_meanwhile(
    client: Client, cloud: Cloud, project: dict[str, Any], put_away: Any
) -> None:
    (file_id,) = cloud.photos(client, project, 1)
    job = begun(client, cloud, project)
    with meanwhile("TransactWriteItems", lambda: put_away(caller(client), file_id)):
        run(job)
    settle(cloud)

    assert "media" not in shelves(cloud, project["id"])
    if put_away is files.purge:
        books.nothing_left(cloud, project["id"])
    else:
        books.check(cloud, project["id"])


def test_a_version_that_comes_meanwhile(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    (file_id,) = cloud.photos(client, project, 1)
    said = announce(photo(colour="red"), projectId=project["id"], fileId=file_id)
    upload = client.post("/files/init-upload", said).created()
    cloud.put(upload, photo(colour="red"))
    job = begun(client, cloud, project)
    with meanwhile("TransactWriteItems", lambda: commit(client, upload)):
        run(job)
    settle(cloud)

    assert client.get(f"/files/{file_id}").data()["version"] == 2
    assert names(client, file_id) == {"same": "ready", "other": "ready", "new": "ready"}
    books.check(cloud, project["id"])


def test_a_project_that_was_deleted_before_stays_as_it_is(
    client: Client, cloud: Cloud, project: dict[str, Any]
) -> None:
    cloud.photos(client, project, 1)
    job = begun(client, cloud, project)
    put_away(client, place(project["id"]))
    run(job)
    settle(cloud)

    assert len(cloud.keys("variants", project["id"])) == 3
    assert [row["status"] for row in cloud.rows("main", kind="sync-project")] == ["completed"]
    books.check(cloud, project["id"])


def test_a_project_that_goes_while_a_sync_is_asked_for(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    with meanwhile("TransactWriteItems", lambda: projects.purge(caller(client), place(project["id"]))):
        refused = sync(client, project)
    settle(cloud)

    assert refused.problem()["code"] == "project_changed"
    assert cloud.rows("main", record_kind="job") == []
