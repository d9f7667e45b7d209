"""Invitations that are accepted while another request accepts or deletes them, or deletes their project (A5)."""

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
from tests.support.projects import accept_invitation, create_invitation_token, get_member_roles, status_and_code

INVALID_TOKEN = (401, "invalid_token")


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_invitation_accepted_twice_at_once_adds_one_member(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, role: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], role)
    with interleave("TransactWriteItems", lambda: service.accept(make_caller(stranger), token)):
        assert status_and_code(accept_invitation(stranger, token)) == INVALID_TOKEN

    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{shared_project}", sk="PROJECT")
    assert project["owner_count"] == (2 if role == "owner" else 1)
    assert len(fake_aws.find_rows("audit", action="invitations.accept")) == 1


def test_invitation_deleted_while_it_is_accepted_is_invalid(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    (invitation,) = client.get(f"/projects/{shared_project}/invitations").data()
    with interleave(
        "TransactWriteItems", lambda: service.delete(make_caller(client), get_project(shared_project), invitation["id"])
    ):
        assert status_and_code(accept_invitation(stranger, token)) == INVALID_TOKEN

    assert set(get_member_roles(client, shared_project)) == {client.user["id"]}


@pytest.mark.parametrize("permanent", ["false", "true"])
def test_invitation_to_a_deleted_project_is_invalid(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, permanent: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    client.delete(f"/projects/{shared_project}?permanent={permanent}")

    assert status_and_code(accept_invitation(stranger, token)) == INVALID_TOKEN
    if permanent == "false":
        client.post(f"/projects/{shared_project}/restore").data()
        assert accept_invitation(stranger, token).status == 200


@pytest.mark.parametrize("role", ["viewer", "owner"])
@pytest.mark.parametrize("delete", [projects.delete, projects.purge])
def test_no_one_joins_a_project_while_it_is_deleted(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, delete: Callable[..., Any], role: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], role)
    with interleave("TransactWriteItems", lambda: delete(make_caller(client), get_project(shared_project))):
        assert accept_invitation(stranger, token).status == 404

    assert (
        fake_aws.find_rows("main", record_type="member", user_id=stranger.user["id"], project_id=shared_project) == []
    )


@pytest.mark.parametrize("delete", [projects.delete, projects.purge])
def test_no_one_is_invited_to_a_project_while_it_is_deleted(
    client: Client, fake_aws: FakeAws, shared_project: str, delete: Callable[..., Any]
) -> None:
    body = {"email": users.unique_email(), "role": "viewer"}
    with interleave("TransactWriteItems", lambda: delete(make_caller(client), get_project(shared_project))):
        response = client.post(f"/projects/{shared_project}/invitations", body)

    assert response.status == 404
    assert fake_aws.find_rows("main", record_type="invitation") == []
    assert fake_aws.receive_messages("mail") == []


def test_user_who_joins_twice_at_once_is_one_member(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], "owner")

    def join() -> None:
        with Transaction() as tx:
            members.add(tx, shared_project, stranger.user["id"], "viewer")

    with interleave("TransactWriteItems", join):
        assert status_and_code(accept_invitation(stranger, token)) == (409, "already_member")
    assert get_member_roles(client, shared_project)[stranger.user["id"]] == "viewer"
    assert client.post(f"/projects/{shared_project}/leave").status == 409
