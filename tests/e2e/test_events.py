"""What S3 tells: twice, late, in any order, of things that nobody knows. And bytes that come when nobody waits."""

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
    """No event, whatever it says, ends in a dead-letter queue or stays in its queue."""
    yield
    aws_state.wait_until_queues_empty()
    assert aws_state.dead_letter_counts() == {"Objects": 0, "Images": 0, "Work": 0, "Mail": 0}


def s3_event(key: str, version_id: str, *, event_name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """An event as S3 writes it (Amazon S3 user guide, "Event message structure")."""
    stored = {
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
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "originals"}, "object": stored},
    }
    return {"Records": [record]}


def test_events_told_twice_late_and_in_any_order_change_nothing(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(40)
    begun = init_upload(client, photo, projectId=project_id, autoCommit=True)
    early = s3_event(begun["key"], "null")  # of an object that is not there yet
    aws_state.send_object_events(early, early)
    aws_state.wait_until_queues_empty()

    assert upload_bytes(begun, photo).status == 200
    file = wait_until_processed(client, begun["fileId"])
    ((_, version_id),) = aws_state.originals(project_id)
    put, copied = (
        s3_event(begun["key"], version_id),
        s3_event(begun["key"], version_id, event_name="ObjectCreated:Copy"),
    )
    aws_state.send_object_events(put, copied, put, early, put, copied, early, put, copied, put)
    aws_state.wait_until_queues_empty()

    assert client.get(f"/files/{file['id']}").data() == file
    assert aws_state.originals(project_id) == [(begun["key"], version_id)]
    assert [(job["kind"], job["status"]) for job in aws_state.jobs(project_id)] == [("render", "completed")]
    assert len(aws_state.variants(project_id)) == 1
    assert aws_state.recorded_quota(project_id) == (len(photo), 1)


def test_events_of_two_versions_in_the_wrong_order_end_the_same(client: Client, aws_state: AwsState) -> None:
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
        "nothing of ours",
        "../../etc/passwd",
        "Grüße/ä+b c.jpg",
        "x" * 1024,
    ],
)
def test_an_event_of_an_unknown_key_is_acknowledged(key: str, aws_state: AwsState) -> None:
    aws_state.send_object_events(s3_event(key, "null"))
    aws_state.wait_until_queues_empty()


def test_an_object_that_an_operator_put_there_stays(
    deployment: E2EEnvironment, client: Client, aws_state: AwsState
) -> None:
    project_id = create_project(client)
    key = f"holiday-photos-{project_id}/files/00000000000000000000000000.txt"

    aws_state.s3.put_object(Bucket=aws_state.outputs["OriginalsBucket"], Key=key, Body=b"by hand")
    aws_state.wait_until_queues_empty()

    assert [found for found, _ in aws_state.originals(project_id)] == [key]


def test_the_event_that_tests_the_notification_is_acknowledged(aws_state: AwsState) -> None:
    aws_state.send_object_events(_TEST_EVENT)
    aws_state.wait_until_queues_empty()


def test_what_is_written_over_a_pinned_version_is_removed_and_never_served(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(43)
    begun = _upload_uncommitted(client, photo, projectId=project_id)
    commit_upload(client, begun)
    file = wait_until_processed(client, begun["fileId"])
    pinned = aws_state.originals(project_id)

    aws_state.s3.put_object(Bucket=aws_state.outputs["OriginalsBucket"], Key=begun["key"], Body=b"something else")
    wait_for(lambda: aws_state.originals(project_id) == pinned)

    assert client.get(f"/files/{file['id']}").data() == file


def test_the_schedule_ends_an_upload_whose_time_is_over_and_takes_its_bytes_away(
    client: Client, aws_state: AwsState
) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(44)
    begun, other = (
        _upload_uncommitted(client, photo, projectId=project_id),
        init_upload(client, photo, projectId=project_id),
    )
    assert aws_state.recorded_quota(project_id) == (2 * len(photo), 2)
    aws_state.expire_upload_deadline(begun["uploadId"])

    wait_for(lambda: aws_state.upload_row(begun["uploadId"])["state"] == "expired", 90)
    wait_for(lambda: aws_state.originals(project_id) == [])

    assert aws_state.recorded_quota(project_id) == (len(photo), 1)
    commit_upload(client, begun).problem(409, "wrong_state")
    client.get(f"/files/{begun['fileId']}").problem(404, "not_found")
    assert aws_state.upload_row(other["uploadId"])["state"] == "open"


@pytest.mark.parametrize("auto_commit", [False, True], ids=["by-commit", "by-arrival"])
def test_bytes_that_arrive_after_the_end_leave_nothing(auto_commit: bool, client: Client, aws_state: AwsState) -> None:  # noqa: FBT001
    project_id, photo = create_project(client), images.make_noise_photo(45)
    begun = init_upload(client, photo, projectId=project_id, autoCommit=auto_commit)
    aws_state.expire_upload_deadline(begun["uploadId"])
    for _ in range(3):  # two runs of the schedule that overlap, and one more
        aws_state.invoke("maintenance", {"task": "expire-uploads"})
    wait_for(lambda: aws_state.upload_row(begun["uploadId"])["state"] == "expired")
    aws_state.wait_until_queues_empty()
    assert aws_state.recorded_quota(project_id) == (0, 0)

    assert upload_bytes(begun, photo).status == 200  # the URL was signed before, and S3 knows of no deadline of ours
    wait_for(lambda: aws_state.originals(project_id) == [])

    commit_upload(client, begun).problem(409, "wrong_state")
    aws_state.wait_until_queues_empty()
    assert (aws_state.originals(project_id), aws_state.variants(project_id)) == ([], [])
    assert aws_state.recorded_quota(project_id) == (0, 0)
    client.get(f"/files/{begun['fileId']}").problem(404, "not_found")


def test_bytes_that_arrive_after_the_purge_leave_nothing(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(46)
    begun = _upload_uncommitted(client, photo, projectId=project_id)
    commit_upload(client, begun)
    wait_until_processed(client, begun["fileId"])
    client.delete(f"/files/{begun['fileId']}?permanent=true").data()
    wait_for(lambda: aws_state.originals(project_id) == [])
    aws_state.wait_until_queues_empty()

    assert upload_bytes(begun, photo).status == 200

    wait_for(lambda: aws_state.originals(project_id) == [])
    assert aws_state.recorded_quota(project_id) == (0, 0)
    assert aws_state.versions(begun["fileId"]) == []


def _upload_uncommitted(client: Client, content: bytes, **overrides: Any) -> Any:
    begun = init_upload(client, content, **overrides)
    assert upload_bytes(begun, content).status == 200
    return begun
