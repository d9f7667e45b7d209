"""Purge of a project, by its owner or by nightly maintenance after 30 days."""

import json
from typing import Any

import pytest

from holdall.files import service as files
from holdall.maintenance.project_jobs import MAX_CHECKS
from holdall.platform import messaging
from holdall.platform.messages import Message
from tests.support import invariants, projects, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.image_samples import make_photo
from tests.support.log import CapturedLog
from tests.support.projects import delete_project, list_project_statuses, restore_project
from tests.support.uploads import TEXT_FILE, init_upload


def fail_always(*_: Any) -> None:
    raise RuntimeError


@pytest.fixture
def full_project(client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str) -> dict[str, Any]:
    """Return a project with something of every kind."""
    projects.create_member(client, project["id"], fake_aws)
    projects.create_invitation(client, project["id"], users.unique_email())
    projects.create_api_key_client(client, project["id"], "files.read")
    fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=photo_id)
    trashed = fake_aws.upload(client, make_photo(color="blue"), projectId=project["id"])["fileId"]
    fake_aws.render_images()
    client.delete(f"/files/{trashed}").data()
    fake_aws.upload(client, b"notes", projectId=project["id"], **TEXT_FILE)
    fake_aws.put_object(init_upload(client, projectId=project["id"]), b"content")
    init_upload(client, projectId=project["id"])
    return project


@pytest.mark.parametrize("purged", ["before", "after"])
def test_object_that_arrives_in_a_purged_project_is_deleted(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], purged: str
) -> None:
    body = make_upload_request(make_photo(), projectId=project["id"], autoCommit=True)
    upload = client.post("/files/init-upload", body).created()
    delete_project(client, project, "?permanent=true").data()
    if purged == "before":
        fake_aws.run_workers()
    fake_aws.notify_object_created(upload["key"], fake_aws.put_object(upload, make_photo()))
    fake_aws.run_workers()

    assert invariants.stored_object_keys(fake_aws, project["id"]) == []
    assert invariants.remaining_rows(fake_aws, project["id"]) == []
    assert invariants.installation_usage(fake_aws) == (0, 0)


@pytest.mark.parametrize("before", ["active", "deleted"])
def test_purge_deletes_everything_of_a_project(
    client: Client, stranger: Client, fake_aws: FakeAws, full_project: dict[str, Any], before: str
) -> None:
    other = fake_aws.upload(stranger, b"another's", **TEXT_FILE)["fileId"]
    if before == "deleted":
        delete_project(client, full_project).data()
    response = delete_project(client, full_project, "?permanent=true")
    assert response.status == 202
    (job,) = fake_aws.find_rows("main", record_type="job", id=response.data()["jobId"])
    assert (job["kind"], job["status"]) == ("purge-project", "pending")
    assert full_project["id"] not in list_project_statuses(client)
    fake_aws.run_workers()

    assert invariants.stored_object_keys(fake_aws, full_project["id"]) == []
    assert invariants.remaining_rows(fake_aws, full_project["id"]) == []
    assert invariants.installation_usage(fake_aws) == (9, 1)
    assert full_project["id"] not in list_project_statuses(client)
    assert stranger.get(f"/files/{other}").data()["size"] == 9
    (entry,) = fake_aws.find_rows("audit", action="projects.purge")
    assert (entry["actor"], entry["target"]) == (client.user["id"], full_project["id"])


def test_purge_in_many_runs_ends(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.maintenance.project_jobs._BATCH_SIZE", 1)
    for number in range(3):
        fake_aws.upload(client, b"notes", projectId=project["id"], **{**TEXT_FILE, "filename": f"{number}"})
    delete_project(client, project, "?permanent=true").data()
    fake_aws.run_workers()

    assert invariants.stored_object_keys(fake_aws, project["id"]) == []
    assert invariants.remaining_rows(fake_aws, project["id"]) == []
    assert invariants.installation_usage(fake_aws) == (0, 0)


def test_project_is_purged_once(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    delete_project(client, project, "?permanent=true").data()

    assert delete_project(client, project, "?permanent=true").status == 404
    assert restore_project(client, project).status == 404
    assert len(fake_aws.find_rows("main", record_type="job", kind="purge-project")) == 1


@pytest.mark.parametrize(("seconds", "status"), [(-1, "deleted"), (1, "purged")])
def test_deleted_project_is_purged_after_thirty_days(
    frozen_clock: FrozenClock,
    client: Client,
    fake_aws: FakeAws,
    full_project: dict[str, Any],
    seconds: int,
    status: str,
) -> None:
    delete_project(client, full_project).data()
    fake_aws.run_workers()
    frozen_clock.advance(days=30, seconds=seconds)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_task("purge-projects")
    fake_aws.run_workers()

    again = users.sign_in(client.user["email"])
    assert list_project_statuses(again).get(full_project["id"], "purged") == status
    if status == "purged":
        assert invariants.stored_object_keys(fake_aws, full_project["id"]) == []
        assert invariants.remaining_rows(fake_aws, full_project["id"]) == []
        assert invariants.installation_usage(fake_aws) == (0, 0)
    else:
        assert restore_project(again, full_project).data()["status"] == "active"
        invariants.assert_project_consistent(fake_aws, full_project["id"])


def test_project_cannot_be_restored_after_thirty_days(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    delete_project(client, project).data()
    frozen_clock.advance(days=30)

    assert restore_project(users.sign_in(client.user["email"]), project).status == 404
    frozen_clock.advance(seconds=1)
    fake_aws.run_task("purge-projects")
    fake_aws.run_task("purge-projects")
    assert len(fake_aws.find_rows("main", record_type="job", kind="purge-project")) == 1
    fake_aws.run_workers()
    assert invariants.remaining_rows(fake_aws, project["id"]) == []


def test_list_that_lags_does_no_harm(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed_ids = [files.remaining_ids(project["id"], 50)] * 2
    monkeypatch.setattr(files, "remaining_ids", lambda *_: listed_ids.pop() if listed_ids else [])
    delete_project(client, project, "?permanent=true").data()
    fake_aws.run_workers()

    assert invariants.stored_object_keys(fake_aws, project["id"]) == []
    assert invariants.remaining_rows(fake_aws, project["id"]) == []


def test_project_is_deleted_after_the_jobs_of_its_files(
    frozen_clock: FrozenClock,
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("holdall.maintenance.project_jobs.MAX_CHECKS", 3)
    fake_aws.upload(client, b"notes", projectId=project["id"], **TEXT_FILE)
    delete_project(client, project, "?permanent=true").data()
    for _ in range(9):  # the message of the job of the file is lost
        for message in fake_aws.receive_messages("work"):
            if json.loads(message)["job_id"] in [
                each["id"] for each in fake_aws.find_rows("main", kind="purge-project")
            ]:
                assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    frozen_clock.advance(minutes=16)
    fake_aws.run_task("send-pending-jobs")
    fake_aws.run_workers()

    assert invariants.stored_object_keys(fake_aws, project["id"]) == []
    assert invariants.remaining_rows(fake_aws, project["id"]) == []
    assert invariants.installation_usage(fake_aws) == (0, 0)


def test_project_without_owners_is_purged_after_thirty_days(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, full_project: dict[str, Any]
) -> None:
    delete_project(client, full_project).data()
    assert users.delete_account(client).status == 204
    frozen_clock.advance(days=30, seconds=1)
    fake_aws.run_task("purge-projects")
    fake_aws.run_workers()

    assert invariants.stored_object_keys(fake_aws, full_project["id"]) == []
    assert invariants.remaining_rows(fake_aws, full_project["id"]) == []
    assert fake_aws.find_rows("main", pk=f"PROJECT#{users.personal_project_id(client)}") == []


def test_purge_of_a_project_gives_up_with_the_purge_of_a_file_and_can_be_retried(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch, log: CapturedLog
) -> None:
    file_id = fake_aws.upload(client, b"notes", projectId=project["id"], **TEXT_FILE)["fileId"]
    delete_project(client, project, "?permanent=true").data()
    with monkeypatch.context() as patch:
        patch.setattr("holdall.maintenance.service.cleanup.expire_rows", fail_always)
        for _ in range(60):  # SQS delivers a message that failed again
            for message in fake_aws.receive_messages("work"):
                while fake_aws.deliver_messages("maintenance", message) != NO_FAILURES:
                    pass

    (row,) = fake_aws.find_rows("main", record_type="project", id=project["id"])
    assert row["status"] == "purging"
    kinds = {row["kind"]: row["reason"] for row in fake_aws.find_rows("main", record_type="job", status="failed")}
    assert kinds == {"purge": "gave_up", "purge-project": "gave_up"}
    errors = {line["message"]: line for line in log.lines if line["level"] == "ERROR"}
    assert errors.keys() == {"job.gave_up", "project.purge_incomplete"}
    assert errors["job.gave_up"]["file_id"] == file_id

    fake_aws.run_task("retry-jobs")
    fake_aws.run_workers()
    assert invariants.stored_object_keys(fake_aws, project["id"]) == []
    assert invariants.remaining_rows(fake_aws, project["id"]) == []


def test_purge_waits_hours_for_a_file_with_few_messages(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[int] = []
    send = messaging.send

    def record_delay(message: Message, *, delay_seconds: int = 0) -> None:
        delays.append(delay_seconds)
        send(message, delay_seconds=delay_seconds)

    monkeypatch.setattr(messaging, "send", record_delay)
    fake_aws.upload(client, b"notes", projectId=project["id"], **TEXT_FILE)
    (row,) = fake_aws.find_rows("main", record_type="file")
    fake_aws.update_row(row["pk"], row["sk"], state="purging")  # without a job
    monkeypatch.setattr(files, "remaining_ids", lambda *_: [])
    delete_project(client, project, "?permanent=true").data()
    fake_aws.run_workers()

    waits = [delay for delay in delays if delay]
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) == 900  # AWS API reference, SendMessage, DelaySeconds
    assert len(waits) == MAX_CHECKS
    assert sum(waits) > 3 * 3600
