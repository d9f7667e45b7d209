"""The deletion of a version, by a request or because its project keeps fewer."""

from pathlib import Path

import pytest

from holdall.files import versions
from holdall.jobs import service as jobs
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import interleave
from tests.support.image_samples import make_photo
from tests.support.uploads import commit_upload
from tests.support.variants import claim_render, create_public_project, get_file, run_until_drained
from tests.support.world import World

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture
def project_id(client: Client) -> str:
    return users.personal_project_id(client)


@pytest.fixture
def file_id(world: World, client: Client, fake_aws: FakeAws) -> str:
    """Return the ID of a text file with three versions."""

    def create() -> str:
        created = str(fake_aws.upload(client, b"one", **TEXT_FILE)["fileId"])
        for content in (b"two!", b"three"):
            fake_aws.upload(client, content, fileId=created, **TEXT_FILE)
        return created

    return world.step("three versions", create)


def path(file_id: str, number: int, action: str = "") -> str:
    return f"/files/{file_id}/versions/{number}{action}"


def numbers(client: Client, file_id: str) -> list[int]:
    return [each["number"] for each in client.get(f"/files/{file_id}/versions").data()]


def stored_originals(fake_aws: FakeAws, project_id: str) -> int:
    entries = fake_aws.s3.list_object_versions(Bucket="originals").get("Versions", [])
    return sum(project_id in entry["Key"] for entry in entries)


def test_deleted_version_is_gone_at_once_and_purged_by_a_job(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    response = client.delete(path(file_id, 1))

    assert response.status == 202
    assert numbers(client, file_id) == [3, 2]
    assert [client.get(path(file_id, 1, action)).status for action in ("", "/download")] == [404, 404]
    assert client.delete(path(file_id, 1)).status == 404
    assert invariants.quota_usage(fake_aws, project_id) == (12, 3)
    invariants.assert_project_consistent(fake_aws, project_id)
    fake_aws.run_workers()

    (job,) = fake_aws.find_rows("main", record_type="job", id=response.data()["jobId"])
    assert (job["kind"], job["status"]) == ("purge-version", "completed")
    assert invariants.quota_usage(fake_aws, project_id) == (9, 2)
    assert stored_originals(fake_aws, project_id) == 2
    invariants.assert_project_consistent(fake_aws, project_id)
    (row,) = fake_aws.find_rows("audit", action="versions.delete")
    assert row["actor"] == client.user["id"]


def test_file_shows_the_next_version_after_the_deletion_of_the_current_one(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    client.delete(path(file_id, 3)).data()

    file = get_file(client, file_id)
    assert (file["version"], file["size"], file["status"]) == (2, 4, "ready")
    committed = fake_aws.upload(client, b"four", fileId=file_id, **TEXT_FILE)
    assert committed["version"] == 4  # a number is never given twice
    fake_aws.run_workers()
    invariants.assert_project_consistent(fake_aws, project_id)


def test_file_shows_an_older_ready_version_rather_than_a_newer_one_in_processing(
    client: Client, fake_aws: FakeAws, file_id: str
) -> None:
    fake_aws.upload(client, b"four", fileId=file_id, sha256=None, **TEXT_FILE)
    client.delete(path(file_id, 3)).data()
    assert get_file(client, file_id)["version"] == 2

    client.delete(path(file_id, 2)).data()
    client.delete(path(file_id, 1)).data()
    file = get_file(client, file_id)
    assert (file["version"], file["status"]) == (4, "processing")


def test_only_version_is_not_deleted(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    for number in (3, 1):
        client.delete(path(file_id, number)).data()
    response = client.delete(path(file_id, 2))

    assert (response.status, response.problem()["code"]) == (409, "only_version")
    fake_aws.run_workers()
    assert numbers(client, file_id) == [2]


@pytest.mark.parametrize("first", [1, 4])
def test_shared_original_lives_as_long_as_a_version_that_names_it(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str, first: int
) -> None:
    client.post(path(file_id, 1, "/restore")).created()
    client.delete(path(file_id, first)).data()
    fake_aws.run_workers()
    assert (stored_originals(fake_aws, project_id), invariants.quota_usage(fake_aws, project_id)) == (3, (12, 3))
    invariants.assert_project_consistent(fake_aws, project_id)
    assert "ttl" not in next(row for row in invariants.upload_rows(fake_aws, project_id) if row["version_number"] == 1)

    client.delete(path(file_id, 5 - first)).data()
    fake_aws.run_workers()
    assert (stored_originals(fake_aws, project_id), invariants.quota_usage(fake_aws, project_id)) == (2, (9, 2))
    invariants.assert_project_consistent(fake_aws, project_id)
    assert "ttl" in next(row for row in invariants.upload_rows(fake_aws, project_id) if row["version_number"] == 1)


@pytest.mark.parametrize("order", [1, -1])
def test_versions_that_share_an_original_are_deleted_at_the_same_time(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str, order: int
) -> None:
    client.post(path(file_id, 1, "/restore")).created()
    for number in (1, 4):
        client.delete(path(file_id, number)).data()
    for message in fake_aws.receive_messages("work")[::order]:
        assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES

    assert (stored_originals(fake_aws, project_id), invariants.quota_usage(fake_aws, project_id)) == (2, (9, 2))
    invariants.assert_project_consistent(fake_aws, project_id)


def test_late_event_of_a_shared_original_does_not_delete_it(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    client.post(path(file_id, 1, "/restore")).created()
    client.delete(path(file_id, 1)).data()
    fake_aws.run_workers()
    owner = next(each for each in invariants.stored_versions(fake_aws, project_id) if each["number"] == 4)
    stray = fake_aws.s3.put_object(Bucket="originals", Key=owner["key"], Body=b"stray")["VersionId"]
    for version_id in (owner["s3_version_id"], stray):
        assert fake_aws.notify_object_created(owner["key"], version_id) == NO_FAILURES

    assert fake_aws.list_version_ids(owner["key"]) == [owner["s3_version_id"]]


def test_purge_of_the_file_takes_deleted_versions_with_it(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    client.post(path(file_id, 1, "/restore")).created()
    client.delete(path(file_id, 1)).data()
    client.delete(f"/files/{file_id}?permanent=true").data()
    version_job, file_job = fake_aws.receive_messages("work")
    for message in (file_job, version_job):
        assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, project_id)
    assert {row["status"] for row in fake_aws.find_rows("main", record_type="job")} == {"completed"}


def test_version_that_is_being_rendered_is_purged_without_an_orphan(
    client: Client, fake_aws: FakeAws, tmp_path: Path
) -> None:
    project_id = create_public_project(client)
    file_id = fake_aws.upload(client, make_photo(), projectId=project_id)["fileId"]
    fake_aws.render_images()
    fake_aws.upload(client, make_photo(color="red"), fileId=file_id)
    active = claim_render(fake_aws, tmp_path)
    client.delete(path(file_id, 2)).data()
    (message,) = fake_aws.receive_messages("work")
    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    active.store_under_media()
    with jobs.releasing_on_error(active.render_job.job):
        assert active.finish() is None
    run_until_drained(fake_aws)

    assert numbers(client, file_id) == [1]
    assert len(fake_aws.list_keys("variants", project_id)) == 1
    assert stored_originals(fake_aws, project_id) == 1
    invariants.assert_project_consistent(fake_aws, project_id)


def test_purge_waits_for_a_worker_that_died(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, tmp_path: Path
) -> None:
    project_id = create_public_project(client)
    file_id = fake_aws.upload(client, make_photo(), projectId=project_id)["fileId"]
    fake_aws.render_images()
    fake_aws.upload(client, make_photo(color="red"), fileId=file_id)
    active = claim_render(fake_aws, tmp_path)
    client.delete(path(file_id, 2)).data()
    (message,) = fake_aws.receive_messages("work")
    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    active.store_under_media()  # and then it dies
    assert stored_originals(fake_aws, project_id) == 2

    frozen_clock.advance(minutes=20)
    fake_aws.run_task("send-pending-jobs")
    run_until_drained(fake_aws)
    assert len(fake_aws.list_keys("variants", project_id)) == 1
    assert stored_originals(fake_aws, project_id) == 1
    invariants.assert_project_consistent(fake_aws, project_id)


def test_deletion_during_a_restoration_of_the_same_version(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    project = get_project(project_id)
    with interleave("TransactWriteItems", lambda: versions.restore(make_caller(client), project, file_id, 1)):
        assert client.delete(path(file_id, 1)).status == 202
    fake_aws.run_workers()

    assert numbers(client, file_id) == [4, 3, 2]
    assert stored_originals(fake_aws, project_id) == 3
    invariants.assert_project_consistent(fake_aws, project_id)


def test_deletion_of_the_current_version_during_a_commit(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    upload = client.post("/files/init-upload", make_upload_request(b"four", fileId=file_id, **TEXT_FILE)).created()
    fake_aws.put_object(upload, b"four")
    with interleave("TransactWriteItems", lambda: commit_upload(client, upload)):
        assert client.delete(path(file_id, 3)).status == 202
    fake_aws.run_workers()

    assert numbers(client, file_id) == [4, 2, 1]
    assert get_file(client, file_id)["version"] == 4
    invariants.assert_project_consistent(fake_aws, project_id)


def test_deletion_of_the_last_two_versions_at_the_same_time_leaves_one(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    client.delete(path(file_id, 1)).data()
    with interleave("TransactWriteItems", lambda: versions.delete(make_caller(client), file_id, 2)):
        response = client.delete(path(file_id, 3))
    fake_aws.run_workers()

    assert (response.status, response.problem()["code"]) == (409, "only_version")
    assert numbers(client, file_id) == [3]
    invariants.assert_project_consistent(fake_aws, project_id)


def test_original_is_handed_over_to_a_version_that_changes_meanwhile(client: Client, fake_aws: FakeAws) -> None:
    project_id = create_public_project(client)
    file_id = fake_aws.upload(client, make_photo(), projectId=project_id)["fileId"]
    fake_aws.render_images()
    fake_aws.upload(client, make_photo(color="red"), fileId=file_id)
    fake_aws.render_images()
    client.post(path(file_id, 1, "/restore")).created()
    client.delete(path(file_id, 1)).data()
    (message,) = fake_aws.receive_messages("work")
    with interleave("Query", fake_aws.render_images) as rendered:
        assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    run_until_drained(fake_aws)

    assert len(rendered) == 1
    assert stored_originals(fake_aws, project_id) == 2
    invariants.assert_project_consistent(fake_aws, project_id)


def keep_versions(client: Client, project_id: str, number: int | None) -> None:
    client.request("PATCH", f"/projects/{project_id}", {"settings": {"keepVersions": number}}).data()


def test_new_version_ends_those_that_the_project_does_not_keep(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    keep_versions(client, project_id, 2)
    assert numbers(client, file_id) == [3, 2, 1]
    fake_aws.upload(client, b"four", fileId=file_id, **TEXT_FILE)
    fake_aws.run_workers()

    assert numbers(client, file_id) == [4, 3]
    assert stored_originals(fake_aws, project_id) == 2
    invariants.assert_project_consistent(fake_aws, project_id)
    assert fake_aws.find_rows("audit", action="versions.delete") == []  # no one did it


def test_restored_version_is_a_new_one_too(client: Client, fake_aws: FakeAws, project_id: str, file_id: str) -> None:
    keep_versions(client, project_id, 1)
    client.post(path(file_id, 1, "/restore")).created()
    fake_aws.run_workers()

    assert numbers(client, file_id) == [4]
    assert (stored_originals(fake_aws, project_id), invariants.quota_usage(fake_aws, project_id)) == (1, (3, 1))
    invariants.assert_project_consistent(fake_aws, project_id)


def test_current_version_stays_until_a_newer_one_is_ready(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    keep_versions(client, project_id, 1)
    fake_aws.upload(client, b"four", fileId=file_id, sha256=None, **TEXT_FILE)
    hash_job, trim_job = sorted(
        fake_aws.receive_messages("work"),
        key=lambda body: fake_aws.find_rows("main", id=body.split('"')[3])[0]["kind"],
    )
    assert fake_aws.deliver_messages("maintenance", trim_job) == NO_FAILURES
    assert numbers(client, file_id) == [4, 3]
    assert get_file(client, file_id)["version"] == 3

    assert fake_aws.deliver_messages("maintenance", hash_job) == NO_FAILURES
    frozen_clock.advance(minutes=5)
    fake_aws.run_workers()
    assert numbers(client, file_id) == [4]
    invariants.assert_project_consistent(fake_aws, project_id)


def test_many_versions_are_deleted_in_several_runs(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.files.trim._BATCH_SIZE", 1)
    keep_versions(client, project_id, 1)
    fake_aws.upload(client, b"four", fileId=file_id, **TEXT_FILE)
    fake_aws.run_workers()

    assert numbers(client, file_id) == [4]
    invariants.assert_project_consistent(fake_aws, project_id)


@pytest.mark.parametrize("change", ["setting", "trash", "purge", "project"])
def test_job_obeys_what_holds_when_it_runs(
    client: Client, fake_aws: FakeAws, file_id: str, project_id: str, change: str
) -> None:
    keep_versions(client, project_id, 1)
    fake_aws.upload(client, b"four", fileId=file_id, **TEXT_FILE)
    if change == "setting":
        keep_versions(client, project_id, None)
    elif change == "trash":
        client.delete(f"/files/{file_id}").data()
    elif change == "purge":
        client.delete(f"/files/{file_id}?permanent=true").data()
    else:
        fake_aws.update_row(f"PROJECT#{project_id}", "PROJECT", status="deleted")
    fake_aws.run_workers()

    remaining = {"setting": 4, "trash": 1, "purge": 0, "project": 4}[change]
    assert len(invariants.stored_versions(fake_aws, project_id)) == remaining
    invariants.assert_project_consistent(fake_aws, project_id)
