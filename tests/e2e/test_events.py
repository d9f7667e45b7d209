"""Events of S3 that come twice, late, in any order, or about unknown keys, and bytes that arrive too late."""

from typing import Any
from urllib.parse import quote_plus

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support import image_samples as images
from tests.support.e2e.actions import (
    commit_upload,
    create_project,
    init_upload,
    upload_bytes,
    wait_for,
    wait_until_processed,
)
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client

_TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "any", "RequestId": "1", "HostId": "2"}


@pytest.fixture(autouse=True)
def _no_dead_letters(aws_state: AwsState) -> Any:
    """Check after each test that no message is left in a queue or a dead-letter queue."""
    yield
    aws_state.wait_until_queues_empty()
    assert aws_state.dead_letter_counts() == {"Objects": 0, "Images": 0, "Work": 0, "Mail": 0}


def s3_event(key: str, version_id: str, *, event_name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """Return an event of S3 (Amazon S3 user guide, "Event message structure")."""
    stored_object = {
        "key": quote_plus(key),
        "size": 1,
        "eTag": "0",
        "versionId": version_id,
        "sequencer": "0055AED6DCD90281E5",
    }
    record = {
        "eventVersion": "2.3",
        "eventSource": "aws:s3",
        "eventName": event_name,
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "originals"}, "object": stored_object},
    }
    return {"Records": [record]}


def test_repeated_late_and_reordered_events_change_nothing(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(40)
    upload = init_upload(client, photo, projectId=project_id, autoCommit=True)
    early = s3_event(upload["key"], "null")  # the object does not exist yet
    aws_state.send_object_events(early, early)
    aws_state.wait_until_queues_empty()

    assert upload_bytes(upload, photo).status == 200
    file = wait_until_processed(client, upload["fileId"])
    ((_, version_id),) = aws_state.originals(project_id)
    put, copied = (
        s3_event(upload["key"], version_id),
        s3_event(upload["key"], version_id, event_name="ObjectCreated:Copy"),
    )
    aws_state.send_object_events(put, copied, put, early, put, copied, early, put, copied, put)
    aws_state.wait_until_queues_empty()

    assert client.get(f"/files/{file['id']}").data() == file
    assert aws_state.originals(project_id) == [(upload["key"], version_id)]
    assert [(job["kind"], job["status"]) for job in aws_state.jobs(project_id)] == [("render", "completed")]
    assert len(aws_state.variants(project_id)) == 1
    assert aws_state.recorded_quota(project_id) == (len(photo), 1)


def test_events_of_two_versions_may_arrive_in_reverse_order(client: Client, aws_state: AwsState) -> None:
    project_id, old, new = create_project(client), images.make_noise_photo(41), images.make_noise_photo(42, 200, 100)
    file_id = commit_upload(client, _upload_uncommitted(client, old, projectId=project_id)).data()["fileId"]
    second = _upload_uncommitted(client, new, projectId=project_id, fileId=file_id, autoCommit=True)
    wait_for(lambda: client.get(f"/files/{file_id}").data()["width"] == 200)

    for key, version_id in reversed(aws_state.originals(project_id)):
        aws_state.send_object_events(s3_event(key, version_id))
    aws_state.wait_until_queues_empty()

    assert [version["number"] for version in aws_state.versions(file_id)] == [1, 2]
    assert len(aws_state.originals(project_id)) == 2
    assert commit_upload(client, second).data()["version"] == 2


@pytest.mark.parametrize(
    "key",
    [
        "holiday-000000000000/files/00000000000000000000000000.txt",
        "not a key of Holdall",
        "../../etc/passwd",
        "Grüße/ä+b c.jpg",
        "x" * 1024,
    ],
)
def test_event_of_an_unknown_key_is_acknowledged(key: str, aws_state: AwsState) -> None:
    aws_state.send_object_events(s3_event(key, "null"))
    aws_state.wait_until_queues_empty()


def test_object_of_an_operator_is_kept(deployment: E2EEnvironment, client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client)
    key = f"holiday-photos-{project_id}/files/00000000000000000000000000.txt"

    aws_state.s3.put_object(Bucket=aws_state.outputs["OriginalsBucket"], Key=key, Body=b"manual")
    aws_state.wait_until_queues_empty()

    assert [found for found, _ in aws_state.originals(project_id)] == [key]


def test_test_event_of_s3_is_acknowledged(aws_state: AwsState) -> None:
    aws_state.send_object_events(_TEST_EVENT)
    aws_state.wait_until_queues_empty()


def test_object_over_a_pinned_version_is_deleted_and_never_served(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(43)
    upload = _upload_uncommitted(client, photo, projectId=project_id)
    commit_upload(client, upload)
    file = wait_until_processed(client, upload["fileId"])
    pinned = aws_state.originals(project_id)

    aws_state.s3.put_object(Bucket=aws_state.outputs["OriginalsBucket"], Key=upload["key"], Body=b"something else")
    wait_for(lambda: aws_state.originals(project_id) == pinned)

    assert client.get(f"/files/{file['id']}").data() == file


def test_schedule_expires_an_upload_and_deletes_its_bytes(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(44)
    expired, other = (
        _upload_uncommitted(client, photo, projectId=project_id),
        init_upload(client, photo, projectId=project_id),
    )
    assert aws_state.recorded_quota(project_id) == (2 * len(photo), 2)
    aws_state.expire_upload_deadline(expired["uploadId"])

    wait_for(lambda: aws_state.upload_row(expired["uploadId"])["state"] == "expired", 90)
    wait_for(lambda: aws_state.originals(project_id) == [])

    assert aws_state.recorded_quota(project_id) == (len(photo), 1)
    commit_upload(client, expired).problem(409, "wrong_state")
    client.get(f"/files/{expired['fileId']}").problem(404, "not_found")
    assert aws_state.upload_row(other["uploadId"])["state"] == "open"


@pytest.mark.parametrize("auto_commit", [False, True], ids=["by-commit", "by-arrival"])
def test_bytes_that_arrive_after_the_expiry_are_deleted(auto_commit: bool, client: Client, aws_state: AwsState) -> None:  # noqa: FBT001
    project_id, photo = create_project(client), images.make_noise_photo(45)
    upload = init_upload(client, photo, projectId=project_id, autoCommit=auto_commit)
    aws_state.expire_upload_deadline(upload["uploadId"])
    for _ in range(3):  # two overlapping runs of the schedule, and another one
        aws_state.invoke("maintenance", {"task": "expire-uploads"})
    wait_for(lambda: aws_state.upload_row(upload["uploadId"])["state"] == "expired")
    aws_state.wait_until_queues_empty()
    assert aws_state.recorded_quota(project_id) == (0, 0)

    assert upload_bytes(upload, photo).status == 200  # S3 does not know the deadline
    wait_for(lambda: aws_state.originals(project_id) == [])

    commit_upload(client, upload).problem(409, "wrong_state")
    aws_state.wait_until_queues_empty()
    assert (aws_state.originals(project_id), aws_state.variants(project_id)) == ([], [])
    assert aws_state.recorded_quota(project_id) == (0, 0)
    client.get(f"/files/{upload['fileId']}").problem(404, "not_found")


def test_bytes_that_arrive_after_the_purge_are_deleted(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(46)
    upload = _upload_uncommitted(client, photo, projectId=project_id)
    commit_upload(client, upload)
    wait_until_processed(client, upload["fileId"])
    client.delete(f"/files/{upload['fileId']}?permanent=true").data()
    wait_for(lambda: aws_state.originals(project_id) == [])
    aws_state.wait_until_queues_empty()

    assert upload_bytes(upload, photo).status == 200

    wait_for(lambda: aws_state.originals(project_id) == [])
    assert aws_state.recorded_quota(project_id) == (0, 0)
    assert aws_state.versions(upload["fileId"]) == []


def _upload_uncommitted(client: Client, content: bytes, **overrides: Any) -> Any:
    upload = init_upload(client, content, **overrides)
    assert upload_bytes(upload, content).status == 200
    return upload
