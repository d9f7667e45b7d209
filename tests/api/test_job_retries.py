"""Retries of failed jobs by the members of a project."""

from typing import Any

import pytest

from holdall.files.model import FileChanged
from holdall.jobs.model import MAX_FAILURES, RenderImage
from holdall.maintenance import retries
from holdall.platform import storage
from tests.support import invariants, projects, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
from tests.support.image_samples import make_photo
from tests.support.jobs import create_failed_job, get_job, list_job_ids, retry_job
from tests.support.uploads import init_upload
from tests.support.variants import get_file, set_variants, variant_statuses

_GARBAGE = b"no image at all"


@pytest.fixture
def job_id(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> str:
    """Return the ID of a job that failed to render an image with one variant."""
    return create_failed_job(client, fake_aws, project["id"])


def fail_always(*_: Any, **__: Any) -> Any:
    raise RuntimeError


def without_milliseconds(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job without the fraction of its next attempt, which is stored in milliseconds."""
    return {**job, "nextAttemptAt": job["nextAttemptAt"].partition(".")[0]}


def fail_hashing(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, *, checksum: str | None = None, **overrides: Any
) -> tuple[str, str]:
    """Return the ID of a file whose hashing gave up, and that of the job. `checksum` is the one of the commit."""
    upload = init_upload(client, b"content", sha256=None, **overrides)
    fake_aws.put_object(upload, b"content")
    body = {"uploadId": upload["uploadId"], "checksum": checksum}
    client.post("/files/commit", {name: value for name, value in body.items() if value}).data()
    (message,) = fake_aws.receive_messages("work")
    with monkeypatch.context() as patch:
        patch.setattr(storage, "sha256_of", fail_always)
        for _ in range(MAX_FAILURES):
            fake_aws.deliver_messages("maintenance", message)
        assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    return upload["fileId"], list_job_ids(client, users.personal_project_id(client))[0]


def test_retried_image_gets_its_variants(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], job_id: str, frozen_clock: FrozenClock
) -> None:
    failed = get_job(client, job_id)
    file_id = failed["fileId"]
    before = get_file(client, file_id)
    assert (before["reason"], variant_statuses(client, file_id)) == ("corrupt_image", {"thumb": "failed"})
    frozen_clock.advance(minutes=10)

    response = retry_job(client, job_id)
    assert response.status == 202
    job = without_milliseconds(response.json()["data"])
    assert (job["id"], job["status"], job["reason"], job["startedAt"]) == (job_id, "pending", None, None)
    assert job == without_milliseconds(get_job(client, job_id))
    assert variant_statuses(client, file_id) == {"thumb": "processing"}
    assert fake_aws.run_workers() == 1
    file = get_file(client, file_id)
    assert (file["status"], file["reason"], variant_statuses(client, file_id)) == ("ready", None, {"thumb": "ready"})
    job = get_job(client, job_id)
    assert (job["status"], job["attempts"]) == ("completed", failed["attempts"] + 1)
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_retried_job_is_the_newest_of_its_lists(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], job_id: str, frozen_clock: FrozenClock
) -> None:
    newer = create_failed_job(client, fake_aws, project["id"])
    for each in (newer, job_id):
        frozen_clock.advance(minutes=1)
        retry_job(client, each).data()

    for query in ("", "&status=pending"):
        jobs = client.get(f"/jobs?projectId={project['id']}{query}").data()
        assert [job["id"] for job in jobs] == [job_id, newer]
        assert jobs[0]["createdAt"] > jobs[1]["createdAt"]


def test_bytes_that_were_no_image_are_looked_at_again(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next release may know their type."""
    committed = fake_aws.upload(client, _GARBAGE, projectId=project["id"], filename="a.jpg", contentType="image/jpeg")
    fake_aws.run_workers()
    (job_id,) = list_job_ids(client, project["id"])
    file = get_file(client, committed["fileId"])
    assert (file["kind"], file["variants"]) == ("file", [])

    retry_job(client, job_id).data()
    assert variant_statuses(client, file["id"]) == {"thumb": "processing"}
    fake_aws.run_workers()
    assert get_file(client, file["id"]) == {**file, "updatedAt": get_file(client, file["id"])["updatedAt"]}
    assert get_job(client, job_id)["status"] == "failed"

    retry_job(client, job_id).data()
    fake_aws.render_images()
    file = get_file(client, file["id"])
    assert (file["kind"], file["contentType"], file["reason"]) == ("image", "image/jpeg", None)
    assert variant_statuses(client, file["id"]) == {"thumb": "ready"}
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_variant_that_no_one_wants_any_more_is_dropped(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], job_id: str
) -> None:
    set_variants(client, project, [{"name": "wide", "width": 30}])

    retry_job(client, job_id).data()
    fake_aws.run_workers()
    assert variant_statuses(client, get_job(client, job_id)["fileId"]) == {}
    assert get_job(client, job_id)["status"] == "completed"


def test_image_in_the_trash_can_be_retried(client: Client, fake_aws: FakeAws, job_id: str) -> None:
    file_id = get_job(client, job_id)["fileId"]
    client.delete(f"/files/{file_id}").data()

    retry_job(client, job_id).data()
    fake_aws.run_workers()
    assert variant_statuses(client, file_id) == {"thumb": "ready"}


def test_retried_hash_is_computed(client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id, job_id = fail_hashing(client, fake_aws, monkeypatch)
    assert get_file(client, file_id)["reason"] == "gave_up"

    retry_job(client, job_id).data()
    assert get_file(client, file_id)["status"] == "ready"  # it can be downloaded all the time
    fake_aws.run_workers()
    file = get_file(client, file_id)
    assert (file["status"], file["reason"], len(file["sha256"])) == ("ready", None, 64)
    assert get_job(client, job_id)["status"] == "completed"


def test_retried_hash_that_gives_up_again_has_failed(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id, job_id = fail_hashing(client, fake_aws, monkeypatch)
    retry_job(client, job_id).data()
    (message,) = fake_aws.receive_messages("work")
    monkeypatch.setattr(storage, "sha256_of", fail_always)
    for _ in range(MAX_FAILURES + 1):
        fake_aws.deliver_messages("maintenance", message)

    job = get_job(client, job_id)
    assert (job["status"], job["reason"]) == ("failed", "gave_up")
    assert get_file(client, file_id)["reason"] == "gave_up"


def test_file_shows_its_last_ready_version_again_when_a_retried_hash_rejects_a_newer_one(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = fake_aws.upload(client, b"first", filename="notes.txt", contentType="text/plain")["fileId"]
    file_id, job_id = fail_hashing(client, fake_aws, monkeypatch, checksum="0" * 64, fileId=ready)
    assert (file_id, get_file(client, file_id)["version"]) == (ready, 2)

    retry_job(client, job_id).data()
    fake_aws.run_workers()

    assert get_job(client, job_id)["reason"] == "checksum_mismatch"
    file = get_file(client, file_id)
    assert (file["status"], file["version"], file["size"]) == ("ready", 1, len(b"first"))
    assert client.get(f"/files/{file_id}/versions/2").data()["status"] == "rejected"
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_file_shows_its_last_ready_version_again_when_a_retried_rendering_rejects_a_newer_one(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    frozen_clock: FrozenClock,
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]
    fake_aws.run_workers()
    photo = {"filename": "photo.jpg", "contentType": "image/jpeg", "sha256": None, "fileId": file_id}
    upload = init_upload(client, b"other bytes", projectId=project["id"], **photo)
    fake_aws.put_object(upload, b"other bytes")
    client.post("/files/commit", {"uploadId": upload["uploadId"], "checksum": "0" * 64}).data()
    with monkeypatch.context() as patch:
        patch.setattr(storage, "download", fail_always)
        patch.setattr(storage, "sha256_of", fail_always)
        for queue, function in (("images", "imageproc"), ("work", "maintenance")):
            frozen_clock.advance(minutes=3)
            fake_aws.run_task("send-pending-jobs")  # also sends the job that hashes what could not be rendered
            (message, *_) = fake_aws.receive_messages(queue)
            for _ in range(MAX_FAILURES + 1):
                fake_aws.deliver_messages(function, message)
    assert get_file(client, file_id)["version"] == 2
    _, rendering, _ = list_job_ids(client, project["id"])

    retry_job(client, rendering).data()
    fake_aws.run_workers()

    assert get_job(client, rendering)["reason"] == "checksum_mismatch"
    file = get_file(client, file_id)
    assert (file["status"], file["version"]) == ("ready", 1)


def test_job_that_has_not_failed_cannot_be_retried(client: Client, fake_aws: FakeAws, job_id: str) -> None:
    retry_job(client, job_id).data()
    assert projects.status_and_code(retry_job(client, job_id)) == (409, "wrong_state")
    assert len(fake_aws.receive_messages("images")) == 1

    fake_aws.deliver_messages("imageproc", RenderImage(job_id).to_json())
    assert get_job(client, job_id)["status"] == "completed"
    assert projects.status_and_code(retry_job(client, job_id)) == (409, "wrong_state")


def test_request_that_is_sent_again_with_its_key_succeeds_once(client: Client, fake_aws: FakeAws, job_id: str) -> None:
    key = {"idempotency-key": "again"}
    first, second = (retry_job(client, job_id, headers=key) for _ in range(2))

    assert (first.status, second.status) == (202, 202)
    assert without_milliseconds(first.data()) == without_milliseconds(second.data())
    assert len(fake_aws.receive_messages("images")) == 1
    fake_aws.deliver_messages("imageproc", RenderImage(job_id).to_json())
    assert retry_job(client, job_id, headers=key).json()["data"]["status"] == "completed"


def test_one_of_two_concurrent_retries_succeeds(client: Client, fake_aws: FakeAws, job_id: str) -> None:
    with interleave("TransactWriteItems", lambda: retries.retry(make_caller(client), job_id)) as first:
        assert projects.status_and_code(retry_job(client, job_id)) == (409, "wrong_state")

    assert len(first) == 1
    assert len(fake_aws.receive_messages("images")) == 1


def test_retry_survives_a_change_of_the_file(client: Client, fake_aws: FakeAws, job_id: str) -> None:
    file_id = get_job(client, job_id)["fileId"]
    with interleave("TransactWriteItems", lambda: client.delete(f"/files/{file_id}").data()):
        retry_job(client, job_id).data()

    assert get_file(client, file_id)["status"] == "deleted"
    assert variant_statuses(client, file_id) == {"thumb": "processing"}


def test_job_of_a_purged_file_cannot_be_retried(client: Client, fake_aws: FakeAws, job_id: str) -> None:
    client.delete(f"/files/{get_job(client, job_id)['fileId']}?permanent=true").data()
    assert projects.status_and_code(retry_job(client, job_id)) == (409, "wrong_state")

    fake_aws.run_workers()
    assert projects.status_and_code(retry_job(client, job_id)) == (409, "wrong_state")
    assert get_job(client, job_id)["status"] == "failed"


def test_job_of_a_rejected_version_cannot_be_retried(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    """Its bytes never change, and neither does the result."""
    job_id = create_failed_job(client, fake_aws, project["id"], "checksum_mismatch")

    assert projects.status_and_code(retry_job(client, job_id)) == (409, "rejected")


def test_retried_sync_needs_the_right_of_who_retried_it(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    editor = projects.create_member(client, shared_project, fake_aws, "editor")
    editor.post(f"/projects/{shared_project}/sync-variants").data()
    projects.remove_member(client, shared_project, editor.user["id"])
    fake_aws.run_workers()
    (job_id,) = list_job_ids(client, shared_project)
    assert get_job(client, job_id)["reason"] == "not_permitted"

    retry_job(client, job_id).data()
    fake_aws.run_workers()
    assert get_job(client, job_id)["status"] == "completed"


def test_retry_is_logged(client: Client, superuser: Client, job_id: str) -> None:
    retry_job(client, job_id).data()

    (entry,) = superuser.get("/audit?action=jobs.retry").data()
    assert (entry["target"], entry["actor"]) == (job_id, client.user["id"])


def test_retried_job_does_not_expire(client: Client, fake_aws: FakeAws, job_id: str) -> None:
    retry_job(client, job_id).data()

    (row,) = fake_aws.find_rows("main", pk=f"JOB#{job_id}")
    assert "ttl" not in row


def test_operator_retries_what_gave_up_but_not_what_cannot_be_done(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    gave_up = create_failed_job(client, fake_aws, project["id"], "gave_up")
    corrupt = create_failed_job(client, fake_aws, project["id"])
    purged = create_failed_job(client, fake_aws, project["id"], "gave_up")
    client.delete(f"/files/{get_job(client, purged)['fileId']}?permanent=true").data()
    fake_aws.run_workers()

    fake_aws.run_task("retry-jobs")
    fake_aws.run_workers()
    statuses = {job_id: get_job(client, job_id)["status"] for job_id in (gave_up, corrupt, purged)}
    assert statuses == {gave_up: "completed", corrupt: "failed", purged: "failed"}
    assert variant_statuses(client, get_job(client, gave_up)["fileId"]) == {"thumb": "ready"}


def test_operator_retries_what_gave_up_in_the_last_release(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    job_id = create_failed_job(client, fake_aws, project["id"], "gave_up")
    fake_aws.update_row(f"JOB#{job_id}", "JOB", gsi3pk="JOBS#gave-up", gsi3sk=f"2026-11-26T00:00:00.000+00:00#{job_id}")

    fake_aws.run_task("retry-jobs")
    assert get_job(client, job_id)["status"] == "pending"


def test_operator_skips_a_job_whose_file_changes(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs_ids = [create_failed_job(client, fake_aws, project["id"], "gave_up") for _ in range(2)]
    original = retries._restart_rendering

    def fail_once(*arguments: Any) -> None:
        monkeypatch.setattr(retries, "_restart_rendering", original)
        raise FileChanged

    monkeypatch.setattr(retries, "_restart_rendering", fail_once)

    assert retries.retry_waiting_for_operator() == 1
    assert sorted(get_job(client, each)["status"] for each in jobs_ids) == ["failed", "pending"]
