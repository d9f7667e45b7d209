"""What S3 tells: twice, late, in any order, of things that nobody knows. And bytes that come when nobody waits."""

from typing import Any
from urllib.parse import quote_plus

import pytest

from infra.local.testing import Running
from tests.stack import pictures
from tests.stack.client import Client
from tests.stack.state import State
from tests.stack.work import begin, comes_true, commit, finished, new_project, send

_TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "any", "RequestId": "1", "HostId": "2"}


@pytest.fixture(autouse=True)
def nothing_is_lost(state: State) -> Any:
    """No event, whatever it says, ends in a dead-letter queue or stays in its queue."""
    yield
    state.settle()
    assert state.dead_letters() == {"Objects": 0, "Images": 0, "Work": 0, "Mail": 0}


def told(key: str, version_id: str, *, name: str = "ObjectCreated:Put") -> dict[str, Any]:
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
        "eventName": name,
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "originals"}, "object": stored},
    }
    return {"Records": [record]}


def test_events_told_twice_late_and_in_any_order_change_nothing(client: Client, state: State) -> None:
    project_id, photo = new_project(client), pictures.photo(40)
    begun = begin(client, photo, projectId=project_id, autoCommit=True)
    early = told(begun["key"], "null")  # of an object that is not there yet
    state.tell_objects(early, early)
    state.settle()

    assert send(begun, photo).status == 200
    file = finished(client, begun["fileId"])
    ((_, version_id),) = state.originals(project_id)
    put, copied = told(begun["key"], version_id), told(begun["key"], version_id, name="ObjectCreated:Copy")
    state.tell_objects(put, copied, put, early, put, copied, early, put, copied, put)
    state.settle()

    assert client.get(f"/files/{file['id']}").data() == file
    assert state.originals(project_id) == [(begun["key"], version_id)]
    assert [(job["kind"], job["status"]) for job in state.jobs(project_id)] == [("render", "completed")]
    assert len(state.variants(project_id)) == 1
    assert state.quota(project_id) == (len(photo), 1)


def test_events_of_two_versions_in_the_wrong_order_end_the_same(client: Client, state: State) -> None:
    project_id, old, new = new_project(client), pictures.photo(41), pictures.photo(42, 200, 100)
    file_id = commit(client, _sent(client, old, projectId=project_id)).data()["fileId"]
    second = _sent(client, new, projectId=project_id, fileId=file_id, autoCommit=True)
    comes_true(lambda: client.get(f"/files/{file_id}").data()["width"] == 200)

    for key, version_id in reversed(state.originals(project_id)):
        state.tell_objects(told(key, version_id))
    state.settle()

    assert [version["number"] for version in state.versions(file_id)] == [1, 2]
    assert len(state.originals(project_id)) == 2
    assert commit(client, second).data()["version"] == 2


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
def test_an_event_of_an_unknown_key_is_acknowledged(key: str, state: State) -> None:
    state.tell_objects(told(key, "null"))
    state.settle()


def test_an_object_that_an_operator_put_there_stays(deployed: Running, client: Client, state: State) -> None:
    project_id = new_project(client)
    key = f"holiday-photos-{project_id}/files/00000000000000000000000000.txt"

    state.s3.put_object(Bucket=state.outputs["OriginalsBucket"], Key=key, Body=b"by hand")
    state.settle()

    assert [found for found, _ in state.originals(project_id)] == [key]


def test_the_event_that_tests_the_notification_is_acknowledged(state: State) -> None:
    state.tell_objects(_TEST_EVENT)
    state.settle()


def test_what_is_written_over_a_pinned_version_is_removed_and_never_served(client: Client, state: State) -> None:
    project_id, photo = new_project(client), pictures.photo(43)
    begun = _sent(client, photo, projectId=project_id)
    commit(client, begun)
    file = finished(client, begun["fileId"])
    pinned = state.originals(project_id)

    state.s3.put_object(Bucket=state.outputs["OriginalsBucket"], Key=begun["key"], Body=b"something else")
    comes_true(lambda: state.originals(project_id) == pinned)

    assert client.get(f"/files/{file['id']}").data() == file


def test_the_schedule_ends_an_upload_whose_time_is_over_and_takes_its_bytes_away(client: Client, state: State) -> None:
    project_id, photo = new_project(client), pictures.photo(44)
    begun, other = _sent(client, photo, projectId=project_id), begin(client, photo, projectId=project_id)
    assert state.quota(project_id) == (2 * len(photo), 2)
    state.let_pass(begun["uploadId"])

    comes_true(lambda: state.upload(begun["uploadId"])["state"] == "expired", 90)
    comes_true(lambda: state.originals(project_id) == [])

    assert state.quota(project_id) == (len(photo), 1)
    commit(client, begun).problem(409, "wrong_state")
    client.get(f"/files/{begun['fileId']}").problem(404, "not_found")
    assert state.upload(other["uploadId"])["state"] == "open"


@pytest.mark.parametrize("auto_commit", [False, True], ids=["by-commit", "by-arrival"])
def test_bytes_that_arrive_after_the_end_leave_nothing(auto_commit: bool, client: Client, state: State) -> None:  # noqa: FBT001
    project_id, photo = new_project(client), pictures.photo(45)
    begun = begin(client, photo, projectId=project_id, autoCommit=auto_commit)
    state.let_pass(begun["uploadId"])
    for _ in range(3):  # two runs of the schedule that overlap, and one more
        state.invoke("maintenance", {"task": "expire-uploads"})
    comes_true(lambda: state.upload(begun["uploadId"])["state"] == "expired")
    state.settle()
    assert state.quota(project_id) == (0, 0)

    assert send(begun, photo).status == 200  # the URL was signed before, and S3 knows of no deadline of ours
    comes_true(lambda: state.originals(project_id) == [])

    commit(client, begun).problem(409, "wrong_state")
    state.settle()
    assert (state.originals(project_id), state.variants(project_id)) == ([], [])
    assert state.quota(project_id) == (0, 0)
    client.get(f"/files/{begun['fileId']}").problem(404, "not_found")


def test_bytes_that_arrive_after_the_purge_leave_nothing(client: Client, state: State) -> None:
    project_id, photo = new_project(client), pictures.photo(46)
    begun = _sent(client, photo, projectId=project_id)
    commit(client, begun)
    finished(client, begun["fileId"])
    client.delete(f"/files/{begun['fileId']}?permanent=true").data()
    comes_true(lambda: state.originals(project_id) == [])
    state.settle()

    assert send(begun, photo).status == 200

    comes_true(lambda: state.originals(project_id) == [])
    assert state.quota(project_id) == (0, 0)
    assert state.versions(begun["fileId"]) == []


def _sent(client: Client, content: bytes, **said: Any) -> Any:
    begun = begin(client, content, **said)
    assert send(begun, content).status == 200
    return begun
