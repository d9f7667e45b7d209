"""The jobs of many projects, as operators see them."""

from typing import Any

import pytest

from tests.support import projects
from tests.support.admins import AdminFactory
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.image_samples import make_photo
from tests.support.jobs import create_failed_job, retry_job

_NO_JOBS = {"pending": 0, "processing": 0, "completed": 0, "failed": 0}


@pytest.fixture
def admin(admins: AdminFactory) -> Client:
    return admins.create_user("admin")


def list_projects(client: Client, query: str = "") -> dict[str, dict[str, Any]]:
    """Return the projects of all pages by ID, and check that they are in order and that the pages lead back."""
    found: list[dict[str, Any]] = []
    pages: list[list[str]] = []
    cursor, prev = "", None
    while True:
        page = client.get(f"/admin/jobs?limit=2{query}{cursor}").json()
        if prev is not None:
            assert page["pagination"]["prev"] is not None
            before = client.get(f"/admin/jobs?limit=2{query}&cursor={page['pagination']['prev']}").json()
            assert [each["projectId"] for each in before["data"]] == pages[-1]
        pages.append([each["projectId"] for each in page["data"]])
        found += page["data"]
        prev = page["pagination"]["prev"]
        if not page["pagination"]["hasNext"]:
            break
        assert len(page["data"]) == 2
        cursor, prev = f"&cursor={page['pagination']['next']}", ""
    project_ids = [each["projectId"] for each in found]
    assert project_ids == sorted(project_ids)
    return {each["projectId"]: each for each in found}


def test_superuser_sees_the_jobs_of_every_project_by_status(
    superuser: Client, client: Client, stranger: Client, fake_aws: FakeAws
) -> None:
    busy, idle = projects.create_shared_project(client, "Busy"), projects.create_shared_project(stranger, "Idle")
    fake_aws.upload(client, make_photo(), projectId=busy)
    fake_aws.run_workers()
    for _ in range(2):
        create_failed_job(client, fake_aws, busy)
    fake_aws.upload(client, make_photo(), projectId=busy)

    listed = list_projects(superuser)
    assert listed[busy] == {
        "projectId": busy,
        "name": "Busy",
        "status": "active",
        "jobs": {"pending": 1, "processing": 0, "completed": 1, "failed": 2},
    }
    assert listed[idle]["jobs"] == _NO_JOBS
    assert len(listed) == 5  # and the personal ones


def test_list_of_all_projects_is_audited_and_that_of_own_ones_is_not(
    superuser: Client, admin: Client, fake_aws: FakeAws
) -> None:
    for query in ("", "?failed=true"):
        superuser.get(f"/admin/jobs{query}").data()
        admin.get(f"/admin/jobs{query}").data()

    entries = fake_aws.find_rows("audit", action="projects.access_as_superuser")
    assert [(entry["actor"], entry["target"]) for entry in entries] == [(superuser.user["id"], "projects")] * 2


def test_admin_sees_the_projects_that_they_own_and_no_others(admin: Client, client: Client, fake_aws: FakeAws) -> None:
    own = [projects.create_shared_project(admin) for _ in range(3)]
    guest = projects.create_shared_project(client)
    projects.add_member(client, guest, fake_aws, admin, "editor")
    foreign = projects.create_shared_project(client)
    create_failed_job(client, fake_aws, guest)
    create_failed_job(client, fake_aws, foreign)
    create_failed_job(admin, fake_aws, own[1])

    listed = list_projects(admin)
    assert set(own) < set(listed)
    assert len(listed) == 4  # and the personal one
    assert {project_id: each["jobs"]["failed"] for project_id, each in listed.items() if each["jobs"] != _NO_JOBS} == {
        own[1]: 1
    }
    assert list(list_projects(admin, "&failed=true")) == [own[1]]


def test_projects_with_failed_jobs_are_found_among_all(superuser: Client, client: Client, fake_aws: FakeAws) -> None:
    failing = [projects.create_shared_project(client) for _ in range(5)]
    for project_id in failing:
        projects.create_shared_project(client)
        for _ in range(2):
            create_failed_job(client, fake_aws, project_id)

    assert list(list_projects(superuser, "&failed=true")) == sorted(failing)


def test_project_whose_failed_job_was_retried_is_not_among_them(
    superuser: Client, client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    job_id = create_failed_job(client, fake_aws, shared_project)
    assert list(list_projects(superuser, "&failed=true")) == [shared_project]

    retry_job(client, job_id).data()
    assert list_projects(superuser, "&failed=true") == {}


def test_deleted_project_stays_visible_to_operators(
    superuser: Client, client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    create_failed_job(client, fake_aws, shared_project)
    client.delete(f"/projects/{shared_project}").data()

    assert list_projects(superuser, "&failed=true")[shared_project]["status"] == "deleted"


def test_counts_end_at_a_hundred(
    superuser: Client, client: Client, fake_aws: FakeAws, shared_project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.jobs.views.MAX_COUNT", 2)
    for _ in range(3):
        create_failed_job(client, fake_aws, shared_project)

    assert list_projects(superuser, "&failed=true")[shared_project]["jobs"]["failed"] == 2


def test_user_without_the_permission_is_refused(client: Client) -> None:
    assert projects.status_and_code(client.get("/admin/jobs")) == (403, "forbidden")
