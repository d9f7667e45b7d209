"""Variants that are brought up while somebody changes what they belong to."""

from datetime import timedelta
from typing import Any

import pytest

from holdall.files import service as client_with_files
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.projects.model import Project, UpdateProjectRequest
from holdall.projects.service import projects
from holdall.variants.sync import run
from tests.api.test_races import commit_upload
from tests.api.test_sync_variants import (
    AFTER,
    project,
    run_until_drained,
    set_variants,
    sync_variants,
    variant_statuses,
)
from tests.api.test_variant_prefixes import variant_prefixes
from tests.support import invariants
from tests.support.aws import FakeAws, make_photo, make_upload_request
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.faults import interleave

__all__ = ["project"]


def make_project_private(client: Client, project: Project) -> None:
    projects.update(
        make_caller(client), project, UpdateProjectRequest.model_validate({"settings": {"visibility": "private"}})
    )


def delete_project(client: Client, project: Project) -> None:
    projects.delete(make_caller(client), project)


def claim_sync_job(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> Job:
    """A job that somebody holds."""
    set_variants(client, project, AFTER)
    job = jobs.claim(sync_variants(client, project).data()["jobId"], timedelta(minutes=15))
    fake_aws.receive_messages("work")
    assert job is not None
    return job


@pytest.mark.parametrize("change", [make_project_private, delete_project])
def test_a_project_that_changes_meanwhile(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], change: Any
) -> None:
    fake_aws.upload_photos(client, project, 1)
    job = claim_sync_job(client, fake_aws, project)
    with interleave("TransactWriteItems", lambda: change(client, get_project(project["id"]))):
        run(job)
    run_until_drained(fake_aws)

    assert set(variant_prefixes(fake_aws, project["id"])) == {"private"}
    (version,) = invariants.stored_versions(fake_aws, project["id"])
    assert {each["name"]: each["status"] for each in version["variants"]} == dict.fromkeys(
        ("same", "other", "new"), "ready"
    )
    invariants.assert_project_consistent(fake_aws, project["id"])


@pytest.mark.parametrize("put_away", [client_with_files.trash, client_with_files.purge])
def test_a_file_that_is_put_away_meanwhile(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], put_away: Any
) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    job = claim_sync_job(client, fake_aws, project)
    with interleave("TransactWriteItems", lambda: put_away(make_caller(client), file_id)):
        run(job)
    run_until_drained(fake_aws)

    assert "media" not in variant_prefixes(fake_aws, project["id"])
    if put_away is client_with_files.purge:
        invariants.assert_project_purged(fake_aws, project["id"])
    else:
        invariants.assert_project_consistent(fake_aws, project["id"])


def test_a_version_that_comes_meanwhile(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    said = make_upload_request(make_photo(color="red"), projectId=project["id"], fileId=file_id)
    upload = client.post("/files/init-upload", said).created()
    fake_aws.put_object(upload, make_photo(color="red"))
    job = claim_sync_job(client, fake_aws, project)
    with interleave("TransactWriteItems", lambda: commit_upload(client, upload)):
        run(job)
    run_until_drained(fake_aws)

    assert client.get(f"/files/{file_id}").data()["version"] == 2
    assert variant_statuses(client, file_id) == {"same": "ready", "other": "ready", "new": "ready"}
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_a_project_that_was_deleted_before_stays_as_it_is(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    fake_aws.upload_photos(client, project, 1)
    job = claim_sync_job(client, fake_aws, project)
    delete_project(client, get_project(project["id"]))
    run(job)
    run_until_drained(fake_aws)

    assert len(fake_aws.list_keys("variants", project["id"])) == 3
    assert [row["status"] for row in fake_aws.find_rows("main", kind="sync-project")] == ["completed"]
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_a_project_that_goes_while_a_sync_is_asked_for(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    with interleave("TransactWriteItems", lambda: projects.purge(make_caller(client), get_project(project["id"]))):
        refused = sync_variants(client, project)
    run_until_drained(fake_aws)

    assert refused.problem()["code"] == "project_changed"
    assert fake_aws.find_rows("main", record_type="job") == []
