"""Members: who is in a project, what makes them more or less, and that a project keeps an owner (Z4)."""

import json
from collections.abc import Callable
from functools import partial
from itertools import product

import pytest

from tests.api import people
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.members import bring, change, code, joined, leave, remove, roles, shared, transfer

ROLES = ("viewer", "editor", "owner")
NOBODY = "0" * 26


def test_members_are_listed_with_what_they_are(client: Client, cloud: Cloud, room: str) -> None:
    client.request("PUT", "/users/me", {"name": "Ada"}).data()
    other = joined(client, room, cloud, "editor")

    listed = client.get(f"/projects/{room}/members").data()
    assert [each["userId"] for each in listed] == sorted([client.user["id"], other.user["id"]])
    by_id = {each["userId"]: each for each in listed}
    assert set(listed[0]) == {"userId", "name", "email", "role", "joinedAt"}
    mine, theirs = by_id[client.user["id"]], by_id[other.user["id"]]
    assert (mine["name"], mine["email"], mine["role"]) == ("Ada", client.user["email"], "owner")
    assert (theirs["email"], theirs["role"]) == (other.user["email"], "editor")
    assert mine["joinedAt"] < theirs["joinedAt"]


@pytest.mark.parametrize("role", ROLES)
def test_every_member_sees_all_members(client: Client, cloud: Cloud, room: str, role: str) -> None:
    other = joined(client, room, cloud, role)

    assert roles(other, room) == {client.user["id"]: "owner", other.user["id"]: role}


def test_members_come_in_pages_both_ways(client: Client, cloud: Cloud, room: str) -> None:
    everybody = [client, *(joined(client, room, cloud) for _ in range(4))]
    order = sorted(each.user["id"] for each in everybody)

    path = f"/projects/{room}/members?limit=2"
    pages = [client.get(path).json()]
    while (after := pages[-1]["pagination"]["next"]) is not None:
        pages.append(client.get(f"{path}&cursor={after}").json())
    assert [[each["userId"] for each in page["data"]] for page in pages] == [order[:2], order[2:4], order[4:]]
    assert [page["pagination"]["hasNext"] for page in pages] == [True, True, False]

    back = client.get(f"{path}&cursor={pages[2]['pagination']['prev']}").json()
    assert [each["userId"] for each in back["data"]] == order[2:4]


def test_an_invitation_is_no_member_on_any_page(client: Client, room: str) -> None:
    client.post(f"/projects/{room}/invitations", {"email": people.new_address(), "role": "owner"}).created()

    assert set(roles(client, room)) == {client.user["id"]}


@pytest.mark.parametrize(("before", "after"), list(product(ROLES, ROLES)))
def test_an_owner_gives_a_member_any_role(client: Client, cloud: Cloud, room: str, before: str, after: str) -> None:
    other = joined(client, room, cloud, before)
    answer = change(client, room, other.user["id"], after)

    assert (answer.data()["userId"], answer.data()["role"]) == (other.user["id"], after)
    assert roles(client, room) == {client.user["id"]: "owner", other.user["id"]: after}
    changed = before != after
    assert len(cloud.rows("audit", action="members.update", target=f"{room}-{other.user['id']}")) == changed
    assert len([row for row in cloud.rows("main", record_kind="event") if "member.changed" in str(row)]) == changed
    # The owners are still counted right: there is a way for each but the last.
    assert leave(client, room).status == (204 if after == "owner" else 409)


@pytest.mark.parametrize("act", [partial(change, role="viewer"), remove, transfer])
@pytest.mark.parametrize(("who", "whom"), list(product(("viewer", "editor"), ROLES)))
def test_who_is_no_owner_changes_nobody(
    client: Client, cloud: Cloud, room: str, act: Callable[..., Answer], who: str, whom: str
) -> None:
    weak, other = joined(client, room, cloud, who), joined(client, room, cloud, whom)
    before = roles(client, room)

    assert code(act(weak, room, user_id=other.user["id"])) == (403, "forbidden")
    assert code(act(weak, room, user_id=weak.user["id"])) == (403, "forbidden")
    assert code(act(weak, room, user_id=NOBODY)) == (403, "forbidden")
    assert roles(client, room) == before


@pytest.mark.parametrize("whom", ROLES)
def test_an_owner_removes_a_member_of_any_role(client: Client, cloud: Cloud, room: str, whom: str) -> None:
    other = joined(client, room, cloud, whom)
    before = other.get(f"/projects/{room}").status

    assert remove(client, room, other.user["id"]).status == 204
    assert (before, other.get(f"/projects/{room}").status) == (200, 404)
    assert room not in [each["id"] for each in other.get("/projects").data()]
    assert roles(client, room) == {client.user["id"]: "owner"}
    assert code(leave(client, room)) == (409, "last_owner")
    (row,) = cloud.rows("audit", action="members.remove")
    assert (row["actor"], row["target"]) == (client.user["id"], f"{room}-{other.user['id']}")


@pytest.mark.parametrize("role", ROLES)
def test_every_member_may_leave(client: Client, cloud: Cloud, room: str, role: str) -> None:
    other = joined(client, room, cloud, role)

    assert leave(other, room).status == 204
    assert other.get(f"/projects/{room}").status == 404
    assert roles(client, room) == {client.user["id"]: "owner"}
    assert code(leave(client, room)) == (409, "last_owner")
    assert leave(other, room).status == 404


def test_the_last_owner_stays_whatever_they_try(client: Client, cloud: Cloud, room: str) -> None:
    joined(client, room, cloud, "editor")
    me = client.user["id"]

    assert code(leave(client, room)) == (409, "last_owner")
    assert code(remove(client, room, me)) == (409, "last_owner")
    assert code(change(client, room, me, "editor")) == (409, "last_owner")
    assert code(change(client, room, me, "viewer")) == (409, "last_owner")
    assert roles(client, room)[me] == "owner"
    assert cloud.rows("audit", action="members.remove") == cloud.rows("audit", action="members.leave") == []


def test_one_of_two_owners_may_become_less(client: Client, cloud: Cloud, room: str) -> None:
    other = joined(client, room, cloud, "owner")

    assert change(client, room, client.user["id"], "viewer").data()["role"] == "viewer"
    assert change(client, room, other.user["id"], "viewer").status == 403
    assert code(leave(other, room)) == (409, "last_owner")


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_a_transfer_makes_an_owner_and_leaves_an_editor(client: Client, cloud: Cloud, room: str, role: str) -> None:
    other = joined(client, room, cloud, role)

    assert transfer(client, room, other.user["id"]).data()["role"] == "owner"
    assert roles(other, room) == {client.user["id"]: "editor", other.user["id"]: "owner"}
    assert code(leave(other, room)) == (409, "last_owner")
    assert transfer(client, room, other.user["id"]).status == 403
    (row,) = cloud.rows("audit", action="projects.transfer")
    assert (row["actor"], row["target"]) == (client.user["id"], f"{room}-{other.user['id']}")
    told = {(row["user"], row["role"]) for row in _told(cloud, "member.changed")}
    assert told == {(other.user["id"], "owner"), (client.user["id"], "editor")}


def test_a_transfer_goes_to_a_member_who_is_no_owner(client: Client, cloud: Cloud, room: str, stranger: Client) -> None:
    other = joined(client, room, cloud, "owner")

    assert code(transfer(client, room, stranger.user["id"])) == (404, "not_found")
    assert code(transfer(client, room, NOBODY)) == (404, "not_found")
    assert code(transfer(client, room, other.user["id"])) == (409, "already_owner")
    assert code(transfer(client, room, client.user["id"])) == (409, "already_owner")
    assert roles(client, room) == {client.user["id"]: "owner", other.user["id"]: "owner"}


def test_a_superuser_who_is_no_member_hands_a_project_on_and_is_in_the_journal(
    client: Client, cloud: Cloud, room: str
) -> None:
    other, root = joined(client, room, cloud), people.superuser()

    assert transfer(root, room, other.user["id"]).data()["role"] == "owner"
    assert roles(client, room) == {client.user["id"]: "owner", other.user["id"]: "owner"}
    assert leave(client, room).status == 204  # both are counted
    assert len(cloud.rows("audit", action="projects.any", actor=root.user["id"], target=room)) == 1
    assert transfer(root, room, root.user["id"]).status == 404
    assert leave(root, room).status == 404


@pytest.mark.parametrize(
    "bad", ["x", "0" * 25, "0" * 27, "x" * 65, "x" * 3000, "%00", "..", "%F0%9F%98%80", "#", "'--"]
)
def test_what_names_nobody_is_not_there(client: Client, room: str, bad: str) -> None:
    path = bad.replace("#", "%23")

    assert code(remove(client, room, path)) == (404, "not_found")
    assert code(change(client, room, path, "viewer")) == (404, "not_found")
    if 0 < len(bad) <= 64:
        assert code(transfer(client, room, bad)) == (404, "not_found")


def test_a_strangers_id_and_nobodys_look_alike(client: Client, room: str, stranger: Client) -> None:
    for act in (remove, partial(change, role="owner"), transfer):
        foreign, unknown = (act(client, room, user_id=each) for each in (stranger.user["id"], NOBODY))
        assert foreign.problem() == unknown.problem()
        assert foreign.status == 404


@pytest.mark.parametrize("role", ["", "Owner", "admin", "superuser", None, 1, ["owner"]])
def test_there_are_three_roles(client: Client, cloud: Cloud, room: str, role: object) -> None:
    other = joined(client, room, cloud)
    answer = client.request("PATCH", f"/projects/{room}/members/{other.user['id']}", {"role": role})

    assert answer.status == 422
    assert [each["pointer"] for each in answer.problem()["errors"]] == ["/role"]


def test_a_personal_project_has_one_person(client: Client, stranger: Client) -> None:
    home = people.personal_project(client)

    assert roles(client, home) == {client.user["id"]: "owner"}
    assert code(leave(client, home)) == (409, "last_owner")
    assert code(change(client, home, client.user["id"], "viewer")) == (409, "last_owner")
    assert code(remove(client, home, client.user["id"])) == (409, "last_owner")
    assert code(transfer(client, home, stranger.user["id"])) == (404, "not_found")


def test_who_comes_back_is_a_new_member_behind_the_projects_of_before(client: Client, cloud: Cloud, room: str) -> None:
    other = joined(client, room, cloud)
    later = shared(other, "Later")
    assert [each["id"] for each in other.get("/projects").data()][:2] == [later, room]
    remove(client, room, other.user["id"])
    bring(client, room, cloud, other)

    assert [each["id"] for each in other.get("/projects").data()][:2] == [room, later]


def _told(cloud: Cloud, kind: str) -> list[dict[str, str]]:
    rows = [row for row in cloud.rows("main", record_kind="event") if row["type"] == kind]
    return [{"user": data["userId"], "role": data["role"]} for row in rows if (data := json.loads(row["data"]))]
