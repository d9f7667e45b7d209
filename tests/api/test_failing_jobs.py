"""Jobs that fail again and again: they end after ten failures in a row, whatever their kind."""

from datetime import timedelta
from typing import Any, get_args

import pytest

from holdall.files import purge
from holdall.jobs import service as jobs
from holdall.jobs.model import MAX_FAILURES, JobKind, JobState, RenderImage, RunJob
from holdall.maintenance import retries
from holdall.maintenance import service as maintenance
from holdall.platform import storage
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.table import Transaction
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
from tests.support.image_samples import make_photo
from tests.support.log import CapturedLog
from tests.support.uploads import init_upload
from tests.support.variants import get_file, variant_statuses

_LEASE = timedelta(minutes=15)
_FILE_KINDS = ["relocate", "purge"]
_PROJECT_KINDS = [kind for kind in get_args(JobKind) if kind not in ("render", "hash", *_FILE_KINDS)]


def fail_always(*_: Any, **__: Any) -> Any:
    raise RuntimeError


def be_unavailable(*_: Any, **__: Any) -> Any:
    raise ServiceUnavailable


def get_job(fake_aws: FakeAws, job_id: str) -> dict[str, Any]:
    (row,) = fake_aws.find_rows("main", pk=f"JOB#{job_id}")
    return row


def deliver_until_it_ends(fake_aws: FakeAws, function: str, message: str) -> int:
    """Deliver a message until it does not fail, and return how often it failed."""
    for failures in range(50):
        if fake_aws.deliver_messages(function, message) == NO_FAILURES:
            return failures
    pytest.fail("The job never ends.")


def commit_unhashed(client: Client, fake_aws: FakeAws, checksum: str | None = None) -> tuple[str, str]:
    """Commit a file without a SHA-256. Return its ID and the message of its job."""
    upload = init_upload(client, b"content", sha256=None)
    fake_aws.put_object(upload, b"content")
    client.post("/files/commit", {"uploadId": upload["uploadId"], "checksum": checksum}).data()
    (message,) = fake_aws.receive_messages("work")
    return upload["fileId"], message


@pytest.mark.parametrize("kind", [*_PROJECT_KINDS, *_FILE_KINDS])
def test_job_of_the_work_queue_gives_up_after_ten_failures(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, log: CapturedLog, kind: JobKind
) -> None:
    project_id = users.personal_project_id(client)
    with Transaction() as tx:
        if kind in _PROJECT_KINDS:
            job = jobs.start_for_project(tx, kind, project_id)
        else:
            job = jobs.create(tx, kind, f"{project_id}-{'0' * 26}")
    monkeypatch.setitem(maintenance._JOB_HANDLERS, kind, fail_always)

    assert deliver_until_it_ends(fake_aws, "maintenance", RunJob(job.id).to_json()) == MAX_FAILURES
    row = get_job(fake_aws, job.id)
    assert (row["status"], row["reason"]) == ("failed", "gave_up")
    (line,) = [line for line in log.lines if line["message"] == "job.gave_up"]
    assert (line["level"], line["kind"], line["project_id"]) == ("ERROR", kind, project_id)


@pytest.mark.parametrize("checksum", [None, "0" * 64])
def test_version_whose_hashing_gave_up_is_ready_without_a_checksum(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, checksum: str | None
) -> None:
    file_id, message = commit_unhashed(client, fake_aws, checksum)
    monkeypatch.setattr(storage, "sha256_of", fail_always)

    assert deliver_until_it_ends(fake_aws, "maintenance", message) == MAX_FAILURES
    file = get_file(client, file_id)
    assert (file["status"], file["sha256"], file["reason"]) == ("ready", None, "gave_up")
    row = get_job(fake_aws, RunJob.from_json(message).job_id)
    assert (row["status"], row["reason"]) == ("failed", "gave_up")


def test_version_whose_original_is_gone_is_rejected_at_once(client: Client, fake_aws: FakeAws) -> None:
    file_id, message = commit_unhashed(client, fake_aws)
    (key,) = fake_aws.list_keys("originals", users.personal_project_id(client))
    for version_id in fake_aws.list_version_ids(key):
        fake_aws.s3.delete_object(Bucket="originals", Key=key, VersionId=version_id)

    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    file = get_file(client, file_id)
    assert (file["status"], file["reason"]) == ("rejected", "original_gone")
    row = get_job(fake_aws, RunJob.from_json(message).job_id)
    assert (row["status"], row["reason"]) == ("failed", "original_gone")


def test_image_that_always_fails_gives_up_after_ten_failures(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=users.personal_project_id(client))["fileId"]
    (message,) = fake_aws.receive_messages("images")
    monkeypatch.setattr(storage, "download", fail_always)

    assert deliver_until_it_ends(fake_aws, "imageproc", message) == MAX_FAILURES
    row = get_job(fake_aws, RenderImage.from_json(message).job_id)
    assert (row["status"], row["reason"]) == ("failed", "gave_up")
    assert get_file(client, file_id)["reason"] == "gave_up"


def test_further_variant_that_always_fails_ends_alone(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = {"settings": {"variants": [*project["settings"]["variants"], {"name": "wide", "width": 30}]}}
    client.request("PUT", f"/projects/{project['id']}", wide).data()
    assert client.get(f"/files/{photo_id}/content?variant=wide").status == 202
    (message,) = fake_aws.receive_messages("images")
    monkeypatch.setattr(storage, "download", fail_always)

    assert deliver_until_it_ends(fake_aws, "imageproc", message) == MAX_FAILURES
    assert get_file(client, photo_id)["status"] == "ready"
    assert variant_statuses(client, photo_id) == {"thumb": "ready", "wide": "failed"}


def test_image_that_gave_up_is_purged_with_its_file(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=users.personal_project_id(client))["fileId"]
    (message,) = fake_aws.receive_messages("images")
    with monkeypatch.context() as patch:
        patch.setattr(storage, "download", fail_always)
        for _ in range(MAX_FAILURES):
            fake_aws.deliver_messages("imageproc", message)
    client.delete(f"/files/{file_id}?permanent=true").data()

    assert fake_aws.deliver_messages("imageproc", message) == NO_FAILURES
    assert get_job(fake_aws, RenderImage.from_json(message).job_id)["reason"] == "file_gone"


def test_lease_that_ran_out_is_a_failure(frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws) -> None:
    with Transaction() as tx:
        job_id = jobs.start_for_project(tx, "sync-project", users.personal_project_id(client)).id
    for failures in range(MAX_FAILURES):
        job = jobs.claim(job_id, _LEASE)
        assert job is not None
        assert (job.failures, job.has_failed_too_often) == (failures, False)
        frozen_clock.advance(minutes=15)

    fake_aws.deliver_messages("maintenance", RunJob(job_id).to_json())
    assert get_job(fake_aws, job_id)["reason"] == "gave_up"


def test_step_forward_resets_the_failures(client: Client, fake_aws: FakeAws) -> None:
    """A job of 200 parts, each of which fails twice before it succeeds, is healthy."""
    with Transaction() as tx:
        job_id = jobs.start_for_project(tx, "sync-project", users.personal_project_id(client)).id
    for part in range(200):
        for failures in range(3):
            job = jobs.claim(job_id, _LEASE)
            assert job is not None
            assert job.failures == failures
            if failures < 2:
                with pytest.raises(RuntimeError), jobs.releasing_on_error(job):
                    fail_always()
            else:
                jobs.reschedule(job, JobState(str(part)))

    assert get_job(fake_aws, job_id)["failures"] == 0


def test_outage_is_no_failure_of_a_job_for_three_days(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_aws.upload(client, make_photo(), projectId=users.personal_project_id(client))
    (message,) = fake_aws.receive_messages("images")
    job_id = RenderImage.from_json(message).job_id
    monkeypatch.setattr(storage, "download", be_unavailable)
    for _ in range(2 * MAX_FAILURES):
        assert fake_aws.deliver_messages("imageproc", message) != NO_FAILURES
    frozen_clock.advance(days=3)
    assert fake_aws.deliver_messages("imageproc", message) != NO_FAILURES
    assert get_job(fake_aws, job_id)["failures"] == 0

    frozen_clock.advance(seconds=1)
    assert deliver_until_it_ends(fake_aws, "imageproc", message) == MAX_FAILURES
    assert get_job(fake_aws, job_id)["reason"] == "gave_up"


def test_operator_starts_jobs_anew_that_gave_up(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.jobs.service._PAGE_SIZE", 1)
    fake_aws.upload_photos(client, project, 2)
    with monkeypatch.context() as patch:
        patch.setattr(purge, "list_versions", fail_always)
        for row in fake_aws.find_rows("main", record_type="file"):
            client.delete(f"/files/{row['id']}?permanent=true").data()
        messages = fake_aws.receive_messages("work")
        for message in messages:
            deliver_until_it_ends(fake_aws, "maintenance", message)
    job_ids = [RunJob.from_json(message).job_id for message in messages]
    assert [get_job(fake_aws, each)["reason"] for each in job_ids] == ["gave_up"] * 2
    assert all("ttl" not in get_job(fake_aws, each) for each in job_ids)

    with interleave("TransactWriteItems", retries.retry_waiting_for_operator) as started_first:
        assert retries.retry_waiting_for_operator() == 0
    assert started_first == [2]
    assert fake_aws.run_workers() == 2
    invariants.assert_project_purged(fake_aws, project["id"])
    assert [get_job(fake_aws, each)["status"] for each in job_ids] == ["completed"] * 2
    fake_aws.run_task("retry-jobs")
    assert fake_aws.receive_messages("work") == []
