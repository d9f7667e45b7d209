"""Account deletion removes a user from all projects. The index may be stale, so the record of the member decides (Z4)."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.accounts.service import security
from holdall.iam.service import users
from holdall.platform.pagination import Page, PageRequest
from holdall.projects.model import Membership
from holdall.projects.service import account_deletion
from holdall.projects.service import members as service
from holdall.projects.store import members as store
from tests.support import mailbox
from tests.support import users as people
from tests.support.aws import FakeAws
from tests.support.callers import get_membership_or_none, get_project, make_caller
from tests.support.client import Client, Response
from tests.support.faults import inject_faults, interleave
from tests.support.projects import (
    accept_invitation,
    create_invitation_token,
    create_member,
    create_shared_project,
    get_member_roles,
    remove_member,
    status_and_code,
    transfer_ownership,
)


def delete_own_account(client: Client) -> Response:
    return client.request("DELETE", "/users/me", {"password": people.PASSWORD})


def delete_user(superuser: Client, user: Client) -> Response:
    return superuser.delete(f"/users/{user.user['id']}")


def make_membership_index_stale(monkeypatch: pytest.MonkeyPatch, user_id: str) -> None:
    """Let the list of a user's projects return forever what it returns now."""
    current = store.list_for_user(user_id, PageRequest(100))

    def list_stale(of_user_id: str, _: PageRequest) -> Page[Membership]:
        return current if of_user_id == user_id else Page([])

    monkeypatch.setattr(store, "list_for_user", list_stale)


def get_project_state(fake_aws: FakeAws, project_id: str) -> tuple[str, int, list[str]]:
    """Return the status of a project, its count of owners, and the IDs of its owners."""
    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{project_id}", sk="PROJECT")
    owners = [
        row["user_id"] for row in fake_aws.find_rows("main", record_type="member", project_id=project_id, role="owner")
    ]
    return project["status"], int(project["owner_count"]), sorted(owners)


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_former_owner_deletes_no_project_although_the_index_is_stale(
    client: Client, fake_aws: FakeAws, shared_project: str, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    other = create_member(client, shared_project, fake_aws, role)
    make_membership_index_stale(monkeypatch, client.user["id"])
    transfer_ownership(client, shared_project, other.user["id"]).data()

    assert delete_own_account(client).status == 204
    assert get_project_state(fake_aws, shared_project) == ("active", 1, [other.user["id"]])
    assert get_member_roles(other, shared_project) == {other.user["id"]: "owner"}


def transfer_by_service(client: Client, other: Client, project_id: str) -> None:
    service.transfer_ownership(
        make_caller(client),
        get_project(project_id),
        get_membership_or_none(project_id, client.user["id"]),
        other.user["id"],
    )


def test_project_that_is_transferred_at_the_same_time_stays(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other = create_member(client, shared_project, fake_aws)
    with interleave("TransactWriteItems", lambda: transfer_by_service(client, other, shared_project)):
        account_deletion.remove_from_all_projects(make_caller(client), client.user["id"])

    assert get_project_state(fake_aws, shared_project) == ("active", 1, [other.user["id"]])


def test_project_is_deleted_with_a_user_who_becomes_its_owner_at_the_same_time(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other = create_member(client, shared_project, fake_aws)
    with interleave("TransactWriteItems", lambda: transfer_by_service(client, other, shared_project)):
        account_deletion.remove_from_all_projects(make_caller(other), other.user["id"])

    assert get_project_state(fake_aws, shared_project) == ("deleted", 1, [other.user["id"]])


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
@pytest.mark.parametrize("by", ["user", "administrator"])
def test_stale_index_does_not_stop_a_deletion(
    client: Client, fake_aws: FakeAws, shared_project: str, monkeypatch: pytest.MonkeyPatch, role: str, by: str
) -> None:
    other, superuser = create_member(client, shared_project, fake_aws, role), people.create_superuser()
    make_membership_index_stale(monkeypatch, other.user["id"])
    mailbox.receive_emails(fake_aws)

    assert (delete_own_account(other) if by == "user" else delete_user(superuser, other)).status == 204
    assert get_project_state(fake_aws, shared_project) == ("active", 1, [client.user["id"]])
    assert mailbox.receive_email(fake_aws)["to"] == other.user["email"]
    assert len(fake_aws.find_rows("audit", action="members.remove")) == 1


def test_removed_member_is_not_removed_again(
    client: Client, fake_aws: FakeAws, shared_project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create_member(client, shared_project, fake_aws, "editor")
    make_membership_index_stale(monkeypatch, other.user["id"])
    remove_member(client, shared_project, other.user["id"])

    assert delete_own_account(other).status == 204
    assert len(fake_aws.find_rows("audit", action="members.remove")) == 1


def test_member_of_a_deleted_project_is_removed(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    other, another = (
        create_member(client, shared_project, fake_aws, "editor"),
        create_member(client, shared_project, fake_aws, "owner"),
    )
    client.delete(f"/projects/{shared_project}").data()

    assert (delete_own_account(other).status, delete_own_account(another).status) == (204, 204)
    client.post(f"/projects/{shared_project}/restore").data()
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner"}


ProjectAction = Callable[[Client, str], object]


@pytest.mark.parametrize(
    "delete_project",
    [
        lambda client, shared_project: client.delete(f"/projects/{shared_project}").data(),
        lambda client, shared_project: client.delete(f"/projects/{shared_project}?permanent=true").data(),
    ],
)
def test_project_that_is_deleted_at_the_same_time_does_not_stop_a_deletion(
    client: Client, fake_aws: FakeAws, shared_project: str, delete_project: ProjectAction
) -> None:
    other = create_member(client, shared_project, fake_aws, "editor")
    with interleave("TransactWriteItems", lambda: delete_project(client, shared_project)):
        account_deletion.remove_from_all_projects(make_caller(other), other.user["id"])

    assert get_project_state(fake_aws, shared_project)[1:] == (1, [client.user["id"]])


def test_repeated_deletion_skips_what_was_done(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_deletion, "_PAGE_SIZE", 5)
    projects = [create_shared_project(client) for _ in range(12)]  # and the personal one
    arguments: Any = (make_caller(client), client.user["id"])
    with inject_faults(monkeypatch) as recorded_first:
        account_deletion.remove_from_all_projects(*arguments)
    with inject_faults(monkeypatch) as recorded_second:
        account_deletion.remove_from_all_projects(*arguments)

    assert {get_project_state(fake_aws, shared_project)[0] for shared_project in projects} == {"deleted"}
    assert recorded_first.calls.count("dynamodb.TransactWriteItems") == 13
    assert sorted(recorded_second.calls) == ["dynamodb.BatchGetItem"] * 3 + ["dynamodb.Query"] * 3


def deletion_by_admin(superuser: Client, user: Client) -> Callable[[], None]:
    account = users.find_active(user.user["id"])
    assert account is not None
    return lambda: security.delete_account(make_caller(superuser), account, "Your account was deleted.")


def test_user_who_is_deleted_at_the_same_time_creates_no_project(client: Client, fake_aws: FakeAws) -> None:
    with interleave("TransactWriteItems", deletion_by_admin(people.create_superuser(), client)):
        response = client.post("/projects", {"name": "Orphan"})

    assert status_and_code(response) == (401, "invalid_token")
    assert fake_aws.find_rows("main", record_type="project", name="Orphan") == []


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_user_who_is_deleted_at_the_same_time_joins_no_project(
    client: Client, fake_aws: FakeAws, shared_project: str, role: str
) -> None:
    other = people.create_client()
    token = create_invitation_token(client, shared_project, fake_aws, other.user["email"], role)
    with interleave("TransactWriteItems", deletion_by_admin(people.create_superuser(), other)):
        response = accept_invitation(other, token)

    assert status_and_code(response) == (401, "invalid_token")
    assert get_project_state(fake_aws, shared_project) == ("active", 1, [client.user["id"]])
