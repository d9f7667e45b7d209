"""Leaving all projects, as an account ends: what a list says may be old, and the row of the member decides (Z4)."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.accounts.service import changes
from holdall.iam.service import users
from holdall.page import Page, PageRequest
from holdall.projects.model import Membership
from holdall.projects.service import leaving
from holdall.projects.service import members as service
from holdall.projects.store import members as store
from tests.api import people, post
from tests.api.callers import caller, membership, place
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.faults import injected, meanwhile
from tests.api.members import accept, code, invited, joined, remove, roles, shared, transfer


def depart(client: Client) -> Answer:
    return client.request("DELETE", "/users/me", {"password": people.PASSWORD})


def is_deleted(root: Client, somebody: Client) -> Answer:
    return root.delete(f"/users/{somebody.user['id']}")


def lagging(patch: pytest.MonkeyPatch, user_id: str) -> None:
    """Let the list of what a user is a member of say for ever what it says now."""
    seen = store.memberships(user_id, PageRequest(100))

    def old(asked_of: str, asked: PageRequest) -> Page[Membership]:
        return seen if asked_of == user_id else Page([])

    patch.setattr(store, "memberships", old)


def state(cloud: Cloud, room: str) -> tuple[str, int, list[str]]:
    """The state of a project, how many owners it counts, and who they are."""
    (project,) = cloud.rows("main", pk=f"PROJECT#{room}", sk="PROJECT")
    owners = [row["user_id"] for row in cloud.rows("main", record_kind="member", project_id=room, role="owner")]
    return project["status"], int(project["owners"]), sorted(owners)


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_who_handed_a_project_on_takes_nothing_along_although_the_list_calls_them_its_owner(
    client: Client, cloud: Cloud, room: str, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    other = joined(client, room, cloud, role)
    lagging(monkeypatch, client.user["id"])
    transfer(client, room, other.user["id"]).data()

    assert depart(client).status == 204
    assert state(cloud, room) == ("active", 1, [other.user["id"]])
    assert roles(other, room) == {other.user["id"]: "owner"}


def hand_on(client: Client, other: Client, room: str) -> None:
    """Transfer a project without a request, as one is going on."""
    service.transfer(caller(client), place(room), membership(room, client.user["id"]), other.user["id"])


def test_a_project_that_is_handed_on_in_this_moment_goes_on(client: Client, cloud: Cloud, room: str) -> None:
    other = joined(client, room, cloud)
    with meanwhile("TransactWriteItems", lambda: hand_on(client, other, room)):
        leaving.leave_all(caller(client), client.user["id"])

    assert state(cloud, room) == ("active", 1, [other.user["id"]])


def test_who_is_made_the_owner_in_this_moment_takes_the_project_along(client: Client, cloud: Cloud, room: str) -> None:
    other = joined(client, room, cloud)
    with meanwhile("TransactWriteItems", lambda: hand_on(client, other, room)):
        leaving.leave_all(caller(other), other.user["id"])

    assert state(cloud, room) == ("deleted", 1, [other.user["id"]])


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
@pytest.mark.parametrize("by", ["themselves", "an administrator"])
def test_a_list_that_still_names_a_project_that_was_left_stops_nobody(
    client: Client, cloud: Cloud, room: str, monkeypatch: pytest.MonkeyPatch, role: str, by: str
) -> None:
    other, root = joined(client, room, cloud, role), people.superuser()
    lagging(monkeypatch, other.user["id"])
    post.posted(cloud)

    assert (depart(other) if by == "themselves" else is_deleted(root, other)).status == 204
    assert state(cloud, room) == ("active", 1, [client.user["id"]])
    assert post.one(cloud)["to"] == other.user["email"]
    assert len(cloud.rows("audit", action="members.remove")) == 1


def test_who_was_removed_before_they_left_is_done_with(
    client: Client, cloud: Cloud, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = joined(client, room, cloud, "editor")
    lagging(monkeypatch, other.user["id"])
    remove(client, room, other.user["id"])

    assert depart(other).status == 204
    assert len(cloud.rows("audit", action="members.remove")) == 1


def test_a_member_of_a_deleted_project_is_taken_out_of_it(client: Client, cloud: Cloud, room: str) -> None:
    other, another = joined(client, room, cloud, "editor"), joined(client, room, cloud, "owner")
    client.delete(f"/projects/{room}").data()

    assert (depart(other).status, depart(another).status) == (204, 204)
    client.post(f"/projects/{room}/restore").data()
    assert roles(client, room) == {client.user["id"]: "owner"}


Change = Callable[[Client, str], object]


@pytest.mark.parametrize(
    "put_away",
    [
        lambda client, room: client.delete(f"/projects/{room}").data(),
        lambda client, room: client.delete(f"/projects/{room}?permanent=true").data(),
    ],
)
def test_a_project_that_is_put_away_in_this_moment_stops_nobody(
    client: Client, cloud: Cloud, room: str, put_away: Change
) -> None:
    other = joined(client, room, cloud, "editor")
    with meanwhile("TransactWriteItems", lambda: put_away(client, room)):
        leaving.leave_all(caller(other), other.user["id"])

    assert state(cloud, room)[1:] == (1, [client.user["id"]])


def test_what_was_done_is_passed_over_a_page_at_a_time(
    client: Client, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped half-way, it is done again: then it goes on where it stopped, however much was done before."""
    monkeypatch.setattr(leaving, "_PAGE", 5)
    rooms = [shared(client) for _ in range(12)]  # and the personal one
    who: Any = (caller(client), client.user["id"])
    with injected(monkeypatch) as first:
        leaving.leave_all(*who)
    with injected(monkeypatch) as again:
        leaving.leave_all(*who)

    assert {state(cloud, room)[0] for room in rooms} == {"deleted"}
    assert first.calls.count("dynamodb.TransactWriteItems") == 13
    assert sorted(again.calls) == ["dynamodb.BatchGetItem"] * 3 + ["dynamodb.Query"] * 3


def buried(root: Client, somebody: Client) -> Callable[[], None]:
    """What an administrator does who deletes an account."""
    known = users.known(somebody.user["id"])
    assert known is not None
    return lambda: changes.depart(caller(root), known, "it was deleted")


def test_who_is_deleted_in_this_moment_makes_no_project(client: Client, cloud: Cloud) -> None:
    with meanwhile("TransactWriteItems", buried(people.superuser(), client)):
        answer = client.post("/projects", {"name": "Orphan"})

    assert code(answer) == (401, "invalid_token")
    assert cloud.rows("main", record_kind="project", name="Orphan") == []


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_who_is_deleted_in_this_moment_joins_nothing(client: Client, cloud: Cloud, room: str, role: str) -> None:
    other = people.signed_in()
    token = invited(client, room, cloud, other.user["email"], role)
    with meanwhile("TransactWriteItems", buried(people.superuser(), other)):
        answer = accept(other, token)

    assert code(answer) == (401, "invalid_token")
    assert state(cloud, room) == ("active", 1, [client.user["id"]])
