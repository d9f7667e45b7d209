"""Purging: gone from every route at once, and of its bytes nothing stays."""

from typing import Any

import pytest

from tests.support import invariants
from tests.support.aws import FakeAws, make_photo
from tests.support.client import Client


@pytest.fixture
def file_id(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> str:
    """A photo of two versions with their variants."""
    made = fake_aws.upload(client, make_photo(), projectId=project["id"])
    fake_aws.run_workers()
    fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=made["fileId"])
    fake_aws.run_workers()
    return str(made["fileId"])


def test_a_purge_is_a_job(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    answer = client.delete(f"/files/{file_id}?permanent=true")

    assert answer.status == 202
    (job,) = fake_aws.find_rows("main", record_type="job", id=answer.data()["jobId"])
    assert (job["kind"], job["status"]) == ("purge", "pending")


def test_it_is_gone_at_once(client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()

    for path in (f"/files/{file_id}", f"/files/{file_id}/content", f"/files/{file_id}/content?variant=thumb"):
        assert client.get(path).status == 404
    for query in ("", "&sort=name", "&kind=image"):
        assert client.get(f"/files?projectId={project['id']}{query}").data() == []
    assert client.delete(f"/files/{file_id}").status == 404
    assert client.delete(f"/files/{file_id}?permanent=true").status == 404


def test_nothing_of_it_stays(client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, project["id"])
    (job,) = fake_aws.find_rows("main", record_type="job", kind="purge")
    assert job["status"] == "completed"


def test_the_quota_comes_back_once(client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str) -> None:
    kept = fake_aws.upload(client, b"kept", projectId=project["id"], contentType="text/plain")
    client.delete(f"/files/{file_id}?permanent=true").data()
    (message,) = fake_aws.receive_messages("work")

    assert fake_aws.deliver_messages("maintenance", message, message) == {"batchItemFailures": []}
    assert invariants.quota_usage(fake_aws, project["id"]) == (4, 1)
    assert client.get(f"/files/{kept['fileId']}").status == 200


def test_what_lies_in_the_trash_is_purged_as_well(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str
) -> None:
    client.delete(f"/files/{file_id}").data()
    client.delete(f"/files/{file_id}?permanent=true").data()
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, project["id"])


def test_a_purge_overtakes_the_move_into_the_trash(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str
) -> None:
    client.delete(f"/files/{file_id}").data()
    client.delete(f"/files/{file_id}?permanent=true").data()
    move, purge = fake_aws.receive_messages("work")
    for message in (purge, move):
        assert fake_aws.deliver_messages("maintenance", message) == {"batchItemFailures": []}

    invariants.assert_project_purged(fake_aws, project["id"])


def test_trash_gives_no_quota_back(client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str) -> None:
    before = invariants.quota_usage(fake_aws, project["id"])
    client.delete(f"/files/{file_id}").data()
    fake_aws.run_workers()

    assert invariants.quota_usage(fake_aws, project["id"]) == before


def test_what_is_purged_is_audited_and_told(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()

    (row,) = fake_aws.find_rows("audit", action="files.purge")
    assert (row["actor"], row["target"]) == (client.user["id"], file_id)
    assert len(fake_aws.find_rows("main", record_type="event", type="file.purged")) == 1


@pytest.mark.parametrize("query", ["permanent=maybe", "permanent=", "permanent=true&permanent=false", "permanent=2"])
def test_a_purge_is_asked_for_clearly_or_not_at_all(client: Client, file_id: str, query: str) -> None:
    assert client.delete(f"/files/{file_id}?{query}").status == 422
    assert client.get(f"/files/{file_id}").data()["status"] == "ready"
