"""The retention of the trash, which a nightly task obeys."""

from typing import Any

import pytest

from holdall.files import trash
from holdall.maintenance import retention
from holdall.maintenance.model import EmptyTrash
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture
def project_id(frozen_clock: FrozenClock, client: Client) -> str:
    """Return the ID of a project that keeps its trash for a week."""
    body = {"name": "Holiday", "settings": {"retentionDays": 7}}
    return str(client.post("/projects", body).created()["id"])


def trash_files(client: Client, fake_aws: FakeAws, project_id: str, count: int = 1) -> list[str]:
    file_ids = [fake_aws.upload(client, b"x", projectId=project_id, **TEXT_FILE)["fileId"] for _ in range(count)]
    for file_id in file_ids:
        client.delete(f"/files/{file_id}").data()
    return file_ids


def run_nightly_task(fake_aws: FakeAws) -> None:
    fake_aws.run_task("empty-trash")
    fake_aws.run_workers()


def listed(client: Client, project_id: str) -> list[str]:
    client = users.sign_in(client.user["email"])  # its token has expired
    return [file["id"] for file in client.get(f"/trash?projectId={project_id}").data()]


def test_files_are_purged_when_their_time_in_the_trash_is_over(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project_id: str
) -> None:
    (old,) = trash_files(client, fake_aws, project_id)
    frozen_clock.advance(minutes=1)
    (new,) = trash_files(client, fake_aws, project_id)
    frozen_clock.advance(days=6, hours=23, minutes=58)
    run_nightly_task(fake_aws)
    assert listed(client, project_id) == [new, old]

    frozen_clock.advance(minutes=1, seconds=1)
    run_nightly_task(fake_aws)
    assert listed(client, project_id) == [new]
    invariants.assert_project_consistent(fake_aws, project_id)

    frozen_clock.advance(days=1)
    run_nightly_task(fake_aws)
    invariants.assert_project_purged(fake_aws, project_id)
    assert fake_aws.find_rows("audit", action="files.purge") == []  # no one did it
    assert len(fake_aws.find_rows("main", record_type="event", type="file.purged")) == 2


def test_long_trash_is_purged_in_batches(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trash_files(client, fake_aws, project_id, count=5)
    frozen_clock.advance(days=8)
    monkeypatch.setattr(retention, "_BATCH_SIZE", 2)
    run_nightly_task(fake_aws)

    invariants.assert_project_purged(fake_aws, project_id)


def test_project_without_the_setting_keeps_its_trash(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws
) -> None:
    own_project = users.personal_project_id(client)
    file_ids = trash_files(client, fake_aws, own_project)
    frozen_clock.advance(days=4000)
    run_nightly_task(fake_aws)

    assert listed(client, own_project) == file_ids


@pytest.mark.parametrize(("days", "is_purged"), [(None, False), (30, False), (3, True)])
def test_setting_of_the_night_counts(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project_id: str, *, days: int | None, is_purged: bool
) -> None:
    trash_files(client, fake_aws, project_id)
    frozen_clock.advance(days=5 if is_purged else 8)
    owner = users.sign_in(client.user["email"])
    owner.request("PATCH", f"/projects/{project_id}", {"settings": {"retentionDays": days}}).data()
    fake_aws.deliver_messages("maintenance", EmptyTrash(project_id).to_json())
    fake_aws.run_workers()

    assert (listed(client, project_id) == []) == is_purged


def test_trash_of_a_deleted_project_is_kept(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project_id: str
) -> None:
    file_ids = trash_files(client, fake_aws, project_id)
    frozen_clock.advance(days=8)
    owner = users.sign_in(client.user["email"])
    owner.delete(f"/projects/{project_id}").data()
    run_nightly_task(fake_aws)
    owner.post(f"/projects/{project_id}/restore").data()

    assert listed(client, project_id) == file_ids


@pytest.mark.parametrize("change", ["restore", "purge"])
def test_file_that_is_restored_or_purged_meanwhile_is_left_alone(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project_id: str, change: str
) -> None:
    (file_id,) = trash_files(client, fake_aws, project_id)
    frozen_clock.advance(days=8)
    faster: Any = trash.restore if change == "restore" else trash.purge
    with interleave("TransactWriteItems", lambda: faster(make_caller(client), file_id)):
        assert fake_aws.deliver_messages("maintenance", EmptyTrash(project_id).to_json()) == NO_FAILURES
    fake_aws.run_workers()

    if change == "purge":
        invariants.assert_project_purged(fake_aws, project_id)
        assert len(fake_aws.find_rows("main", record_type="job", kind="purge")) == 1
    else:
        assert users.sign_in(client.user["email"]).get(f"/files/{file_id}").data()["status"] == "ready"


def test_file_that_the_last_release_moved_to_the_trash_is_due_by_its_last_change(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project_id: str
) -> None:
    (file_id,) = trash_files(client, fake_aws, project_id)
    table = fake_aws.dynamodb.Table("main")
    key = {"pk": f"FILE#{file_id}", "sk": "FILE"}
    table.update_item(Key=key, UpdateExpression="REMOVE deleted_at")
    frozen_clock.advance(days=8)
    run_nightly_task(fake_aws)

    invariants.assert_project_purged(fake_aws, project_id)
