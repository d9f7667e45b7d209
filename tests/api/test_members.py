"""Members: who is in a project, what makes them more or less, and that a project keeps an owner (Z4)."""

import json
from collections.abc import Callable
from functools import partial
from itertools import product

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
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


def test_members_are_listed_with_what_they_are(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
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
def test_every_member_sees_all_members(client: Client, fake_aws: FakeAws, shared_project: str, role: str) -> None:
    other = create_member(client, shared_project, fake_aws, role)

    assert get_member_roles(other, shared_project) == {client.user["id"]: "owner", other.user["id"]: role}


def test_members_come_in_pages_both_ways(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    everybody = [client, *(create_member(client, shared_project, fake_aws) for _ in range(4))]
    order = sorted(each.user["id"] for each in everybody)

    path = f"/projects/{shared_project}/members?limit=2"
    pages = [client.get(path).json()]
    while (after := pages[-1]["pagination"]["next"]) is not None:
        pages.append(client.get(f"{path}&cursor={after}").json())
    assert [[each["userId"] for each in page["data"]] for page in pages] == [order[:2], order[2:4], order[4:]]
    assert [page["pagination"]["hasNext"] for page in pages] == [True, True, False]

    back = client.get(f"{path}&cursor={pages[2]['pagination']['prev']}").json()
    assert [each["userId"] for each in back["data"]] == order[2:4]


def test_an_invitation_is_no_member_on_any_page(client: Client, shared_project: str) -> None:
    client.post(f"/projects/{shared_project}/invitations", {"email": users.unique_email(), "role": "owner"}).created()

    assert set(get_member_roles(client, shared_project)) == {client.user["id"]}


@pytest.mark.parametrize(("before", "after"), list(product(ROLES, ROLES)))
def test_an_owner_gives_a_member_any_role(
    client: Client, fake_aws: FakeAws, shared_project: str, before: str, after: str
) -> None:
    other = create_member(client, shared_project, fake_aws, before)
    answer = change_member_role(client, shared_project, other.user["id"], after)

    assert (answer.data()["userId"], answer.data()["role"]) == (other.user["id"], after)
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner", other.user["id"]: after}
    changed = before != after
    assert (
        len(fake_aws.find_rows("audit", action="members.update", target=f"{shared_project}-{other.user['id']}"))
        == changed
    )
    assert (
        len([row for row in fake_aws.find_rows("main", record_type="event") if "member.updated" in str(row)]) == changed
    )
    # The owners are still counted right: there is a way for each but the last.
    assert leave_project(client, shared_project).status == (204 if after == "owner" else 409)


@pytest.mark.parametrize("act", [partial(change_member_role, role="viewer"), remove_member, transfer_ownership])
@pytest.mark.parametrize(("who", "whom"), list(product(("viewer", "editor"), ROLES)))
def test_who_is_no_owner_changes_nobody(
    client: Client, fake_aws: FakeAws, shared_project: str, act: Callable[..., Response], who: str, whom: str
) -> None:
    weak, other = (
        create_member(client, shared_project, fake_aws, who),
        create_member(client, shared_project, fake_aws, whom),
    )
    before = get_member_roles(client, shared_project)

    assert status_and_code(act(weak, shared_project, user_id=other.user["id"])) == (403, "forbidden")
    assert status_and_code(act(weak, shared_project, user_id=weak.user["id"])) == (403, "forbidden")
    assert status_and_code(act(weak, shared_project, user_id=UNKNOWN_USER_ID)) == (403, "forbidden")
    assert get_member_roles(client, shared_project) == before


@pytest.mark.parametrize("whom", ROLES)
def test_an_owner_removes_a_member_of_any_role(
    client: Client, fake_aws: FakeAws, shared_project: str, whom: str
) -> None:
    other = create_member(client, shared_project, fake_aws, whom)
    before = other.get(f"/projects/{shared_project}").status

    assert remove_member(client, shared_project, other.user["id"]).status == 204
    assert (before, other.get(f"/projects/{shared_project}").status) == (200, 404)
    assert shared_project not in [each["id"] for each in other.get("/projects").data()]
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner"}
    assert status_and_code(leave_project(client, shared_project)) == (409, "last_owner")
    (row,) = fake_aws.find_rows("audit", action="members.remove")
    assert (row["actor"], row["target"]) == (client.user["id"], f"{shared_project}-{other.user['id']}")


@pytest.mark.parametrize("role", ROLES)
def test_every_member_may_leave(client: Client, fake_aws: FakeAws, shared_project: str, role: str) -> None:
    other = create_member(client, shared_project, fake_aws, role)

    assert leave_project(other, shared_project).status == 204
    assert other.get(f"/projects/{shared_project}").status == 404
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner"}
    assert status_and_code(leave_project(client, shared_project)) == (409, "last_owner")
    assert leave_project(other, shared_project).status == 404


def test_the_last_owner_stays_whatever_they_try(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    create_member(client, shared_project, fake_aws, "editor")
    me = client.user["id"]

    assert status_and_code(leave_project(client, shared_project)) == (409, "last_owner")
    assert status_and_code(remove_member(client, shared_project, me)) == (409, "last_owner")
    assert status_and_code(change_member_role(client, shared_project, me, "editor")) == (409, "last_owner")
    assert status_and_code(change_member_role(client, shared_project, me, "viewer")) == (409, "last_owner")
    assert get_member_roles(client, shared_project)[me] == "owner"
    assert (
        fake_aws.find_rows("audit", action="members.remove")
        == fake_aws.find_rows("audit", action="members.leave")
        == []
    )


def test_one_of_two_owners_may_become_less(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")

    assert change_member_role(client, shared_project, client.user["id"], "viewer").data()["role"] == "viewer"
    assert change_member_role(client, shared_project, other.user["id"], "viewer").status == 403
    assert status_and_code(leave_project(other, shared_project)) == (409, "last_owner")


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_a_transfer_makes_an_owner_and_leaves_an_editor(
    client: Client, fake_aws: FakeAws, shared_project: str, role: str
) -> None:
    other = create_member(client, shared_project, fake_aws, role)

    assert transfer_ownership(client, shared_project, other.user["id"]).data()["role"] == "owner"
    assert get_member_roles(other, shared_project) == {client.user["id"]: "editor", other.user["id"]: "owner"}
    assert status_and_code(leave_project(other, shared_project)) == (409, "last_owner")
    assert transfer_ownership(client, shared_project, other.user["id"]).status == 403
    (row,) = fake_aws.find_rows("audit", action="projects.transfer_ownership")
    assert (row["actor"], row["target"]) == (client.user["id"], f"{shared_project}-{other.user['id']}")
    told = {(row["user"], row["role"]) for row in _event_data(fake_aws, "member.updated")}
    assert told == {(other.user["id"], "owner"), (client.user["id"], "editor")}


def test_a_transfer_goes_to_a_member_who_is_no_owner(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")

    assert status_and_code(transfer_ownership(client, shared_project, stranger.user["id"])) == (404, "not_found")
    assert status_and_code(transfer_ownership(client, shared_project, UNKNOWN_USER_ID)) == (404, "not_found")
    assert status_and_code(transfer_ownership(client, shared_project, other.user["id"])) == (409, "already_owner")
    assert status_and_code(transfer_ownership(client, shared_project, client.user["id"])) == (409, "already_owner")
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner", other.user["id"]: "owner"}


def test_a_superuser_who_is_no_member_hands_a_project_on_and_is_in_the_journal(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other, superuser = create_member(client, shared_project, fake_aws), users.create_superuser()

    assert transfer_ownership(superuser, shared_project, other.user["id"]).data()["role"] == "owner"
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner", other.user["id"]: "owner"}
    assert leave_project(client, shared_project).status == 204  # both are counted
    assert (
        len(fake_aws.find_rows("audit", action="projects.any", actor=superuser.user["id"], target=shared_project)) == 1
    )
    assert transfer_ownership(superuser, shared_project, superuser.user["id"]).status == 404
    assert leave_project(superuser, shared_project).status == 404


@pytest.mark.parametrize(
    "bad", ["x", "0" * 25, "0" * 27, "x" * 65, "x" * 3000, "%00", "..", "%F0%9F%98%80", "#", "'--"]
)
def test_what_names_nobody_is_not_there(client: Client, shared_project: str, bad: str) -> None:
    path = bad.replace("#", "%23")

    assert status_and_code(remove_member(client, shared_project, path)) == (404, "not_found")
    assert status_and_code(change_member_role(client, shared_project, path, "viewer")) == (404, "not_found")
    if 0 < len(bad) <= 64:
        assert status_and_code(transfer_ownership(client, shared_project, bad)) == (404, "not_found")


def test_a_strangers_id_and_nobodys_look_alike(client: Client, shared_project: str, stranger: Client) -> None:
    for act in (remove_member, partial(change_member_role, role="owner"), transfer_ownership):
        foreign, unknown = (
            act(client, shared_project, user_id=each) for each in (stranger.user["id"], UNKNOWN_USER_ID)
        )
        assert foreign.problem() == unknown.problem()
        assert foreign.status == 404


@pytest.mark.parametrize("role", ["", "Owner", "admin", "superuser", None, 1, ["owner"]])
def test_there_are_three_roles(client: Client, fake_aws: FakeAws, shared_project: str, role: object) -> None:
    other = create_member(client, shared_project, fake_aws)
    answer = client.request("PATCH", f"/projects/{shared_project}/members/{other.user['id']}", {"role": role})

    assert answer.status == 422
    assert [each["pointer"] for each in answer.problem()["errors"]] == ["/role"]


def test_a_personal_project_has_one_person(client: Client, stranger: Client) -> None:
    signed_in_browser = users.personal_project_id(client)

    assert get_member_roles(client, signed_in_browser) == {client.user["id"]: "owner"}
    assert status_and_code(leave_project(client, signed_in_browser)) == (409, "last_owner")
    assert status_and_code(change_member_role(client, signed_in_browser, client.user["id"], "viewer")) == (
        409,
        "last_owner",
    )
    assert status_and_code(remove_member(client, signed_in_browser, client.user["id"])) == (409, "last_owner")
    assert status_and_code(transfer_ownership(client, signed_in_browser, stranger.user["id"])) == (404, "not_found")


def test_who_comes_back_is_a_new_member_behind_the_projects_of_before(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other = create_member(client, shared_project, fake_aws)
    later = create_shared_project(other, "Later")
    assert [each["id"] for each in other.get("/projects").data()][:2] == [later, shared_project]
    remove_member(client, shared_project, other.user["id"])
    add_member(client, shared_project, fake_aws, other)

    assert [each["id"] for each in other.get("/projects").data()][:2] == [shared_project, later]


def _event_data(fake_aws: FakeAws, event_type: str) -> list[dict[str, str]]:
    rows = [row for row in fake_aws.find_rows("main", record_type="event") if row["type"] == event_type]
    return [{"user": data["userId"], "role": data["role"]} for row in rows if (data := json.loads(row["data"]))]
