"""Invitations to a project (A5, A7): by letter, for one address, used once, and nothing is told by them to anybody else."""

import json
from collections.abc import Callable

import pytest

from tests.api.conftest import FrozenClock
from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.projects import (
    accept_invitation,
    add_member,
    create_invitation,
    create_invitation_token,
    create_member,
    create_shared_project,
    get_member_roles,
)
from tests.support.projects import status_and_code as refused


@pytest.fixture
def shared_project(client: Client) -> str:
    """A project that the client owns."""
    return create_shared_project(client, "Evil words, see evil.test")


INVALID_TOKEN = (401, "invalid_token")


def test_an_invitation_is_shown_to_owners_without_its_secret(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    email = users.unique_email()
    made = create_invitation(client, shared_project, email, "editor")

    assert set(made) == {"id", "email", "role", "createdBy", "createdAt", "expiresAt"}
    assert (made["email"], made["role"], made["createdBy"]) == (email, "editor", client.user["id"])
    assert made["id"].startswith(shared_project)
    assert client.get(f"/projects/{shared_project}/invitations").data() == [made]
    secret = mailbox.receive_token(fake_aws, "join").rpartition("_")[2]
    everything = str([fake_aws.find_rows(table) for table in ("main", "credentials", "audit", "ephemeral")])
    assert secret not in everything
    (row,) = fake_aws.find_rows("audit", action="invitations.create")
    assert (row["actor"], row["target"]) == (client.user["id"], made["id"])


def test_the_letter_names_the_inviters_address_and_no_words_of_theirs(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    client.request("PUT", "/users/me", {"name": "You won, see evil.test"}).data()
    email = users.unique_email()
    create_invitation(client, shared_project, email)
    letter = mailbox.receive_email(fake_aws)

    assert (letter["kind"], letter["to"], letter["name"]) == ("join", email, client.user["email"])
    assert letter["detail"].startswith(f"hj_{shared_project}-")
    assert "evil" not in json.dumps(letter)


def test_somebody_with_an_account_and_nobody_are_invited_alike(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    known, unknown = (
        create_invitation(client, shared_project, each) for each in (stranger.user["email"], users.unique_email())
    )
    letters = mailbox.receive_emails(fake_aws)

    assert set(known) == set(unknown)
    assert [set(each) for each in letters] == [set(letters[0])] * 2
    assert [each["kind"] for each in letters] == ["join", "join"]
    # A member is asked as anybody is: the letter goes out, and what it asks for is there already.
    add_member(client, shared_project, fake_aws, stranger)
    assert refused(
        accept_invitation(stranger, create_invitation_token(client, shared_project, fake_aws, stranger.user["email"]))
    ) == (409, "already_member")


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_who_accepts_is_what_they_were_asked_to_be(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, role: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], role)
    answer = accept_invitation(stranger, token)

    assert answer.data()["id"] == shared_project
    assert get_member_roles(client, shared_project) == {client.user["id"]: "owner", stranger.user["id"]: role}
    assert client.get(f"/projects/{shared_project}/invitations").data() == []
    assert client.post(f"/projects/{shared_project}/leave").status == (204 if role == "owner" else 409)
    (row,) = fake_aws.find_rows("audit", action="invitations.accept")
    assert (row["actor"], row["target"]) == (stranger.user["id"], f"{shared_project}-{stranger.user['id']}")


EMAIL_FORMS: list[Callable[[str], str]] = [
    str.upper,
    lambda email: f"  {email}\t",
    lambda email: email.replace("u", "ｕ", 1),  # noqa: RUF001  # equal in its normal form
    lambda email: email.replace("example.test", "EXAMPLE.Test"),
]


@pytest.mark.parametrize("form", EMAIL_FORMS)
def test_an_address_is_the_same_in_any_form(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, form: Callable[[str], str]
) -> None:
    first = create_invitation(client, shared_project, stranger.user["email"])
    token = create_invitation_token(client, shared_project, fake_aws, form(stranger.user["email"]))

    assert [each["id"] for each in client.get(f"/projects/{shared_project}/invitations").data()] == [first["id"]]
    assert accept_invitation(stranger, token).status == 200


def test_nobody_else_takes_an_invitation(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    invitee = users.create_client()
    token = create_invitation_token(client, shared_project, fake_aws, invitee.user["email"])

    assert refused(accept_invitation(stranger, token)) == (403, "email_mismatch")
    assert refused(accept_invitation(client, token)) == (403, "email_mismatch")
    assert refused(accept_invitation(Client(), token)) == (401, "unauthenticated")
    assert accept_invitation(invitee, token).status == 200


def test_who_comes_later_signs_up_and_accepts(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    email = users.unique_email()
    token = create_invitation_token(client, shared_project, fake_aws, email)
    users.sign_up(email)

    assert accept_invitation(users.sign_in(email), token).data()["id"] == shared_project


def test_who_has_another_address_by_now_is_another(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    fake_aws.update_row(f"USER#{stranger.user['id']}", "USER", email=users.unique_email())

    assert refused(accept_invitation(stranger, token)) == (403, "email_mismatch")


def test_an_invitation_ends_after_a_week(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, frozen_clock: FrozenClock
) -> None:
    email = stranger.user["email"]
    token = create_invitation_token(client, shared_project, fake_aws, email)
    frozen_clock.advance(days=7, seconds=-1)
    assert refused(accept_invitation(users.create_client(), token)) == (403, "email_mismatch")  # it counts still
    frozen_clock.advance(seconds=1)

    assert refused(accept_invitation(users.sign_in(email), token)) == INVALID_TOKEN
    assert (
        len(fake_aws.find_rows("main", record_type="invitation")) == 1
    )  # the clock decides, and not the collector of garbage


def test_an_invitation_is_used_once(client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    accept_invitation(stranger, token).data()

    assert refused(accept_invitation(stranger, token)) == INVALID_TOKEN
    client.delete(f"/projects/{shared_project}/members/{stranger.user['id']}")
    assert refused(accept_invitation(stranger, token)) == INVALID_TOKEN
    assert stranger.get(f"/projects/{shared_project}").status == 404


def test_an_invitation_is_taken_back(client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    (made,) = client.get(f"/projects/{shared_project}/invitations").data()

    assert client.delete(f"/projects/{shared_project}/invitations/{made['id']}").status == 204
    assert refused(accept_invitation(stranger, token)) == INVALID_TOKEN
    assert client.get(f"/projects/{shared_project}/invitations").data() == []
    assert client.delete(f"/projects/{shared_project}/invitations/{made['id']}").status == 404
    (row,) = fake_aws.find_rows("audit", action="invitations.delete")
    assert (row["actor"], row["target"]) == (client.user["id"], made["id"])


def test_another_invitation_of_an_address_makes_the_first_void(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client
) -> None:
    first = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], "owner")
    second = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], "viewer")

    assert refused(accept_invitation(stranger, first)) == INVALID_TOKEN
    assert accept_invitation(stranger, second).status == 200
    assert get_member_roles(client, shared_project)[stranger.user["id"]] == "viewer"


def test_who_is_a_member_already_is_told(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    other = create_member(client, shared_project, fake_aws, "editor")
    token = create_invitation_token(client, shared_project, fake_aws, other.user["email"], "owner")

    assert refused(accept_invitation(other, token)) == (409, "already_member")
    assert get_member_roles(client, shared_project)[other.user["id"]] == "editor"


def test_nobody_is_invited_to_a_personal_project(client: Client, fake_aws: FakeAws) -> None:
    said = {"email": users.unique_email(), "role": "viewer"}
    answer = client.post(f"/projects/{users.personal_project_id(client)}/invitations", said)

    assert refused(answer) == (409, "personal_project")
    assert fake_aws.receive_messages("mail") == []
    assert fake_aws.find_rows("main", record_type="invitation") == []


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_owners_alone_invite_and_see_who_is_invited(
    client: Client, fake_aws: FakeAws, shared_project: str, role: str
) -> None:
    other = create_member(client, shared_project, fake_aws, role)
    made = create_invitation(client, shared_project, users.unique_email())

    assert other.post(f"/projects/{shared_project}/invitations", {"email": "a@b.test", "role": "viewer"}).status == 403
    assert other.get(f"/projects/{shared_project}/invitations").status == 403
    assert other.delete(f"/projects/{shared_project}/invitations/{made['id']}").status == 403


@pytest.mark.parametrize("bad", ["x", "0" * 12, f"{'0' * 12}-{'0' * 26}", "x" * 65, "x" * 3000, "%00", "'--"])
def test_what_is_no_invitation_is_not_there(client: Client, shared_project: str, bad: str) -> None:
    assert refused(client.delete(f"/projects/{shared_project}/invitations/{bad}")) == (404, "not_found")


def test_an_invitation_of_another_project_is_not_there(client: Client, shared_project: str) -> None:
    other = create_shared_project(client)
    made = create_invitation(client, other, users.unique_email())

    assert client.delete(f"/projects/{shared_project}/invitations/{made['id']}").status == 404
    assert [each["id"] for each in client.get(f"/projects/{other}/invitations").data()] == [made["id"]]


def test_invitations_come_in_pages(client: Client, shared_project: str) -> None:
    made = sorted(create_invitation(client, shared_project, users.unique_email())["id"] for _ in range(3))
    first = client.get(f"/projects/{shared_project}/invitations?limit=2").json()
    second = client.get(f"/projects/{shared_project}/invitations?limit=2&cursor={first['pagination']['next']}").json()

    assert [[each["id"] for each in page["data"]] for page in (first, second)] == [made[:2], made[2:]]
    assert second["pagination"]["next"] is None


def test_an_invitation_asked_for_twice_is_one_letter(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    said = {"email": users.unique_email(), "role": "viewer"}
    mailbox.receive_emails(fake_aws)
    path, once = f"/projects/{shared_project}/invitations", {"idempotency-key": "key"}
    first, second = (client.post(path, said, headers=once) for _ in range(2))

    assert (first.status, second.status) == (201, 201)
    assert first.data() == second.data()
    assert len(mailbox.receive_emails(fake_aws)) == 1
    other = client.post(path, {**said, "role": "owner"}, headers=once)
    assert refused(other) == (422, "idempotency_key_reused")
    assert client.get(path).data()[0]["role"] == "viewer"


@pytest.mark.parametrize("change", ["other secret", "other room", "no room", "short", "blank", "long", "upper"])
def test_a_token_counts_as_it_is_or_not_at_all(
    client: Client, fake_aws: FakeAws, shared_project: str, stranger: Client, change: str
) -> None:
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    kind, where, secret = token.split("_")
    bad = {
        "other secret": f"{kind}_{where}_{'0' * 26}",
        "other room": f"{kind}_{create_shared_project(client)}-{where[13:]}_{secret}",
        "no room": f"{kind}_{where[13:]}_{secret}",
        "short": token[:-1],
        "blank": "",
        "long": f"{token}0",
        "upper": token.upper(),
    }[change]

    assert refused(accept_invitation(stranger, bad)) == INVALID_TOKEN
    assert accept_invitation(stranger, token).status == 200


def test_an_invitation_ends_with_the_right_to_invite(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    inviter = create_member(client, shared_project, fake_aws, "owner")
    somebody, removed, again = users.create_client(), users.create_client(), users.create_client()
    before = create_invitation_token(inviter, shared_project, fake_aws, somebody.user["email"], "owner")
    later = create_invitation_token(inviter, shared_project, fake_aws, removed.user["email"], "owner")
    meant_for_myself = create_invitation_token(inviter, shared_project, fake_aws, again.user["email"])
    client.request("PATCH", f"/projects/{shared_project}/members/{inviter.user['id']}", {"role": "editor"}).data()
    assert refused(accept_invitation(somebody, before)) == INVALID_TOKEN

    assert client.delete(f"/projects/{shared_project}/members/{inviter.user['id']}").status == 204
    assert refused(accept_invitation(removed, later)) == INVALID_TOKEN
    assert refused(accept_invitation(again, meant_for_myself)) == INVALID_TOKEN


def test_viewers_hear_of_an_invitation_and_not_whose(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    made = create_invitation(client, shared_project, users.unique_email(), "editor")

    (event,) = fake_aws.find_rows("main", record_type="event", type="member.invited")
    assert json.loads(event["data"]) == {"role": "editor"}
    assert made["id"] not in str(event)
