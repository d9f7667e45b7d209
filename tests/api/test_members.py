"""Members of a project, their roles, and its last owner (Z4)."""

import json
from collections.abc import Callable
from functools import partial
from itertools import product

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.faults import interleave
from tests.support.projects import (
    add_member,
    change_member_role,
    create_member,
    create_shared_project,
    get_member_roles,
    leave_project,
    remove_member,
    status_and_code,
    transfer_ownership,
)

ROLES = ("viewer", "editor", "owner")
UNKNOWN_USER_ID = "0" * 26


def test_members_are_listed_with_their_roles(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    client.request("PUT", "/users/me", {"name": "Ada"}).data()
    other = create_member(client, shared_project, fake_aws, "editor")

    listed = client.get(f"/projects/{shared_project}/members").data()
    assert [each["userId"] for each in listed] == sorted([client.user["id"], other.user["id"]])
    by_id = {each["userId"]: each for each in listed}
    assert set(listed[0]) == {"userId", "name", "email", "role", "joinedAt"}
    mine, theirs = by_id[client.user["id"]], by_id[other.user["id"]]
    assert (mine["name"], mine["email"], mine["role"]) == ("Ada", client.user["email"], "owner")
    assert (theirs["email"], theirs["role"]) == (other.user["email"], "editor")
    assert mine["joinedAt"] < theirs["joinedAt"]


@pytest.mark.parametrize("role", ROLES)
def test_every_member_can_list_members(client: Client, fake_aws: FakeAws, shared_project: str, role: str) -> None:
    other = create_member(client, shared_project, fake_aws, role)

    assert get_member_roles(other, shared_project) == {client.user["id"]: "owner", other.user["id"]: role}


def test_members_are_listed_in_pages_in_both_directions(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    members = [client, *(create_member(client, shared_project, fake_aws) for _ in range(4))]
    order = sorted(each.user["id"] for each in members)

    path = f"/projects/{shared_project}/members?limit=2"
    pages = [client.get(path).json()]
    while (after := pages[-1]["pagination"]["next"]) is not None:
        pages.append(client.get(f"{path}&cursor={after}").json())
    assert [[each["userId"] for each in page["data"]] for page in pages] == [order[:2], order[2:4], order[4:]]
    assert [page["pagination"]["hasNext"] for page in pages] == [True, True, False]

    back = client.get(f"{path}&cursor={pages[2]['pagination']['prev']}").json()
    assert [each["userId"] for each in back["data"]] == order[2:4]


def test_invited_user_is_not_listed_as_a_member(client: Client, shared_project: str) -> None:
    client.post(f"/projects/{shared_project}/invitations", {"email": users.unique_email(), "role": "owner"}).created()

    assert set(get_member_roles(client, shared_project)) == {client.user["id"]}


@pytest.mark.parametrize(("before", "after"), list(product(ROLES, ROLES)))
def test_owner_changes_the_role_of_a_member(
    client: Client, fake_aws: FakeAws, shared_project: str, before: str, after: str
) -> None:
    other = create_member(client, shared_project, fake_aws, before)
    response = change_member_role(client, shared_project, other.user["id"], after)

    assert (response.data()["userId"], response.data()["role"]) == (other.user["id"], after)
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner", other.user["id"]: after}
    changed = before != after
    assert (
        len(fake_aws.find_rows("audit", action="members.update", target=f"{shared_project}-{other.user['id']}"))
        == changed
    )
    assert (
        len([row for row in fake_aws.find_rows("main", record_type="event") if "member.updated" in str(row)]) == changed
    )
    # The owner count is correct: every owner but the last one can leave.
    assert leave_project(client, shared_project).status == (204 if after == "owner" else 409)


@pytest.mark.parametrize("act", [partial(change_member_role, role="viewer"), remove_member, transfer_ownership])
@pytest.mark.parametrize(("role", "other_role"), list(product(("viewer", "editor"), ROLES)))
def test_only_owners_change_members(
    client: Client, fake_aws: FakeAws, shared_project: str, act: Callable[..., Response], role: str, other_role: str
) -> None:
    member = create_member(client, shared_project, fake_aws, role)
    other = create_member(client, shared_project, fake_aws, other_role)
    before = get_member_roles(client, shared_project)

    assert status_and_code(act(member, shared_project, user_id=other.user["id"])) == (403, "forbidden")
    assert status_and_code(act(member, shared_project, user_id=member.user["id"])) == (403, "forbidden")
    assert status_and_code(act(member, shared_project, user_id=UNKNOWN_USER_ID)) == (403, "forbidden")
    assert get_member_roles(client, shared_project) == before


@pytest.mark.parametrize("role", ROLES)
def test_owner_removes_a_member_with_any_role(
    client: Client, fake_aws: FakeAws, shared_project: str, role: str
) -> None:
    other = create_member(client, shared_project, fake_aws, role)
    before = other.get(f"/projects/{shared_project}").status

    assert remove_member(client, shared_project, other.user["id"]).status == 204
    assert (before, other.get(f"/projects/{shared_project}").status) == (200, 404)
    assert shared_project not in [each["id"] for each in other.get("/projects").data()]
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner"}
    assert status_and_code(leave_project(client, shared_project)) == (409, "last_owner")
    (row,) = fake_aws.find_rows("audit", action="members.remove")
    assert (row["actor"], row["target"]) == (client.user["id"], f"{shared_project}-{other.user['id']}")


@pytest.mark.parametrize("role", ROLES)
def test_every_member_can_leave(client: Client, fake_aws: FakeAws, shared_project: str, role: str) -> None:
    other = create_member(client, shared_project, fake_aws, role)

    assert leave_project(other, shared_project).status == 204
    assert other.get(f"/projects/{shared_project}").status == 404
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner"}
    assert status_and_code(leave_project(client, shared_project)) == (409, "last_owner")
    assert leave_project(other, shared_project).status == 404


def test_last_owner_cannot_leave_or_step_down(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    create_member(client, shared_project, fake_aws, "editor")
    user_id = client.user["id"]

    assert status_and_code(leave_project(client, shared_project)) == (409, "last_owner")
    assert status_and_code(remove_member(client, shared_project, user_id)) == (409, "last_owner")
    assert status_and_code(change_member_role(client, shared_project, user_id, "editor")) == (409, "last_owner")
    assert status_and_code(change_member_role(client, shared_project, user_id, "viewer")) == (409, "last_owner")
    assert get_member_roles(client, shared_project)[user_id] == "owner"
    assert (
        fake_aws.find_rows("audit", action="members.remove")
        == fake_aws.find_rows("audit", action="members.leave")
        == []
    )


def test_one_of_two_owners_can_step_down(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")

    assert change_member_role(client, shared_project, client.user["id"], "viewer").data()["role"] == "viewer"
    assert change_member_role(client, shared_project, other.user["id"], "viewer").status == 403
    assert status_and_code(leave_project(other, shared_project)) == (409, "last_owner")


def disable(fake_aws: FakeAws, client: Client) -> None:
    """Disable an account, as no route can yet."""
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", status="disabled")


def test_disabled_owner_does_not_let_the_last_active_one_go(
    client: Client, fake_aws: FakeAws, superuser: Client, shared_project: str
) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")
    disable(fake_aws, other)
    user_id = client.user["id"]

    for response in (
        leave_project(client, shared_project),
        remove_member(client, shared_project, user_id),
        change_member_role(client, shared_project, user_id, "editor"),
        remove_member(superuser, shared_project, user_id),
    ):
        assert status_and_code(response) == (409, "last_owner")
    assert get_member_roles(client, shared_project)[user_id] == "owner"
    assert remove_member(client, shared_project, other.user["id"]).status == 204


def test_owner_may_go_if_an_active_owner_is_on_a_later_page(
    client: Client, fake_aws: FakeAws, shared_project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.projects.service.members._PAGE_SIZE", 1)
    disabled, _, active = (
        create_member(client, shared_project, fake_aws, role) for role in ("owner", "viewer", "owner")
    )
    disable(fake_aws, disabled)

    assert leave_project(client, shared_project).status == 204
    assert status_and_code(leave_project(active, shared_project)) == (409, "last_owner")


def test_owner_who_is_disabled_at_the_same_time_does_not_count(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")
    with interleave("TransactWriteItems", lambda: disable(fake_aws, other)):
        response = leave_project(client, shared_project)

    assert status_and_code(response) == (409, "member_changed")
    assert status_and_code(leave_project(client, shared_project)) == (409, "last_owner")


def test_project_is_not_transferred_to_a_disabled_account(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other = create_member(client, shared_project, fake_aws, "editor")
    disable(fake_aws, other)

    assert status_and_code(transfer_ownership(client, shared_project, other.user["id"])) == (409, "wrong_state")
    assert get_member_roles(client, shared_project)[client.user["id"]] == "owner"


def test_deleted_account_leaves_its_project_to_a_disabled_owner(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")
    disable(fake_aws, other)
    assert users.delete_account(client).status == 204

    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{shared_project}", sk="PROJECT")
    assert (row["status"], row["owner_count"]) == ("active", 1)


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_transfer_makes_an_owner_and_an_editor(
    client: Client, fake_aws: FakeAws, shared_project: str, role: str
) -> None:
    other = create_member(client, shared_project, fake_aws, role)

    assert transfer_ownership(client, shared_project, other.user["id"]).data()["role"] == "owner"
    assert get_member_roles(other, shared_project) == {client.user["id"]: "editor", other.user["id"]: "owner"}
    assert status_and_code(leave_project(other, shared_project)) == (409, "last_owner")
    assert transfer_ownership(client, shared_project, other.user["id"]).status == 403
    (row,) = fake_aws.find_rows("audit", action="projects.transfer_ownership")
    assert (row["actor"], row["target"]) == (client.user["id"], f"{shared_project}-{other.user['id']}")
    changes = {(row["user"], row["role"]) for row in _event_data(fake_aws, "member.updated")}
    assert changes == {(other.user["id"], "owner"), (client.user["id"], "editor")}


def test_transfer_needs_a_member_who_is_not_an_owner(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")

    assert status_and_code(transfer_ownership(client, shared_project, stranger.user["id"])) == (404, "not_found")
    assert status_and_code(transfer_ownership(client, shared_project, UNKNOWN_USER_ID)) == (404, "not_found")
    assert status_and_code(transfer_ownership(client, shared_project, other.user["id"])) == (409, "already_owner")
    assert status_and_code(transfer_ownership(client, shared_project, client.user["id"])) == (409, "already_owner")
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner", other.user["id"]: "owner"}


def test_superuser_who_is_not_a_member_transfers_a_project_and_is_audited(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other, superuser = create_member(client, shared_project, fake_aws), users.create_superuser()

    assert transfer_ownership(superuser, shared_project, other.user["id"]).data()["role"] == "owner"
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner", other.user["id"]: "owner"}
    assert leave_project(client, shared_project).status == 204  # because there are two owners
    entries = fake_aws.find_rows("audit", action="projects.access_as_superuser", actor=superuser.user["id"])
    assert [entry["target"] for entry in entries] == [shared_project]
    assert transfer_ownership(superuser, shared_project, superuser.user["id"]).status == 404
    assert leave_project(superuser, shared_project).status == 404


@pytest.mark.parametrize(
    "bad", ["x", "0" * 25, "0" * 27, "x" * 65, "x" * 3000, "%00", "..", "%F0%9F%98%80", "#", "'--"]
)
def test_unknown_user_id_is_not_found(client: Client, shared_project: str, bad: str) -> None:
    path = bad.replace("#", "%23")

    assert status_and_code(remove_member(client, shared_project, path)) == (404, "not_found")
    assert status_and_code(change_member_role(client, shared_project, path, "viewer")) == (404, "not_found")
    if 0 < len(bad) <= 64:
        assert status_and_code(transfer_ownership(client, shared_project, bad)) == (404, "not_found")


def test_id_of_a_stranger_looks_like_an_unknown_one(client: Client, shared_project: str, stranger: Client) -> None:
    for act in (remove_member, partial(change_member_role, role="owner"), transfer_ownership):
        foreign, unknown = (
            act(client, shared_project, user_id=each) for each in (stranger.user["id"], UNKNOWN_USER_ID)
        )
        assert foreign.problem() == unknown.problem()
        assert foreign.status == 404


@pytest.mark.parametrize("role", ["", "Owner", "admin", "superuser", None, 1, ["owner"]])
def test_unknown_role_is_rejected(client: Client, fake_aws: FakeAws, shared_project: str, role: object) -> None:
    other = create_member(client, shared_project, fake_aws)
    response = client.request("PATCH", f"/projects/{shared_project}/members/{other.user['id']}", {"role": role})

    assert response.status == 422
    assert [each["pointer"] for each in response.problem()["errors"]] == ["/role"]


def test_personal_project_keeps_its_only_member(client: Client, stranger: Client) -> None:
    project_id = users.personal_project_id(client)

    assert get_member_roles(client, project_id) == {client.user["id"]: "owner"}
    assert status_and_code(leave_project(client, project_id)) == (409, "last_owner")
    assert status_and_code(change_member_role(client, project_id, client.user["id"], "viewer")) == (
        409,
        "last_owner",
    )
    assert status_and_code(remove_member(client, project_id, client.user["id"])) == (409, "last_owner")
    assert status_and_code(transfer_ownership(client, project_id, stranger.user["id"])) == (404, "not_found")


def test_member_who_joins_again_is_listed_as_new(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    other = create_member(client, shared_project, fake_aws)
    later = create_shared_project(other, "Later")
    assert [each["id"] for each in other.get("/projects").data()][:2] == [later, shared_project]
    remove_member(client, shared_project, other.user["id"])
    add_member(client, shared_project, fake_aws, other)

    assert [each["id"] for each in other.get("/projects").data()][:2] == [shared_project, later]


def _event_data(fake_aws: FakeAws, event_type: str) -> list[dict[str, str]]:
    rows = [row for row in fake_aws.find_rows("main", record_type="event") if row["type"] == event_type]
    return [{"user": data["userId"], "role": data["role"]} for row in rows if (data := json.loads(row["data"]))]
