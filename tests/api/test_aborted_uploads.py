"""The open uploads of a project that is purged: ended before their time, once, with what was sent."""

from typing import Any

import pytest

from holdall.projects.service import projects
from holdall.uploads import service as uploads
from holdall.uploads import store
from tests.support import invariants, users
from tests.support.aws import FakeAws, make_upload_request
from tests.support.callers import get_project
from tests.support.client import Client
from tests.support.faults import interleave

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def init_uploads(client: Client, fake_aws: FakeAws, number: int) -> list[dict[str, Any]]:
    """Open uploads; the bytes of the first two have arrived."""
    made = [
        client.post("/files/init-upload", make_upload_request(b"content", **TEXT_FILE)).created() for _ in range(number)
    ]
    for each in made[:2]:
        fake_aws.put_object(each, b"content")
    return made


def test_they_are_ended_with_what_was_sent(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    kept = fake_aws.upload(client, b"kept", **TEXT_FILE)
    open_ones = init_uploads(client, fake_aws, 3)
    assert uploads.abort_all(project)
    assert not uploads.abort_all(project)

    assert {row["state"] for row in invariants.upload_rows(fake_aws, project)} == {"aborted", "completed"}
    assert [fake_aws.list_version_ids(each["key"]) for each in open_ones] == [[], [], []]
    assert invariants.quota_usage(fake_aws, project) == (4, 1)
    assert client.get(f"/files/{kept['fileId']}").status == 200
    invariants.assert_project_consistent(fake_aws, project)
    late = client.post("/files/commit", {"uploadId": open_ones[0]["uploadId"]})
    assert (late.status, late.problem()["code"]) == (409, "wrong_state")


def test_more_than_fifty_are_ended_by_and_by(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    init_uploads(client, fake_aws, 52)
    runs = 0
    while uploads.abort_all(project):
        runs += 1

    assert runs == 2
    assert invariants.quota_usage(fake_aws, project) == (0, 0)
    invariants.assert_project_consistent(fake_aws, project)


def test_a_run_that_was_stopped_half_way_is_done_again(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = users.personal_project_id(client)
    open_ones = init_uploads(client, fake_aws, 2)
    with monkeypatch.context() as patch:
        patch.setattr("holdall.platform.storage.list_versions", lambda key: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            uploads.abort_all(project)
    assert invariants.quota_usage(fake_aws, project) == (0, 0)
    assert fake_aws.list_version_ids(open_ones[0]["key"]) != []

    while uploads.abort_all(project):
        pass
    assert [fake_aws.list_version_ids(each["key"]) for each in open_ones] == [[], []]
    assert invariants.quota_usage(fake_aws, project) == (0, 0)


def test_what_is_sent_after_the_project_has_gone_is_removed(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    (upload,) = init_uploads(client, fake_aws, 1)
    while uploads.abort_all(project):
        pass
    fake_aws.dynamodb.Table("main").delete_item(Key={"pk": f"PROJECT#{project}", "sk": "PROJECT"})
    assert projects.get_or_none(project) is None
    late = fake_aws.put_object(upload, b"content")

    assert fake_aws.notify_object_created(upload["key"], late) == {"batchItemFailures": []}
    assert fake_aws.list_version_ids(upload["key"]) == []


def test_one_that_is_committed_at_that_moment_stays(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    (upload,) = init_uploads(client, fake_aws, 1)

    def commit() -> None:
        found = store.get_or_none(upload["uploadId"])
        assert found is not None
        uploads.complete(get_project(project), found)

    with interleave("TransactWriteItems", commit):
        uploads.abort_all(project)

    assert [each["number"] for each in invariants.stored_versions(fake_aws, project)] == [1]
    assert fake_aws.list_version_ids(upload["key"]) != []
    assert invariants.quota_usage(fake_aws, project) == (7, 1)
    invariants.assert_project_consistent(fake_aws, project)
