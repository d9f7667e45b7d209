"""Jobs on whole projects: one of a kind in each project, which requests start anew."""

from datetime import timedelta
from typing import Any

import pytest

from holdall.jobs import service as jobs
from holdall.jobs.model import Job, JobClaimed, JobKind, JobState, RunJob
from holdall.platform import ids
from holdall.platform.table import Transaction
from tests.support import invariants
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.image_samples import make_photo
from tests.support.variants import sync_variants, variant_prefixes

_LEASE = timedelta(minutes=15)


def set_visibility(client: Client, project: dict[str, Any], visibility: str) -> None:
    client.request("PATCH", f"/projects/{project['id']}", {"settings": {"visibility": visibility}}).data()


def start_relocation(project: dict[str, Any]) -> str:
    with Transaction() as tx:
        return jobs.start_for_project(tx, "relocate-project", project["id"]).id


def claim(job_id: str, *, checks: int = 0) -> Job:
    job = jobs.claim(job_id, _LEASE, checks=checks)
    assert job is not None
    return job


def get_job(fake_aws: FakeAws, project: dict[str, Any], kind: JobKind) -> dict[str, Any]:
    (row,) = fake_aws.find_rows("main", record_type="job", project_id=project["id"], kind=kind)
    return row


def test_two_hundred_changes_of_visibility_end_in_one_run_and_the_last_state(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    fake_aws.upload_photos(client, project, 1)
    for number in range(200):
        set_visibility(client, project, ["private", "public"][number % 2])
    set_visibility(client, project, "private")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    job = get_job(fake_aws, project, "relocate-project")
    assert job["status"] == "completed"
    assert job["attempt"] < 5  # a part for the images, and a few looks at the bucket
    assert len(fake_aws.find_rows("main", record_type="job", kind="relocate")) == 1
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_change_during_a_run_is_done_in_a_second_run(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    """The worker has read the project before it changed again."""
    fake_aws.upload_photos(client, project, 1)
    set_visibility(client, project, "private")
    fake_aws.run_workers()
    set_visibility(client, project, "public")
    fake_aws.receive_messages("work")
    job = claim(get_job(fake_aws, project, "relocate-project")["id"])
    for visibility in ("private", "public", "private"):
        set_visibility(client, project, visibility)
    fake_aws.run_workers()  # the job is claimed, so their messages have no effect
    assert get_job(fake_aws, project, "relocate-project")["attempt"] == job.attempt

    with jobs.releasing_on_error(job), Transaction() as tx:
        jobs.complete(tx, job)
    assert get_job(fake_aws, project, "relocate-project")["status"] == "pending"
    assert len(fake_aws.receive_messages("work")) == 1


@pytest.mark.parametrize("end", ["complete", "fail", "reschedule", "error"])
def test_claimed_job_that_is_requested_again_starts_anew(fake_aws: FakeAws, project: dict[str, Any], end: str) -> None:
    job = claim(start_relocation(project))
    start_relocation(project)
    fake_aws.receive_messages("work")
    assert jobs.claim(job.id, _LEASE) is None

    def work() -> None:
        with jobs.releasing_on_error(job):
            if end == "error":
                raise RuntimeError
            if end == "reschedule":
                jobs.reschedule(job, JobState("half-way"))
            with Transaction() as tx:
                if end == "complete":
                    jobs.complete(tx, job)
                else:
                    jobs.fail(tx, job, "reason")

    if end == "error":
        with pytest.raises(RuntimeError):
            work()
    else:
        work()
    assert fake_aws.receive_messages("work") == [RunJob(job.id).to_json()]
    again = claim(job.id)
    assert (again.state, again.failures, again.attempt) == (JobState(), 0, job.attempt + 1)


def test_job_that_ended_starts_anew_with_the_same_id(fake_aws: FakeAws, project: dict[str, Any]) -> None:
    first = claim(start_relocation(project))
    with Transaction() as tx:
        jobs.fail(tx, first, "reason")
    row = get_job(fake_aws, project, "relocate-project")
    assert (row["status"], row["reason"]) == ("failed", "reason")

    assert start_relocation(project) == first.id
    row = get_job(fake_aws, project, "relocate-project")
    assert row["status"] == "pending"
    assert not row.keys() & {"reason", "ttl", "lease_expires_at"}
    assert claim(first.id).attempt == 2


def test_late_worker_does_not_end_a_job_that_started_anew(
    frozen_clock: FrozenClock, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    late = claim(start_relocation(project))
    frozen_clock.advance(minutes=15)
    start_relocation(project)
    current = claim(late.id)

    with pytest.raises(JobClaimed), Transaction() as tx:
        jobs.complete(tx, late)
    with jobs.releasing_on_error(late):
        jobs.reschedule(late, JobState("half-way"))
    assert get_job(fake_aws, project, "relocate-project")["status"] == "processing"
    with Transaction() as tx:
        jobs.complete(tx, current)


def test_message_of_another_request_does_not_end_a_delay(project: dict[str, Any]) -> None:
    job = claim(start_relocation(project))
    jobs.reschedule(job, JobState(checks=1), delay_seconds=900)

    assert jobs.claim(job.id, _LEASE) is None
    assert jobs.claim(job.id, _LEASE, checks=1) is not None


def test_job_that_ended_is_kept_for_thirty_days(
    frozen_clock: FrozenClock, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    job = claim(start_relocation(project))
    assert "ttl" not in get_job(fake_aws, project, "relocate-project")
    with Transaction() as tx:
        jobs.complete(tx, job)

    expected = (frozen_clock.now() + timedelta(days=30)).timestamp()
    assert get_job(fake_aws, project, "relocate-project")["ttl"] == int(expected)


def test_syncs_of_a_project_are_one_job(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    job_ids = {sync_variants(client, project).data()["jobId"] for _ in range(5)}

    assert len(job_ids) == 1
    assert ids.project_id_of(*job_ids) == project["id"]
    fake_aws.run_workers()
    row = get_job(fake_aws, project, "sync-project")
    assert (row["status"], row["attempt"]) == ("completed", 1)


def test_messages_of_jobs_name_their_project_for_fair_queues(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    fake_aws.upload_photos(client, project, 1)
    set_visibility(client, project, "private")

    response = fake_aws.sqs.receive_message(
        QueueUrl=fake_aws.queues["work"], MessageSystemAttributeNames=["MessageGroupId"]
    )
    (message,) = response["Messages"]
    assert message["Attributes"]["MessageGroupId"] == project["id"]
    assert fake_aws.deliver_messages("maintenance", message["Body"]) == NO_FAILURES


def test_relocation_and_purge_of_a_file_with_many_versions_take_many_runs(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So 2,000 versions do not outlast the timeout of the function."""
    monkeypatch.setattr("holdall.variants.relocation._BATCH_SIZE", 2)
    monkeypatch.setattr("holdall.files.purge._BATCH_SIZE", 2)
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    for _ in range(4):
        fake_aws.upload(client, make_photo(), projectId=project["id"], fileId=file_id)
    fake_aws.render_images()

    client.delete(f"/files/{file_id}").data()
    assert fake_aws.run_workers() == 3
    assert variant_prefixes(fake_aws, project["id"]) == ["private"] * 5
    client.delete(f"/files/{file_id}?permanent=true").data()
    assert fake_aws.run_workers() == 3
    invariants.assert_project_purged(fake_aws, project["id"])
    assert {row["status"] for row in fake_aws.find_rows("main", record_type="job")} == {"completed"}
