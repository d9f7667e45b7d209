"""Owners of a project who put each other out at the same moment: whatever they do, and however it falls out, one stays (Z4)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from tests.stack.client import Answer, Client, Server, signed_in
from tests.stack.post import Post
from tests.stack.state import State
from tests.stack.work import at_once, new_project

_ROUNDS = 20


def test_two_owners_who_put_each_other_out_at_once_leave_one(
    client: Client, direct: Server, state: State, post: Post
) -> None:
    project_id, both = new_project(client), [client, signed_in(direct)]
    path = f"/projects/{project_id}"
    for number in range(_ROUNDS):
        _made_an_owner(both, path, post)
        assert _owners(state, project_id) == (2, sorted(each.user["id"] for each in both))

        answers = at_once(2, partial(_put_out, both, path, number))

        done = [answer.status < 300 for answer in answers]
        assert sorted(done) == [False, True], [(answer.status, answer.content) for answer in answers]
        # Who came second was told so, or was no owner or no member any more when they were asked who they are.
        assert answers[done.index(False)].status in (403, 404, 409)
        stays = both[done.index(number % 3 != 2)]  # who leaves puts out themselves
        assert _owners(state, project_id) == (1, [stays.user["id"]])
        both = [stays, both[1 - both.index(stays)]]


def _put_out(both: Sequence[Client], path: str, number: int, which: int) -> Answer:
    """One of them puts the other out, or leaves: in one of three ways, each in its turn."""
    one, member = both[which], f"{path}/members/{both[1 - which].user['id']}"
    if number % 3 == 0:
        return one.delete(member)
    if number % 3 == 1:
        return one.request("PATCH", member, {"role": "viewer"})
    return one.post(f"{path}/leave")


def _made_an_owner(both: Sequence[Client], path: str, post: Post) -> None:
    """Bring the second of them in, if they are out, and make them an owner."""
    owner, other = both
    if other.get(path).status == 404:
        before = len(post.to(other.email))
        owner.post(f"{path}/invitations", {"email": other.email, "role": "viewer"}).data()
        other.post("/invitations/accept", {"token": post.token(other.email, count=before + 1)}).data()
    owner.request("PATCH", f"{path}/members/{other.user['id']}", {"role": "owner"}).data()


def _owners(state: State, project_id: str) -> tuple[Any, list[str]]:
    """How many owners the project counts, and who they are."""
    rows = state.rows(f"PROJECT#{project_id}")
    (counted,) = [row["owners"] for row in rows if row["sk"] == "PROJECT"]
    return counted, sorted(row["user_id"] for row in rows if row["sk"].startswith("MEMBER#") and row["role"] == "owner")
