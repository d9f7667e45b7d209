"""The purge of files."""

from datetime import timedelta
from typing import Any

import pytest

from holdall.files import trash
from holdall.jobs import service as jobs
from holdall.jobs.model import RunJob
from holdall.platform import storage
from holdall.variants import relocation
from tests.support import invariants
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import make_caller
from tests.support.client import Client
from tests.support.image_samples import make_photo
from tests.support.world import World


@pytest.fixture
def file_id(world: World, client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> str:
    """Return the ID of a photo with two rendered versions."""

    def create() -> str:
        committed = fake_aws.upload(client, make_photo(), projectId=project["id"])
        fake_aws.run_workers()
        fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=committed["fileId"])
        fake_aws.run_workers()
        return str(committed["fileId"])

    return world.step("two versions", create)


def test_purge_starts_a_job(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    response = client.delete(f"/files/{file_id}?permanent=true")

    assert response.status == 202
    (job,) = fake_aws.find_rows("main", record_type="job", id=response.data()["jobId"])
    assert (job["kind"], job["status"]) == ("purge", "pending")


def test_purged_file_is_not_found_at_once(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str
) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()

    for path in (f"/files/{file_id}", f"/files/{file_id}/content", f"/files/{file_id}/content?variant=thumb"):
        assert client.get(path).status == 404
    for query in ("", "&sort=name", "&kind=image"):
        assert client.get(f"/files?projectId={project['id']}{query}").data() == []
    assert client.delete(f"/files/{file_id}").status == 404
    assert client.delete(f"/files/{file_id}?permanent=true").status == 404


def test_purge_deletes_all_versions_and_variants(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str
) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, project["id"])
    (job,) = fake_aws.find_rows("main", record_type="job", kind="purge")
    assert job["status"] == "completed"


def test_purge_releases_quota_once(client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str) -> None:
    kept = fake_aws.upload(client, b"kept", projectId=project["id"], contentType="text/plain")
    client.delete(f"/files/{file_id}?permanent=true").data()
    (message,) = fake_aws.receive_messages("work")

    assert fake_aws.deliver_messages("maintenance", message, message) == {"batchItemFailures": []}
    assert invariants.quota_usage(fake_aws, project["id"]) == (4, 1)
    assert client.get(f"/files/{kept['fileId']}").status == 200


def test_file_in_the_trash_is_purged(client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()
    client.delete(f"/files/{file_id}?permanent=true").data()
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, project["id"])


def test_purge_may_run_before_an_older_relocation(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str
) -> None:
    client.delete(f"/files/{file_id}").data()
    client.delete(f"/files/{file_id}?permanent=true").data()
    relocate, purge = fake_aws.receive_messages("work")
    for message in (purge, relocate):
        assert fake_aws.deliver_messages("maintenance", message) == {"batchItemFailures": []}

    invariants.assert_project_purged(fake_aws, project["id"])


def test_purge_waits_for_the_worker_that_moves_the_variants(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str
) -> None:
    client.delete(f"/files/{file_id}").data()
    client.delete(f"/files/{file_id}?permanent=true").data()
    relocate, purge = fake_aws.receive_messages("work")
    job = jobs.claim(RunJob.from_json(relocate).job_id, timedelta(minutes=15))
    assert job is not None
    assert fake_aws.deliver_messages("maintenance", purge) == NO_FAILURES
    assert fake_aws.list_keys("originals", project["id"])  # otherwise a copy that has begun would outlast the file

    relocation.run(job)
    fake_aws.run_workers()
    invariants.assert_project_purged(fake_aws, project["id"])


def test_worker_that_the_purge_did_not_see_deletes_what_it_moved(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index that names the workers lags, and S3 may complete a copy after the purge has deleted both places."""
    client.request("PATCH", f"/projects/{project['id']}", {"settings": {"visibility": "public"}}).data()
    fake_aws.run_workers()
    client.delete(f"/files/{file_id}").data()
    (relocate,) = fake_aws.receive_messages("work")
    job = jobs.claim(RunJob.from_json(relocate).job_id, timedelta(minutes=15))
    assert job is not None
    move = storage.move_variant

    def complete_late(source: str, target: str) -> bool:
        monkeypatch.setattr(storage, "move_variant", move)
        moved = move(source, target)
        trash.purge(make_caller(client), file_id)
        fake_aws.run_workers()
        fake_aws.s3.put_object(Bucket="variants", Key=target)
        return moved

    monkeypatch.setattr(jobs, "is_storing_variants", lambda _: False)
    monkeypatch.setattr(storage, "move_variant", complete_late)
    relocation.run(job)

    invariants.assert_project_purged(fake_aws, project["id"])


def test_trash_does_not_release_quota(client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str) -> None:
    before = invariants.quota_usage(fake_aws, project["id"])
    client.delete(f"/files/{file_id}").data()
    fake_aws.run_workers()

    assert invariants.quota_usage(fake_aws, project["id"]) == before


def test_purge_writes_an_audit_entry_and_an_event(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()

    (row,) = fake_aws.find_rows("audit", action="files.purge")
    assert (row["actor"], row["target"]) == (client.user["id"], file_id)
    assert len(fake_aws.find_rows("main", record_type="event", type="file.purged")) == 1


@pytest.mark.parametrize("query", ["permanent=maybe", "permanent=", "permanent=true&permanent=false", "permanent=2"])
def test_invalid_flag_is_rejected(client: Client, file_id: str, query: str) -> None:
    assert client.delete(f"/files/{file_id}?{query}").status == 422
    assert client.get(f"/files/{file_id}").data()["status"] == "ready"
