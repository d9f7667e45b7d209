"""Jobs as the members of a project see them."""

from datetime import datetime
from typing import Any

import pytest

from holdall.jobs import service as jobs
from holdall.platform.table import Transaction
from holdall.variants import service as variants
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.image_samples import make_photo
from tests.support.jobs import create_failed_job, get_job, list_job_ids


def upload_photo(client: Client, fake_aws: FakeAws, project: dict[str, Any], **overrides: Any) -> str:
    """Upload a photo that is not rendered, and return the ID of its job."""
    fake_aws.upload(client, make_photo(), projectId=project["id"], **overrides)
    newest: str = list_job_ids(client, project["id"])[0]
    return newest


def test_jobs_are_listed_newest_first(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    job_ids = [upload_photo(client, fake_aws, project) for _ in range(3)]

    assert list_job_ids(client, project["id"]) == job_ids[::-1]
    first = client.get(f"/jobs?projectId={project['id']}&limit=2").json()
    second = client.get(f"/jobs?projectId={project['id']}&limit=2&cursor={first['pagination']['next']}").json()
    back = client.get(f"/jobs?projectId={project['id']}&limit=2&cursor={second['pagination']['prev']}").json()
    assert [job["id"] for job in first["data"] + second["data"]] == job_ids[::-1]
    assert back["data"] == first["data"]
    assert not second["pagination"]["hasNext"]


def test_jobs_are_listed_by_status(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    completed = upload_photo(client, fake_aws, project)
    fake_aws.render_images()
    failed = create_failed_job(client, fake_aws, project["id"])
    processing = upload_photo(client, fake_aws, project)
    assert variants.claim(processing) is not None
    pending = [upload_photo(client, fake_aws, project) for _ in range(2)]

    listed = {
        status: list_job_ids(client, project["id"], f"&status={status}")
        for status in ("pending", "processing", "completed", "failed")
    }
    assert listed == {
        "pending": pending[::-1],
        "processing": [processing],
        "completed": [completed],
        "failed": [failed],
    }


def test_cursor_of_a_status_is_not_one_of_another(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    for _ in range(2):
        upload_photo(client, fake_aws, project)
    path = f"/jobs?projectId={project['id']}&limit=1"
    cursor = client.get(f"{path}&status=pending").json()["pagination"]["next"]

    assert client.get(f"{path}&status=failed&cursor={cursor}").problem()["code"] == "bad_cursor"
    assert client.get(f"{path}&cursor={cursor}").problem()["code"] == "bad_cursor"


def test_completed_job_tells_when_it_ran_and_how_much_it_read(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], frozen_clock: FrozenClock
) -> None:
    photo = make_photo()
    committed = fake_aws.upload(client, photo, projectId=project["id"])
    (job_id,) = list_job_ids(client, project["id"])
    created = get_job(client, job_id)
    frozen_clock.advance(seconds=2)
    render_job = variants.claim(job_id)
    assert render_job is not None
    started = get_job(client, job_id)
    frozen_clock.advance(seconds=1.5)
    with Transaction() as tx:
        jobs.complete(tx, render_job.job)
    job = get_job(client, job_id)

    assert {name: job[name] for name in ("id", "projectId", "kind", "fileId", "version", "bytes")} == {
        "id": job_id,
        "projectId": project["id"],
        "kind": "render",
        "fileId": committed["fileId"],
        "version": 1,
        "bytes": len(photo),
    }
    assert [each["status"] for each in (created, started, job)] == ["pending", "processing", "completed"]
    assert [each["attempts"] for each in (created, started, job)] == [0, 1, 1]
    assert [each["durationMs"] for each in (created, started, job)] == [None, None, 1500]
    assert (created["startedAt"], started["finishedAt"]) == (None, None)
    assert seconds_between(job["createdAt"], job["startedAt"]) == 2
    assert seconds_between(job["startedAt"], job["finishedAt"]) == 1.5


def test_duration_contains_all_attempts(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], frozen_clock: FrozenClock
) -> None:
    job_id = upload_photo(client, fake_aws, project)
    for _ in range(2):
        assert variants.claim(job_id) is not None
        frozen_clock.advance(minutes=6)
    render_job = variants.claim(job_id)
    assert render_job is not None
    with Transaction() as tx:
        jobs.complete(tx, render_job.job)

    job = get_job(client, job_id)
    assert (job["attempts"], job["durationMs"]) == (3, 12 * 60 * 1000)


def test_pending_job_tells_its_next_attempt(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], frozen_clock: FrozenClock
) -> None:
    job_id = upload_photo(client, fake_aws, project)
    job = get_job(client, job_id)
    assert seconds_between(job["createdAt"], job["nextAttemptAt"]) == pytest.approx(60, abs=0.001)

    render_job = variants.claim(job_id)
    assert render_job is not None
    assert get_job(client, job_id)["nextAttemptAt"] is None
    frozen_clock.advance(seconds=30)
    with pytest.raises(RuntimeError), jobs.releasing_on_error(render_job.job):
        raise RuntimeError
    job = get_job(client, job_id)
    assert job["status"] == "pending"
    assert seconds_between(job["startedAt"], job["nextAttemptAt"]) == pytest.approx(30 + 15 * 60, abs=0.001)


def test_failed_job_tells_its_reason(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    job = get_job(client, create_failed_job(client, fake_aws, project["id"], "too_many_pixels"))

    assert (job["status"], job["reason"], job["nextAttemptAt"]) == ("failed", "too_many_pixels", None)
    assert job["finishedAt"] is not None


def test_job_of_the_last_release_has_no_times(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    """Its rows lack what this release added."""
    job_id = create_failed_job(client, fake_aws, project["id"])
    fake_aws.dynamodb.Table("main").update_item(
        Key={"pk": f"JOB#{job_id}", "sk": "JOB"},
        UpdateExpression="REMOVE started_at, #bytes, gsi3pk, gsi3sk",
        ExpressionAttributeNames={"#bytes": "bytes"},
    )

    job = get_job(client, job_id)
    assert (job["startedAt"], job["durationMs"], job["bytes"]) == (None, None, None)
    assert client.post(f"/jobs/{job_id}/retry").status == 202


def test_unknown_status_is_rejected(client: Client, project: dict[str, Any]) -> None:
    assert client.get(f"/jobs?projectId={project['id']}&status=done").status == 422


def seconds_between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def test_listed_jobs_have_the_names_of_their_files_for_those_who_may_read_files(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    upload_photo(client, fake_aws, project, filename="now.jpg")
    purged = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]
    client.delete(f"/files/{purged}?permanent=true").data()
    fake_aws.run_workers()
    path = f"/jobs?projectId={project['id']}"
    keys = [
        client.post(f"/projects/{project['id']}/keys", {"name": "x", "scopes": scopes}).created()["key"]
        for scopes in (["jobs.read"], ["jobs.read", "files.read"])
    ]

    named = {job["fileId"]: job["fileName"] for job in client.get(path).data() if job["kind"] == "render"}
    assert sorted(named.values(), key=str) == [None, "now.jpg"]
    assert named[purged] is None
    names_by_key = [{job["fileName"] for job in Client().get(path, headers={"x-api-key": key}).data()} for key in keys]
    assert names_by_key == [{None}, {None, "now.jpg"}]
