"""Invitations to a project (A5, A7): by letter, for one address, used once, and nothing is told by them to anybody else."""

import json
from collections.abc import Callable

import pytest

from tests.api import people, post
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock
from tests.api.members import accept, bring, invite, invited, joined, roles, shared
from tests.api.members import code as refused


@pytest.fixture
def room(client: Client) -> str:
    """A project that the client owns."""
    return shared(client, "Evil words, see evil.test")


VOID = (401, "invalid_token")


def test_an_invitation_is_shown_to_owners_without_its_secret(client: Client, cloud: Cloud, room: str) -> None:
    email = people.new_address()
    made = invite(client, room, email, "editor")

    assert set(made) == {"id", "email", "role", "createdBy", "createdAt", "expiresAt"}
    assert (made["email"], made["role"], made["createdBy"]) == (email, "editor", client.user["id"])
    assert made["id"].startswith(room)
    assert client.get(f"/projects/{room}/invitations").data() == [made]
    secret = post.token(cloud, "join").rpartition("_")[2]
    everything = str([cloud.rows(table) for table in ("main", "credentials", "audit", "ephemeral")])
    assert secret not in everything
    (row,) = cloud.rows("audit", action="members.invite")
    assert (row["actor"], row["target"]) == (client.user["id"], made["id"])


def test_the_letter_names_the_inviters_address_and_no_words_of_theirs(client: Client, cloud: Cloud, room: str) -> None:
    client.request("PUT", "/users/me", {"name": "You won, see evil.test"}).data()
    email = people.new_address()
    invite(client, room, email)
    letter = post.one(cloud)

    assert (letter["kind"], letter["to"], letter["name"]) == ("join", email, client.user["email"])
    assert letter["detail"].startswith(f"hj_{room}-")
    assert "evil" not in json.dumps(letter)


def test_somebody_with_an_account_and_nobody_are_invited_alike(
    client: Client, cloud: Cloud, room: str, stranger: Client
) -> None:
    known, unknown = (invite(client, room, each) for each in (stranger.user["email"], people.new_address()))
    letters = post.posted(cloud)

    assert set(known) == set(unknown)
    assert [set(each) for each in letters] == [set(letters[0])] * 2
    assert [each["kind"] for each in letters] == ["join", "join"]
    # A member is asked as anybody is: the letter goes out, and what it asks for is there already.
    bring(client, room, cloud, stranger)
    assert refused(accept(stranger, invited(client, room, cloud, stranger.user["email"]))) == (409, "already_member")


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_who_accepts_is_what_they_were_asked_to_be(
    client: Client, cloud: Cloud, room: str, stranger: Client, role: str
) -> None:
    token = invited(client, room, cloud, stranger.user["email"], role)
    answer = accept(stranger, token)

    assert answer.data()["id"] == room
    assert roles(client, room) == {client.user["id"]: "owner", stranger.user["id"]: role}
    assert client.get(f"/projects/{room}/invitations").data() == []
    assert client.post(f"/projects/{room}/leave").status == (204 if role == "owner" else 409)
    (row,) = cloud.rows("audit", action="members.join")
    assert (row["actor"], row["target"]) == (stranger.user["id"], f"{room}-{stranger.user['id']}")


FORMS: list[Callable[[str], str]] = [
    str.upper,
    lambda email: f"  {email}\t",
    lambda email: email.replace("u", "ｕ", 1),  # noqa: RUF001  # equal in its normal form
    lambda email: email.replace("example.test", "EXAMPLE.Test"),
]


@pytest.mark.parametrize("form", FORMS)
def test_an_address_is_the_same_in_any_form(
    client: Client, cloud: Cloud, room: str, stranger: Client, form: Callable[[str], str]
) -> None:
    first = invite(client, room, stranger.user["email"])
    token = invited(client, room, cloud, form(stranger.user["email"]))

    assert [each["id"] for each in client.get(f"/projects/{room}/invitations").data()] == [first["id"]]
    assert accept(stranger, token).status == 200


def test_nobody_else_takes_an_invitation(client: Client, cloud: Cloud, room: str, stranger: Client) -> None:
    invitee = people.signed_in()
    token = invited(client, room, cloud, invitee.user["email"])

    assert refused(accept(stranger, token)) == (403, "other_address")
    assert refused(accept(client, token)) == (403, "other_address")
    assert refused(accept(Client(), token)) == (401, "unauthenticated")
    assert accept(invitee, token).status == 200


def test_who_comes_later_signs_up_and_accepts(client: Client, cloud: Cloud, room: str) -> None:
    email = people.new_address()
    token = invited(client, room, cloud, email)
    people.sign_up(email)

    assert accept(people.log_in(email), token).data()["id"] == room


def test_who_has_another_address_by_now_is_another(client: Client, cloud: Cloud, room: str, stranger: Client) -> None:
    token = invited(client, room, cloud, stranger.user["email"])
    cloud.change(f"USER#{stranger.user['id']}", "USER", email=people.new_address())

    assert refused(accept(stranger, token)) == (403, "other_address")


def test_an_invitation_ends_after_a_week(
    client: Client, cloud: Cloud, room: str, stranger: Client, frozen: Clock
) -> None:
    email = stranger.user["email"]
    token = invited(client, room, cloud, email)
    frozen.forward(days=7, seconds=-1)
    assert refused(accept(people.signed_in(), token)) == (403, "other_address")  # it counts still
    frozen.forward(seconds=1)

    assert refused(accept(people.log_in(email), token)) == VOID
    assert len(cloud.rows("main", record_kind="invitation")) == 1  # the clock decides, and not the collector of garbage


def test_an_invitation_is_used_once(client: Client, cloud: Cloud, room: str, stranger: Client) -> None:
    token = invited(client, room, cloud, stranger.user["email"])
    accept(stranger, token).data()

    assert refused(accept(stranger, token)) == VOID
    client.delete(f"/projects/{room}/members/{stranger.user['id']}")
    assert refused(accept(stranger, token)) == VOID
    assert stranger.get(f"/projects/{room}").status == 404


def test_an_invitation_is_taken_back(client: Client, cloud: Cloud, room: str, stranger: Client) -> None:
    token = invited(client, room, cloud, stranger.user["email"])
    (made,) = client.get(f"/projects/{room}/invitations").data()

    assert client.delete(f"/projects/{room}/invitations/{made['id']}").status == 204
    assert refused(accept(stranger, token)) == VOID
    assert client.get(f"/projects/{room}/invitations").data() == []
    assert client.delete(f"/projects/{room}/invitations/{made['id']}").status == 404
    (row,) = cloud.rows("audit", action="members.uninvite")
    assert (row["actor"], row["target"]) == (client.user["id"], made["id"])


def test_another_invitation_of_an_address_makes_the_first_void(
    client: Client, cloud: Cloud, room: str, stranger: Client
) -> None:
    first = invited(client, room, cloud, stranger.user["email"], "owner")
    second = invited(client, room, cloud, stranger.user["email"], "viewer")

    assert refused(accept(stranger, first)) == VOID
    assert accept(stranger, second).status == 200
    assert roles(client, room)[stranger.user["id"]] == "viewer"


def test_who_is_a_member_already_is_told(client: Client, cloud: Cloud, room: str) -> None:
    other = joined(client, room, cloud, "editor")
    token = invited(client, room, cloud, other.user["email"], "owner")

    assert refused(accept(other, token)) == (409, "already_member")
    assert roles(client, room)[other.user["id"]] == "editor"


def test_nobody_is_invited_to_a_personal_project(client: Client, cloud: Cloud) -> None:
    said = {"email": people.new_address(), "role": "viewer"}
    answer = client.post(f"/projects/{people.personal_project(client)}/invitations", said)

    assert refused(answer) == (409, "personal_project")
    assert cloud.waiting("mail") == []
    assert cloud.rows("main", record_kind="invitation") == []


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_owners_alone_invite_and_see_who_is_invited(client: Client, cloud: Cloud, room: str, role: str) -> None:
    other = joined(client, room, cloud, role)
    made = invite(client, room, people.new_address())

    assert other.post(f"/projects/{room}/invitations", {"email": "a@b.test", "role": "viewer"}).status == 403
    assert other.get(f"/projects/{room}/invitations").status == 403
    assert other.delete(f"/projects/{room}/invitations/{made['id']}").status == 403


@pytest.mark.parametrize("bad", ["x", "0" * 12, f"{'0' * 12}-{'0' * 26}", "x" * 65, "x" * 3000, "%00", "'--"])
def test_what_is_no_invitation_is_not_there(client: Client, room: str, bad: str) -> None:
    assert refused(client.delete(f"/projects/{room}/invitations/{bad}")) == (404, "not_found")


def test_an_invitation_of_another_project_is_not_there(client: Client, room: str) -> None:
    other = shared(client)
    made = invite(client, other, people.new_address())

    assert client.delete(f"/projects/{room}/invitations/{made['id']}").status == 404
    assert [each["id"] for each in client.get(f"/projects/{other}/invitations").data()] == [made["id"]]


def test_invitations_come_in_pages(client: Client, room: str) -> None:
    made = sorted(invite(client, room, people.new_address())["id"] for _ in range(3))
    first = client.get(f"/projects/{room}/invitations?limit=2").json()
    second = client.get(f"/projects/{room}/invitations?limit=2&cursor={first['pagination']['next']}").json()

    assert [[each["id"] for each in page["data"]] for page in (first, second)] == [made[:2], made[2:]]
    assert second["pagination"]["next"] is None


def test_an_invitation_asked_for_twice_is_one_letter(client: Client, cloud: Cloud, room: str) -> None:
    said = {"email": people.new_address(), "role": "viewer"}
    post.posted(cloud)
    path, once = f"/projects/{room}/invitations", {"idempotency-key": "key"}
    first, second = (client.post(path, said, headers=once) for _ in range(2))

    assert (first.status, second.status) == (201, 201)
    assert first.data() == second.data()
    assert len(post.posted(cloud)) == 1
    other = client.post(path, {**said, "role": "owner"}, headers=once)
    assert refused(other) == (422, "idempotency_key_reused")
    assert client.get(path).data()[0]["role"] == "viewer"


@pytest.mark.parametrize("change", ["other secret", "other room", "no room", "short", "blank", "long", "upper"])
def test_a_token_counts_as_it_is_or_not_at_all(
    client: Client, cloud: Cloud, room: str, stranger: Client, change: str
) -> None:
    token = invited(client, room, cloud, stranger.user["email"])
    kind, where, secret = token.split("_")
    bad = {
        "other secret": f"{kind}_{where}_{'0' * 26}",
        "other room": f"{kind}_{shared(client)}-{where[13:]}_{secret}",
        "no room": f"{kind}_{where[13:]}_{secret}",
        "short": token[:-1],
        "blank": "",
        "long": f"{token}0",
        "upper": token.upper(),
    }[change]

    assert refused(accept(stranger, bad)) == VOID
    assert accept(stranger, token).status == 200


def test_an_invitation_ends_with_the_right_to_invite(client: Client, cloud: Cloud, room: str) -> None:
    inviter = joined(client, room, cloud, "owner")
    somebody, removed, again = people.signed_in(), people.signed_in(), people.signed_in()
    before = invited(inviter, room, cloud, somebody.user["email"], "owner")
    later = invited(inviter, room, cloud, removed.user["email"], "owner")
    meant_for_myself = invited(inviter, room, cloud, again.user["email"])
    client.request("PATCH", f"/projects/{room}/members/{inviter.user['id']}", {"role": "editor"}).data()
    assert refused(accept(somebody, before)) == VOID

    assert client.delete(f"/projects/{room}/members/{inviter.user['id']}").status == 204
    assert refused(accept(removed, later)) == VOID
    assert refused(accept(again, meant_for_myself)) == VOID


def test_viewers_hear_of_an_invitation_and_not_whose(client: Client, cloud: Cloud, room: str) -> None:
    made = invite(client, room, people.new_address(), "editor")

    (event,) = cloud.rows("main", record_kind="event", type="member.invited")
    assert json.loads(event["data"]) == {"role": "editor"}
    assert made["id"] not in str(event)
