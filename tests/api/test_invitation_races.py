"""Invitations that something overtakes: another use, a withdrawal, the end of their project (A5)."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.platform.table import Transaction
from holdall.projects.service import invitations as service
from holdall.projects.service import members, projects
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.faults import interleave
from tests.support.projects import accept_invitation, create_invitation_token, get_member_roles
from tests.support.projects import status_and_code as refused

INVALID_TOKEN = (401, "invalid_token")


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_of_two_uses_at_once_one_joins(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, role: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], role)
    with interleave("TransactWriteItems", lambda: service.accept(make_caller(stranger), token)):
        assert refused(accept_invitation(stranger, token)) == INVALID_TOKEN

    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{shared_project}", sk="PROJECT")
    assert project["owner_count"] == (2 if role == "owner" else 1)
    assert len(fake_aws.find_rows("audit", action="invitations.accept")) == 1


def test_what_is_taken_back_in_the_moment_of_its_use_is_not_used(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    (made,) = client.get(f"/projects/{shared_project}/invitations").data()
    with interleave(
        "TransactWriteItems", lambda: service.delete(make_caller(client), get_project(shared_project), made["id"])
    ):
        assert refused(accept_invitation(stranger, token)) == INVALID_TOKEN

    assert set(get_member_roles(client, shared_project)) == {client.user["id"]}


@pytest.mark.parametrize("permanent", ["false", "true"])
def test_a_project_that_was_deleted_meanwhile_takes_nobody(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, permanent: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    client.delete(f"/projects/{shared_project}?permanent={permanent}")

    assert refused(accept_invitation(stranger, token)) == INVALID_TOKEN
    if permanent == "false":
        client.post(f"/projects/{shared_project}/restore").data()
        assert accept_invitation(stranger, token).status == 200


@pytest.mark.parametrize("role", ["viewer", "owner"])
@pytest.mark.parametrize("put_away", [projects.delete, projects.purge])
def test_nobody_joins_a_project_in_the_moment_of_its_deletion(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, put_away: Callable[..., Any], role: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], role)
    with interleave("TransactWriteItems", lambda: put_away(make_caller(client), get_project(shared_project))):
        assert accept_invitation(stranger, token).status == 404

    assert (
        fake_aws.find_rows("main", record_type="member", user_id=stranger.user["id"], project_id=shared_project) == []
    )


@pytest.mark.parametrize("put_away", [projects.delete, projects.purge])
def test_nobody_is_invited_in_the_moment_of_the_deletion(
    client: Client, fake_aws: FakeAws, shared_project: str, put_away: Callable[..., Any]
) -> None:
    said = {"email": users.unique_email(), "role": "viewer"}
    with interleave("TransactWriteItems", lambda: put_away(make_caller(client), get_project(shared_project))):
        answer = client.post(f"/projects/{shared_project}/invitations", said)

    assert answer.status == 404
    assert fake_aws.find_rows("main", record_type="invitation") == []
    assert fake_aws.receive_messages("mail") == []


def test_who_joins_in_this_moment_by_another_way_is_a_member_once(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], "owner")

    def join() -> None:
        with Transaction() as write:
            members.add(write, shared_project, stranger.user["id"], "viewer")

    with interleave("TransactWriteItems", join):
        assert refused(accept_invitation(stranger, token)) == (409, "already_member")
    assert get_member_roles(client, shared_project)[stranger.user["id"]] == "viewer"
    assert client.post(f"/projects/{shared_project}/leave").status == 409
