"""Races between a sync of variants and changes of the project or its files."""

from datetime import timedelta
from typing import Any

import pytest

from holdall.files import trash
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.projects.model import Project, UpdateProjectRequest
from holdall.projects.service import projects
from holdall.variants.sync import run
from tests.support import invariants
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.factories import make_upload_request
from tests.support.faults import interleave
from tests.support.image_samples import make_photo
from tests.support.uploads import commit_upload
from tests.support.variants import (
    run_until_drained,
    set_variants,
    sync_variants,
    variant_prefixes,
    variant_statuses,
)

BEFORE = [{"name": "same", "width": 5}, {"name": "other", "width": 6}, {"name": "dropped", "width": 7}]
AFTER = [{"name": "same", "width": 5}, {"name": "other", "width": 60}, {"name": "new", "width": 8}]


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    """Return a public project with three variants."""
    body = {"name": "Holiday", "settings": {"visibility": "public", "variants": BEFORE}}
    project: dict[str, Any] = client.post("/projects", body).created()
    return project


def make_project_private(client: Client, project: Project) -> None:
    projects.update(
        make_caller(client), project, UpdateProjectRequest.model_validate({"settings": {"visibility": "private"}})
    )


def delete_project(client: Client, project: Project) -> None:
    projects.delete(make_caller(client), project)


def claim_sync_job(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> Job:
    """Start a sync, and claim its job."""
    set_variants(client, project, AFTER)
    job = jobs.claim(sync_variants(client, project).data()["jobId"], timedelta(minutes=15))
    fake_aws.receive_messages("work")
    assert job is not None
    return job


@pytest.mark.parametrize("change", [make_project_private, delete_project])
def test_sync_survives_a_concurrent_change_of_the_project(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], change: Any
) -> None:
    fake_aws.upload_photos(client, project, 1)
    job = claim_sync_job(client, fake_aws, project)
    with interleave("TransactWriteItems", lambda: change(client, get_project(project["id"]))):
        run(job)
    run_until_drained(fake_aws)

    assert set(variant_prefixes(fake_aws, project["id"])) == {"private"}
    (version,) = invariants.stored_versions(fake_aws, project["id"])
    assert {variant["name"]: variant["status"] for variant in version["variants"]} == dict.fromkeys(
        ("same", "other", "new"), "ready"
    )
    invariants.assert_project_consistent(fake_aws, project["id"])


@pytest.mark.parametrize("remove", [trash.trash, trash.purge])
def test_sync_survives_the_concurrent_removal_of_a_file(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], remove: Any
) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    job = claim_sync_job(client, fake_aws, project)
    with interleave("TransactWriteItems", lambda: remove(make_caller(client), file_id)):
        run(job)
    run_until_drained(fake_aws)

    assert "media" not in variant_prefixes(fake_aws, project["id"])
    if remove is trash.purge:
        invariants.assert_project_purged(fake_aws, project["id"])
    else:
        invariants.assert_project_consistent(fake_aws, project["id"])


def test_sync_survives_a_concurrent_new_version(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    body = make_upload_request(make_photo(color="red"), projectId=project["id"], fileId=file_id)
    upload = client.post("/files/init-upload", body).created()
    fake_aws.put_object(upload, make_photo(color="red"))
    job = claim_sync_job(client, fake_aws, project)
    with interleave("TransactWriteItems", lambda: commit_upload(client, upload)):
        run(job)
    run_until_drained(fake_aws)

    assert client.get(f"/files/{file_id}").data()["version"] == 2
    assert variant_statuses(client, file_id) == {"same": "ready", "other": "ready", "new": "ready"}
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_sync_does_not_change_a_deleted_project(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 1)
    job = claim_sync_job(client, fake_aws, project)
    delete_project(client, get_project(project["id"]))
    run(job)
    run_until_drained(fake_aws)

    assert len(fake_aws.list_keys("variants", project["id"])) == 3
    assert [row["status"] for row in fake_aws.find_rows("main", kind="sync-project")] == ["failed"]
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_sync_of_a_concurrently_purged_project_is_rejected(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    with interleave("TransactWriteItems", lambda: projects.purge(make_caller(client), get_project(project["id"]))):
        response = sync_variants(client, project)
    run_until_drained(fake_aws)

    assert response.problem()["code"] == "project_changed"
    assert fake_aws.find_rows("main", record_type="job") == []
