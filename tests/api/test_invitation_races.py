"""Invitations that something overtakes: another use, a withdrawal, the end of their project (A5)."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.projects.service import invitations as service
from holdall.projects.service import members, projects
from holdall.table import Transaction
from tests.api import people
from tests.api.callers import caller, place
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.faults import meanwhile
from tests.api.members import accept, invited, roles
from tests.api.members import code as refused

VOID = (401, "invalid_token")


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_of_two_uses_at_once_one_joins(client: Client, cloud: Cloud, room: str, stranger: Client, role: str) -> None:
    token = invited(client, room, cloud, stranger.user["email"], role)
    with meanwhile("TransactWriteItems", lambda: service.accept(caller(stranger), token)):
        assert refused(accept(stranger, token)) == VOID

    (project,) = cloud.rows("main", pk=f"PROJECT#{room}", sk="PROJECT")
    assert project["owners"] == (2 if role == "owner" else 1)
    assert len(cloud.rows("audit", action="members.join")) == 1


def test_what_is_taken_back_in_the_moment_of_its_use_is_not_used(
    client: Client, cloud: Cloud, room: str, stranger: Client
) -> None:
    token = invited(client, room, cloud, stranger.user["email"])
    (made,) = client.get(f"/projects/{room}/invitations").data()
    with meanwhile("TransactWriteItems", lambda: service.withdraw(caller(client), place(room), made["id"])):
        assert refused(accept(stranger, token)) == VOID

    assert set(roles(client, room)) == {client.user["id"]}


@pytest.mark.parametrize("permanent", ["false", "true"])
def test_a_project_that_was_deleted_meanwhile_takes_nobody(
    client: Client, cloud: Cloud, room: str, stranger: Client, permanent: str
) -> None:
    token = invited(client, room, cloud, stranger.user["email"])
    client.delete(f"/projects/{room}?permanent={permanent}")

    assert refused(accept(stranger, token)) == VOID
    if permanent == "false":
        client.post(f"/projects/{room}/restore").data()
        assert accept(stranger, token).status == 200


@pytest.mark.parametrize("role", ["viewer", "owner"])
@pytest.mark.parametrize("put_away", [projects.delete, projects.purge])
def test_nobody_joins_a_project_in_the_moment_of_its_deletion(
    client: Client, cloud: Cloud, room: str, stranger: Client, put_away: Callable[..., Any], role: str
) -> None:
    token = invited(client, room, cloud, stranger.user["email"], role)
    with meanwhile("TransactWriteItems", lambda: put_away(caller(client), place(room))):
        assert accept(stranger, token).status == 404

    assert cloud.rows("main", record_kind="member", user_id=stranger.user["id"], project_id=room) == []


@pytest.mark.parametrize("put_away", [projects.delete, projects.purge])
def test_nobody_is_invited_in_the_moment_of_the_deletion(
    client: Client, cloud: Cloud, room: str, put_away: Callable[..., Any]
) -> None:
    said = {"email": people.new_address(), "role": "viewer"}
    with meanwhile("TransactWriteItems", lambda: put_away(caller(client), place(room))):
        answer = client.post(f"/projects/{room}/invitations", said)

    assert answer.status == 404
    assert cloud.rows("main", record_kind="invitation") == []
    assert cloud.waiting("mail") == []


def test_who_joins_in_this_moment_by_another_way_is_a_member_once(
    client: Client, cloud: Cloud, room: str, stranger: Client
) -> None:
    token = invited(client, room, cloud, stranger.user["email"], "owner")

    def join() -> None:
        with Transaction() as write:
            members.join(write, room, stranger.user["id"], "viewer")

    with meanwhile("TransactWriteItems", join):
        assert refused(accept(stranger, token)) == (409, "already_member")
    assert roles(client, room)[stranger.user["id"]] == "viewer"
    assert client.post(f"/projects/{room}/leave").status == 409
