"""Invitations to a project: each is for one email address, and can be accepted once (A5, A7)."""

import json
from collections.abc import Callable

import pytest

from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.projects import (
    accept_invitation,
    add_member,
    create_invitation,
    create_invitation_token,
    create_member,
    create_shared_project,
    get_member_roles,
    status_and_code,
)


@pytest.fixture
def shared_project(client: Client) -> str:
    """Return the ID of a project whose name must not be in an email."""
    return create_shared_project(client, "Evil words, see evil.test")


INVALID_TOKEN = (401, "invalid_token")


def test_owners_see_an_invitation_without_its_secret(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    email = users.unique_email()
    invitation = create_invitation(client, shared_project, email, "editor")

    assert set(invitation) == {"id", "email", "role", "createdBy", "createdAt", "expiresAt"}
    assert (invitation["email"], invitation["role"], invitation["createdBy"]) == (email, "editor", client.user["id"])
    assert invitation["id"].startswith(shared_project)
    assert client.get(f"/projects/{shared_project}/invitations").data() == [invitation]
    secret = mailbox.receive_token(fake_aws, "project-invitation").rpartition("_")[2]
    everything = str([fake_aws.find_rows(table) for table in ("main", "credentials", "audit", "ephemeral")])
    assert secret not in everything
    (row,) = fake_aws.find_rows("audit", action="invitations.create")
    assert (row["actor"], row["target"]) == (client.user["id"], invitation["id"])


def test_invitation_email_contains_no_text_of_the_inviter(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    client.request("PUT", "/users/me", {"name": "You won, see evil.test"}).data()
    email = users.unique_email()
    create_invitation(client, shared_project, email)
    message = mailbox.receive_email(fake_aws)

    assert (message["kind"], message["to"], message["inviter"]) == (
        "project-invitation",
        email,
        client.user["email"],
    )
    assert message["token"].startswith(f"hj_{shared_project}-")
    assert "evil" not in json.dumps(message)


def test_invitation_does_not_reveal_whether_an_account_exists(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    to_account, to_no_one = (
        create_invitation(client, shared_project, each) for each in (stranger.user["email"], users.unique_email())
    )
    sent = mailbox.receive_emails(fake_aws)

    assert set(to_account) == set(to_no_one)
    assert [set(each) for each in sent] == [set(sent[0])] * 2
    assert [each["kind"] for each in sent] == ["project-invitation", "project-invitation"]
    # A member is invited like anyone else.
    add_member(client, shared_project, fake_aws, stranger)
    assert status_and_code(
        accept_invitation(stranger, create_invitation_token(client, shared_project, fake_aws, stranger.user["email"]))
    ) == (409, "already_member")


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_invited_user_gets_the_role_of_the_invitation(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, role: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], role)
    response = accept_invitation(stranger, token)

    assert response.data()["id"] == shared_project
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner", stranger.user["id"]: role}
    assert client.get(f"/projects/{shared_project}/invitations").data() == []
    assert client.post(f"/projects/{shared_project}/leave").status == (204 if role == "owner" else 409)
    (row,) = fake_aws.find_rows("audit", action="invitations.accept")
    assert (row["actor"], row["target"]) == (stranger.user["id"], f"{shared_project}-{stranger.user['id']}")


EMAIL_FORMS: list[Callable[[str], str]] = [
    str.upper,
    lambda email: f"  {email}\t",
    lambda email: email.replace("u", "ｕ", 1),  # noqa: RUF001  # equal after normalization
    lambda email: email.replace("example.test", "EXAMPLE.Test"),
]


@pytest.mark.parametrize("form", EMAIL_FORMS)
def test_email_address_is_normalized(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, form: Callable[[str], str]
) -> None:
    first = create_invitation(client, shared_project, stranger.user["email"])
    token = create_invitation_token(client, shared_project, fake_aws, form(stranger.user["email"]))

    assert [each["id"] for each in client.get(f"/projects/{shared_project}/invitations").data()] == [first["id"]]
    assert accept_invitation(stranger, token).status == 200


def test_only_the_invited_user_can_accept(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    invitee = users.create_client()
    token = create_invitation_token(client, shared_project, fake_aws, invitee.user["email"])

    assert status_and_code(accept_invitation(stranger, token)) == (403, "email_mismatch")
    assert status_and_code(accept_invitation(client, token)) == (403, "email_mismatch")
    assert status_and_code(accept_invitation(Client(), token)) == (401, "unauthenticated")
    assert accept_invitation(invitee, token).status == 200


def test_invited_user_can_sign_up_first(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    email = users.unique_email()
    token = create_invitation_token(client, shared_project, fake_aws, email)
    users.sign_up(email)

    assert accept_invitation(users.sign_in(email), token).data()["id"] == shared_project


def test_user_with_a_changed_address_cannot_accept(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    fake_aws.update_row(f"USER#{stranger.user['id']}", "USER", email=users.unique_email())

    assert status_and_code(accept_invitation(stranger, token)) == (403, "email_mismatch")


def test_invitation_expires_after_a_week(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, frozen_clock: FrozenClock
) -> None:
    email = stranger.user["email"]
    token = create_invitation_token(client, shared_project, fake_aws, email)
    frozen_clock.advance(days=7, seconds=-1)
    assert status_and_code(accept_invitation(users.create_client(), token)) == (
        403,
        "email_mismatch",
    )  # the invitation is still valid
    frozen_clock.advance(seconds=1)

    assert status_and_code(accept_invitation(users.sign_in(email), token)) == INVALID_TOKEN
    assert len(fake_aws.find_rows("main", record_type="invitation")) == 1  # the TTL is not the rule


def test_invitation_can_be_accepted_once(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    accept_invitation(stranger, token).data()

    assert status_and_code(accept_invitation(stranger, token)) == INVALID_TOKEN
    client.delete(f"/projects/{shared_project}/members/{stranger.user['id']}")
    assert status_and_code(accept_invitation(stranger, token)) == INVALID_TOKEN
    assert stranger.get(f"/projects/{shared_project}").status == 404


def test_deleted_invitation_is_invalid(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    (invitation,) = client.get(f"/projects/{shared_project}/invitations").data()

    assert client.delete(f"/projects/{shared_project}/invitations/{invitation['id']}").status == 204
    assert status_and_code(accept_invitation(stranger, token)) == INVALID_TOKEN
    assert client.get(f"/projects/{shared_project}/invitations").data() == []
    assert client.delete(f"/projects/{shared_project}/invitations/{invitation['id']}").status == 404
    (row,) = fake_aws.find_rows("audit", action="invitations.delete")
    assert (row["actor"], row["target"]) == (client.user["id"], invitation["id"])


def test_new_invitation_replaces_the_one_for_the_same_address(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    first = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], "owner")
    second = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], "viewer")

    assert status_and_code(accept_invitation(stranger, first)) == INVALID_TOKEN
    assert accept_invitation(stranger, second).status == 200
    assert get_member_roles(client, shared_project)[stranger.user["id"]] == "viewer"


def test_member_cannot_accept_an_invitation(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    other = create_member(client, shared_project, fake_aws, "editor")
    token = create_invitation_token(client, shared_project, fake_aws, other.user["email"], "owner")

    assert status_and_code(accept_invitation(other, token)) == (409, "already_member")
    assert get_member_roles(client, shared_project)[other.user["id"]] == "editor"


def test_personal_project_has_no_invitations(client: Client, fake_aws: FakeAws) -> None:
    body = {"email": users.unique_email(), "role": "viewer"}
    response = client.post(f"/projects/{users.personal_project_id(client)}/invitations", body)

    assert status_and_code(response) == (409, "personal_project")
    assert fake_aws.receive_messages("mail") == []
    assert fake_aws.find_rows("main", record_type="invitation") == []


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_owners_manage_invitations(client: Client, fake_aws: FakeAws, shared_project: str, role: str) -> None:
    other = create_member(client, shared_project, fake_aws, role)
    invitation = create_invitation(client, shared_project, users.unique_email())

    assert other.post(f"/projects/{shared_project}/invitations", {"email": "a@b.test", "role": "viewer"}).status == 403
    assert other.get(f"/projects/{shared_project}/invitations").status == 403
    assert other.delete(f"/projects/{shared_project}/invitations/{invitation['id']}").status == 403


@pytest.mark.parametrize("bad", ["x", "0" * 12, f"{'0' * 12}-{'0' * 26}", "x" * 65, "x" * 3000, "%00", "'--"])
def test_unknown_invitation_is_not_found(client: Client, shared_project: str, bad: str) -> None:
    assert status_and_code(client.delete(f"/projects/{shared_project}/invitations/{bad}")) == (404, "not_found")


def test_invitation_of_another_project_is_not_found(client: Client, shared_project: str) -> None:
    other = create_shared_project(client)
    invitation = create_invitation(client, other, users.unique_email())

    assert client.delete(f"/projects/{shared_project}/invitations/{invitation['id']}").status == 404
    assert [each["id"] for each in client.get(f"/projects/{other}/invitations").data()] == [invitation["id"]]


def test_invitations_are_listed_in_pages(client: Client, shared_project: str) -> None:
    invitation = sorted(create_invitation(client, shared_project, users.unique_email())["id"] for _ in range(3))
    first = client.get(f"/projects/{shared_project}/invitations?limit=2").json()
    second = client.get(f"/projects/{shared_project}/invitations?limit=2&cursor={first['pagination']['next']}").json()

    assert [[each["id"] for each in page["data"]] for page in (first, second)] == [invitation[:2], invitation[2:]]
    assert second["pagination"]["next"] is None


def test_duplicate_request_sends_one_invitation(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    body = {"email": users.unique_email(), "role": "viewer"}
    mailbox.receive_emails(fake_aws)
    path, headers = f"/projects/{shared_project}/invitations", {"idempotency-key": "key"}
    first, second = (client.post(path, body, headers=headers) for _ in range(2))

    assert (first.status, second.status) == (201, 201)
    assert first.data() == second.data()
    assert len(mailbox.receive_emails(fake_aws)) == 1
    other = client.post(path, {**body, "role": "owner"}, headers=headers)
    assert status_and_code(other) == (422, "idempotency_key_reused")
    assert client.get(path).data()[0]["role"] == "viewer"


@pytest.mark.parametrize("change", ["other secret", "other project", "no project", "short", "blank", "long", "upper"])
def test_altered_token_is_invalid(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, change: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    kind, invitation_id, secret = token.split("_")
    bad = {
        "other secret": f"{kind}_{invitation_id}_{'0' * 26}",
        "other project": f"{kind}_{create_shared_project(client)}-{invitation_id[13:]}_{secret}",
        "no project": f"{kind}_{invitation_id[13:]}_{secret}",
        "short": token[:-1],
        "blank": "",
        "long": f"{token}0",
        "upper": token.upper(),
    }[change]

    assert status_and_code(accept_invitation(stranger, bad)) == INVALID_TOKEN
    assert accept_invitation(stranger, token).status == 200


def test_invitation_is_invalid_when_its_creator_may_not_invite_any_more(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    inviter = create_member(client, shared_project, fake_aws, "owner")
    first, second, third = users.create_client(), users.create_client(), users.create_client()
    first_token = create_invitation_token(inviter, shared_project, fake_aws, first.user["email"], "owner")
    second_token = create_invitation_token(inviter, shared_project, fake_aws, second.user["email"], "owner")
    third_token = create_invitation_token(inviter, shared_project, fake_aws, third.user["email"])
    client.request("PATCH", f"/projects/{shared_project}/members/{inviter.user['id']}", {"role": "editor"}).data()
    assert status_and_code(accept_invitation(first, first_token)) == INVALID_TOKEN

    assert client.delete(f"/projects/{shared_project}/members/{inviter.user['id']}").status == 204
    assert status_and_code(accept_invitation(second, second_token)) == INVALID_TOKEN
    assert status_and_code(accept_invitation(third, third_token)) == INVALID_TOKEN


def test_event_of_an_invitation_has_no_address(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    invitation = create_invitation(client, shared_project, users.unique_email(), "editor")

    (event,) = fake_aws.find_rows("main", record_type="event", type="member.invited")
    assert json.loads(event["data"]) == {"role": "editor"}
    assert invitation["id"] not in str(event)
