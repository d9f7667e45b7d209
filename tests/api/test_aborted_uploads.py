"""The open uploads of a purged project are aborted."""

from typing import Any

import pytest

from holdall.platform import aws
from holdall.projects.service import projects
from holdall.uploads import cleanup, completion, store
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.callers import get_project
from tests.support.client import Client
from tests.support.faults import interleave
from tests.support.uploads import TEXT_FILE, init_upload


def init_uploads(client: Client, fake_aws: FakeAws, count: int) -> list[dict[str, Any]]:
    """Initiate uploads. The objects of the first two are uploaded."""
    open_uploads = [init_upload(client) for _ in range(count)]
    for upload in open_uploads[:2]:
        fake_aws.put_object(upload, b"content")
    return open_uploads


def test_aborted_uploads_release_quota_and_objects_once(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    kept = fake_aws.upload(client, b"kept", **TEXT_FILE)
    open_uploads = init_uploads(client, fake_aws, 3)
    assert cleanup.abort_all(project)
    assert not cleanup.abort_all(project)

    assert {row["state"] for row in invariants.upload_rows(fake_aws, project)} == {"aborted", "completed"}
    assert [fake_aws.list_version_ids(upload["key"]) for upload in open_uploads] == [[], [], []]
    assert invariants.quota_usage(fake_aws, project) == (4, 1)
    assert client.get(f"/files/{kept['fileId']}").status == 200
    invariants.assert_project_consistent(fake_aws, project)
    late = client.post("/files/commit", {"uploadId": open_uploads[0]["uploadId"]})
    assert (late.status, late.problem()["code"]) == (409, "wrong_state")


def test_uploads_are_aborted_in_batches(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    init_uploads(client, fake_aws, 52)
    runs = 0
    while cleanup.abort_all(project):
        runs += 1

    assert runs == 2
    assert invariants.quota_usage(fake_aws, project) == (0, 0)
    invariants.assert_project_consistent(fake_aws, project)


def test_all_pages_of_versions_are_deleted(client: Client, fake_aws: FakeAws) -> None:
    """A form can be posted more often than S3 lists versions at once. The pages are smaller here."""
    [upload] = init_uploads(client, fake_aws, 1)
    for _ in range(6):
        fake_aws.s3.put_object(Bucket="originals", Key=upload["key"], Body=b"content")
    events, name = aws.client("s3").meta.events, "provide-client-params.s3.ListObjectVersions"

    def make_pages_small(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "MaxKeys": 3}

    events.register(name, make_pages_small)
    try:
        assert cleanup.abort_all(users.personal_project_id(client))
    finally:
        events.unregister(name, make_pages_small)

    assert fake_aws.list_version_ids(upload["key"]) == []


def test_interrupted_abort_is_continued(client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    project = users.personal_project_id(client)
    open_uploads = init_uploads(client, fake_aws, 2)
    with monkeypatch.context() as patch:
        patch.setattr("holdall.platform.storage.list_versions", lambda key: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cleanup.abort_all(project)
    assert invariants.quota_usage(fake_aws, project) == (0, 0)
    assert fake_aws.list_version_ids(open_uploads[0]["key"]) != []

    while cleanup.abort_all(project):
        pass
    assert [fake_aws.list_version_ids(upload["key"]) for upload in open_uploads] == [[], []]
    assert invariants.quota_usage(fake_aws, project) == (0, 0)


def test_object_that_arrives_after_the_project_was_deleted_is_deleted(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    (upload,) = init_uploads(client, fake_aws, 1)
    while cleanup.abort_all(project):
        pass
    fake_aws.dynamodb.Table("main").delete_item(Key={"pk": f"PROJECT#{project}", "sk": "PROJECT"})
    assert projects.get_or_none(project) is None
    late = fake_aws.put_object(upload, b"content")

    assert fake_aws.notify_object_created(upload["key"], late) == {"batchItemFailures": []}
    assert fake_aws.list_version_ids(upload["key"]) == []


def test_upload_that_is_committed_meanwhile_is_not_aborted(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    (upload,) = init_uploads(client, fake_aws, 1)

    def commit() -> None:
        stored = store.get_or_none(upload["uploadId"])
        assert stored is not None
        completion.complete(get_project(project), stored)

    with interleave("TransactWriteItems", commit):
        cleanup.abort_all(project)

    assert [version["number"] for version in invariants.stored_versions(fake_aws, project)] == [1]
    assert fake_aws.list_version_ids(upload["key"]) != []
    assert invariants.quota_usage(fake_aws, project) == (7, 1)
    invariants.assert_project_consistent(fake_aws, project)
