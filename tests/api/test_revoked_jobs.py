"""A running job whose project is deleted, or whose caller loses the right to it (R9)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import invariants
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.projects import (
    change_member_role,
    create_api_key_client,
    create_member,
    delete_project,
    remove_member,
    transfer_ownership,
)
from tests.support.variants import run_until_drained, set_variants, sync_variants, variant_prefixes

_WIDE = [{"name": "wide", "width": 7}]
Revocation = Callable[[Client, dict[str, Any], Client, FakeAws], object]

REVOCATIONS: dict[str, Revocation] = {
    "removed": lambda owner, project, member, _: remove_member(owner, project["id"], member.user["id"]),
    "demoted": lambda owner, project, member, _: change_member_role(owner, project["id"], member.user["id"], "viewer"),
    "disabled": lambda owner, project, member, fake_aws: fake_aws.update_row(
        f"USER#{member.user['id']}", "USER", status="disabled"
    ),
    "project deleted": lambda owner, project, member, _: delete_project(owner, project),
}


def get_job(fake_aws: FakeAws, job_id: str) -> tuple[str, str | None]:
    (row,) = fake_aws.find_rows("main", record_type="job", id=job_id)
    return row["status"], row.get("reason")


def run_one_part(fake_aws: FakeAws) -> None:
    (message,) = fake_aws.receive_messages("work")
    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES


@pytest.fixture
def three_photos(client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Upload three photos that need other variants. Each run of a job on the project does one of them."""
    monkeypatch.setattr("holdall.variants.sync._BATCH_SIZE", 1)
    monkeypatch.setattr("holdall.maintenance.project_jobs._BATCH_SIZE", 1)
    fake_aws.upload_photos(client, project, 3)
    set_variants(client, project, _WIDE)


@pytest.mark.usefixtures("three_photos")
@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_sync_ends_when_its_caller_loses_the_right(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], revocation: str
) -> None:
    member = create_member(client, project["id"], fake_aws, "editor")
    job_id = sync_variants(member, project).data()["jobId"]
    run_one_part(fake_aws)
    REVOCATIONS[revocation](client, project, member, fake_aws)
    run_until_drained(fake_aws)

    assert get_job(fake_aws, job_id) == ("failed", "not_permitted")
    rendered = [row for row in fake_aws.find_rows("main", record_type="job", kind="render") if row["attempt"]]
    assert len(rendered) == 3 + 1  # the photos themselves, and what the first part had begun
    invariants.assert_project_consistent(fake_aws, project["id"])


@pytest.mark.usefixtures("three_photos")
@pytest.mark.parametrize("key_is_deleted", [True, False])
def test_sync_ends_when_its_api_key_is_deleted(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], *, key_is_deleted: bool
) -> None:
    key = create_api_key_client(client, project["id"])
    job_id = sync_variants(key, project).data()["jobId"]
    run_one_part(fake_aws)
    if key_is_deleted:
        client.delete(f"/projects/{project['id']}/keys/{key.key_id}")
    run_until_drained(fake_aws)

    assert get_job(fake_aws, job_id) == (("failed", "not_permitted") if key_is_deleted else ("completed", None))


@pytest.mark.usefixtures("three_photos")
def test_sync_that_an_owner_requests_again_is_not_ended_by_the_removal_of_the_first_caller(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    key = create_api_key_client(client, project["id"])
    job_id = sync_variants(key, project).data()["jobId"]
    run_one_part(fake_aws)
    assert sync_variants(client, project).data()["jobId"] == job_id
    client.delete(f"/projects/{project['id']}/keys/{key.key_id}")
    run_until_drained(fake_aws)

    assert get_job(fake_aws, job_id) == ("completed", None)


@pytest.mark.usefixtures("three_photos")
def test_move_to_private_is_completed_although_its_caller_left(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    """It keeps a promise of the project, so it does not need the right of a person."""
    other = create_member(client, project["id"], fake_aws, "editor")
    client.request("PATCH", f"/projects/{project['id']}", {"settings": {"visibility": "private"}}).data()
    run_one_part(fake_aws)
    transfer_ownership(client, project["id"], other.user["id"]).data()
    remove_member(other, project["id"], client.user["id"])
    run_until_drained(fake_aws)

    assert variant_prefixes(fake_aws, project["id"]) == ["private"] * 3


@pytest.mark.usefixtures("three_photos")
@pytest.mark.parametrize("permanently", [False, True])
def test_rendering_of_a_project_that_is_deleted_meanwhile_leaves_nothing_public(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], *, permanently: bool
) -> None:
    sync_variants(client, project).data()
    run_one_part(fake_aws)
    delete_project(client, project, "?permanent=true" if permanently else "").data()
    run_until_drained(fake_aws)

    assert set(variant_prefixes(fake_aws, project["id"])) == (set() if permanently else {"private"})
