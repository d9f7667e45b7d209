"""Leaving all projects, as an account ends: what a list says may be old, and the row of the member decides (Z4)."""

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
    """Let the list of what a user is a member of say for ever what it says now."""
    seen = store.list_for_user(user_id, PageRequest(100))

    def old(asked_of: str, asked: PageRequest) -> Page[Membership]:
        return seen if asked_of == user_id else Page([])

    monkeypatch.setattr(store, "list_for_user", old)


def get_project_state(fake_aws: FakeAws, project_id: str) -> tuple[str, int, list[str]]:
    """The state of a project, how many owners it counts, and who they are."""
    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{project_id}", sk="PROJECT")
    owners = [
        row["user_id"] for row in fake_aws.find_rows("main", record_type="member", project_id=project_id, role="owner")
    ]
    return project["status"], int(project["owner_count"]), sorted(owners)


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_who_handed_a_project_on_takes_nothing_along_although_the_list_calls_them_its_owner(
    client: Client, fake_aws: FakeAws, shared_project: str, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    other = create_member(client, shared_project, fake_aws, role)
    make_membership_index_stale(monkeypatch, client.user["id"])
    transfer_ownership(client, shared_project, other.user["id"]).data()

    assert delete_own_account(client).status == 204
    assert get_project_state(fake_aws, shared_project) == ("active", 1, [other.user["id"]])
    assert get_member_roles(other, shared_project) == {other.user["id"]: "owner"}


def transfer_by_service(client: Client, other: Client, project_id: str) -> None:
    """Transfer a project without a request, as one is going on."""
    service.transfer_ownership(
        make_caller(client),
        get_project(project_id),
        get_membership_or_none(project_id, client.user["id"]),
        other.user["id"],
    )


def test_a_project_that_is_handed_on_in_this_moment_goes_on(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other = create_member(client, shared_project, fake_aws)
    with interleave("TransactWriteItems", lambda: transfer_by_service(client, other, shared_project)):
        account_deletion.remove_from_all_projects(make_caller(client), client.user["id"])

    assert get_project_state(fake_aws, shared_project) == ("active", 1, [other.user["id"]])


def test_who_is_made_the_owner_in_this_moment_takes_the_project_along(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other = create_member(client, shared_project, fake_aws)
    with interleave("TransactWriteItems", lambda: transfer_by_service(client, other, shared_project)):
        account_deletion.remove_from_all_projects(make_caller(other), other.user["id"])

    assert get_project_state(fake_aws, shared_project) == ("deleted", 1, [other.user["id"]])


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
@pytest.mark.parametrize("by", ["themselves", "an administrator"])
def test_a_list_that_still_names_a_project_that_was_left_stops_nobody(
    client: Client, fake_aws: FakeAws, shared_project: str, monkeypatch: pytest.MonkeyPatch, role: str, by: str
) -> None:
    other, superuser = create_member(client, shared_project, fake_aws, role), people.create_superuser()
    make_membership_index_stale(monkeypatch, other.user["id"])
    mailbox.receive_emails(fake_aws)

    assert (delete_own_account(other) if by == "themselves" else delete_user(superuser, other)).status == 204
    assert get_project_state(fake_aws, shared_project) == ("active", 1, [client.user["id"]])
    assert mailbox.receive_email(fake_aws)["to"] == other.user["email"]
    assert len(fake_aws.find_rows("audit", action="members.remove")) == 1


def test_who_was_removed_before_they_left_is_done_with(
    client: Client, fake_aws: FakeAws, shared_project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create_member(client, shared_project, fake_aws, "editor")
    make_membership_index_stale(monkeypatch, other.user["id"])
    remove_member(client, shared_project, other.user["id"])

    assert delete_own_account(other).status == 204
    assert len(fake_aws.find_rows("audit", action="members.remove")) == 1


def test_a_member_of_a_deleted_project_is_taken_out_of_it(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
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
    "put_away",
    [
        lambda client, shared_project: client.delete(f"/projects/{shared_project}").data(),
        lambda client, shared_project: client.delete(f"/projects/{shared_project}?permanent=true").data(),
    ],
)
def test_a_project_that_is_put_away_in_this_moment_stops_nobody(
    client: Client, fake_aws: FakeAws, shared_project: str, put_away: ProjectAction
) -> None:
    other = create_member(client, shared_project, fake_aws, "editor")
    with interleave("TransactWriteItems", lambda: put_away(client, shared_project)):
        account_deletion.remove_from_all_projects(make_caller(other), other.user["id"])

    assert get_project_state(fake_aws, shared_project)[1:] == (1, [client.user["id"]])


def test_what_was_done_is_passed_over_a_page_at_a_time(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped half-way, it is done again: then it goes on where it stopped, however much was done before."""
    monkeypatch.setattr(account_deletion, "_PAGE_SIZE", 5)
    rooms = [create_shared_project(client) for _ in range(12)]  # and the personal one
    who: Any = (make_caller(client), client.user["id"])
    with inject_faults(monkeypatch) as first:
        account_deletion.remove_from_all_projects(*who)
    with inject_faults(monkeypatch) as again:
        account_deletion.remove_from_all_projects(*who)

    assert {get_project_state(fake_aws, shared_project)[0] for shared_project in rooms} == {"deleted"}
    assert first.calls.count("dynamodb.TransactWriteItems") == 13
    assert sorted(again.calls) == ["dynamodb.BatchGetItem"] * 3 + ["dynamodb.Query"] * 3


def deletion_by_admin(superuser: Client, user: Client) -> Callable[[], None]:
    """What an administrator does who deletes an account."""
    known = users.find_active(user.user["id"])
    assert known is not None
    return lambda: security.delete_account(make_caller(superuser), known, "it was deleted")


def test_who_is_deleted_in_this_moment_makes_no_project(client: Client, fake_aws: FakeAws) -> None:
    with interleave("TransactWriteItems", deletion_by_admin(people.create_superuser(), client)):
        answer = client.post("/projects", {"name": "Orphan"})

    assert status_and_code(answer) == (401, "invalid_token")
    assert fake_aws.find_rows("main", record_type="project", name="Orphan") == []


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_who_is_deleted_in_this_moment_joins_nothing(
    client: Client, fake_aws: FakeAws, shared_project: str, role: str
) -> None:
    other = people.create_client()
    token = create_invitation_token(client, shared_project, fake_aws, other.user["email"], role)
    with interleave("TransactWriteItems", deletion_by_admin(people.create_superuser(), other)):
        answer = accept_invitation(other, token)

    assert status_and_code(answer) == (401, "invalid_token")
    assert get_project_state(fake_aws, shared_project) == ("active", 1, [client.user["id"]])
