"""Restorations and deletions of files and versions that fail at any call to AWS end in one of the two results."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import (
    FaultMode,
    FaultScenario,
    assert_job_survives_faults,
    assert_survives_faults,
    run_until_idle,
)
from tests.support.image_samples import make_photo
from tests.support.variants import create_public_project

# A call that is refused has the same effect as a process that ended one call earlier.
each_fault_mode = pytest.mark.parametrize("mode", ["timeout", "crash"])
CHANGES: dict[str, tuple[Callable[[Client, str], Any], tuple[int, ...], list[int]]] = {
    # The request, the statuses of the second one, and the versions in the end.
    "restore a version": (
        lambda client, file_id: client.post(
            f"/files/{file_id}/versions/1/restore", headers={"idempotency-key": "once"}
        ),
        (201,),
        [3, 2, 1],
    ),
    "delete a version": (lambda client, file_id: client.delete(f"/files/{file_id}/versions/1"), (202, 404), [2]),
    "delete the current version": (
        lambda client, file_id: client.delete(f"/files/{file_id}/versions/2"),
        (202, 404),
        [1],
    ),
}


def create_versions(fake_aws: FakeAws) -> tuple[Client, str, str]:
    """Return a client, their public project, and an image in it with two rendered versions."""
    client = users.create_client()
    project_id = create_public_project(client)
    file_id = fake_aws.upload(client, make_photo(), projectId=project_id)["fileId"]
    fake_aws.upload(client, make_photo(color="red"), fileId=file_id)
    fake_aws.render_images()
    return client, project_id, file_id


def originals(fake_aws: FakeAws, project_id: str) -> set[tuple[str, str]]:
    stored = fake_aws.s3.list_object_versions(Bucket="originals").get("Versions", [])
    return {(each["Key"], each["VersionId"]) for each in stored if project_id in each["Key"]}


def assert_clean(fake_aws: FakeAws, project_id: str, numbers: list[int]) -> None:
    """Check that the project has these versions, with their originals and variants, and nothing else."""
    versions = invariants.stored_versions(fake_aws, project_id)
    assert sorted((each["number"] for each in versions), reverse=True) == numbers
    assert {variant["status"] for each in versions for variant in each["variants"]} <= {"ready"}
    assert originals(fake_aws, project_id) == {(each["key"], each["s3_version_id"]) for each in versions}
    invariants.assert_project_consistent(fake_aws, project_id)


@each_fault_mode
@pytest.mark.parametrize("name", CHANGES)
def test_change_of_a_version_is_made_once(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, name: str
) -> None:
    send, statuses, numbers = CHANGES[name]

    def prepare() -> FaultScenario:
        client, project_id, file_id = create_versions(fake_aws)

        def check(again: Any) -> None:
            assert again.status in statuses, again.text
            run_until_idle(fake_aws, frozen_clock)
            assert_clean(fake_aws, project_id, numbers)

        return FaultScenario(lambda: send(client, file_id), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_file_is_restored_once(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, project_id, file_id = create_versions(fake_aws)
        client.delete(f"/files/{file_id}").data()
        fake_aws.run_workers()

        def check(again: Any) -> None:
            assert again.status in (200, 409), again.text
            assert client.get(f"/files/{file_id}").data()["status"] == "ready"
            run_until_idle(fake_aws, frozen_clock)
            assert {key.partition("/")[0] for key in fake_aws.list_keys("variants", project_id)} == {"media"}
            assert_clean(fake_aws, project_id, [2, 1])
            assert len(fake_aws.find_rows("audit", action="files.restore")) == 1

        return FaultScenario(lambda: client.post(f"/files/{file_id}/restore"), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "alone"])
def test_deleted_version_is_purged(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, *, shared: bool
) -> None:
    def prepare() -> Callable[[], None]:
        client, project_id, file_id = create_versions(fake_aws)
        if shared:
            client.post(f"/files/{file_id}/versions/1/restore").created()
            fake_aws.render_images()
        client.delete(f"/files/{file_id}/versions/1").data()
        return lambda: assert_clean(fake_aws, project_id, [3, 2] if shared else [2])

    assert_job_survives_faults(monkeypatch, fake_aws, frozen_clock, mode, prepare)


@each_fault_mode
def test_versions_that_a_project_does_not_keep_are_purged(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> Callable[[], None]:
        client, project_id, file_id = create_versions(fake_aws)
        client.request("PATCH", f"/projects/{project_id}", {"settings": {"keepVersions": 1}}).data()
        client.post(f"/files/{file_id}/versions/1/restore").created()
        fake_aws.render_images()
        return lambda: assert_clean(fake_aws, project_id, [3])

    assert_job_survives_faults(monkeypatch, fake_aws, frozen_clock, mode, prepare)


@each_fault_mode
def test_trash_is_emptied(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> Callable[[], None]:
        client, project_id, file_id = create_versions(fake_aws)
        client.request("PATCH", f"/projects/{project_id}", {"settings": {"retentionDays": 1}}).data()
        client.delete(f"/files/{file_id}").data()
        fake_aws.run_workers()
        frozen_clock.advance(days=2)
        fake_aws.run_task("empty-trash")

        def check() -> None:
            fake_aws.run_task("empty-trash")  # the next night finds what a lost message left
            run_until_idle(fake_aws, frozen_clock)
            invariants.assert_project_purged(fake_aws, project_id)

        return check

    assert_job_survives_faults(monkeypatch, fake_aws, frozen_clock, mode, prepare)
