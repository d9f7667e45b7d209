"""Superusers who remove each other at the same moment: whatever they do, and however it falls out, one stays (Z4)."""

from collections.abc import Sequence
from functools import partial

import pytest

from tests.stack.client import Answer, Client, Server
from tests.stack.state import State
from tests.stack.work import at_once, superuser

_ROUNDS = 20


@pytest.fixture
def alone(direct: Server, state: State) -> Client:
    """The only superuser there is: what other tests made is one no longer."""
    root = superuser(direct, state)
    for user in state.by_owner("USERS"):
        if "superuser" in user["roles"] and user["id"] != root.user["id"]:
            assert root.delete(f"/users/{user['id']}/roles/superuser").status == 204
    return root


def test_two_superusers_who_remove_each_other_at_once_leave_one(alone: Client, direct: Server, state: State) -> None:
    both = [alone, superuser(direct, state)]
    for number in range(_ROUNDS):
        answers = at_once(2, partial(_remove, both, number))

        done = [answer.status < 300 for answer in answers]
        assert sorted(done) == [False, True], [(answer.status, answer.content) for answer in answers]
        winner = both[done.index(True)]
        # Who came second was told so, or was none any more when they were asked who they are.
        assert answers[done.index(False)].status in (401, 403, 409)
        assert _active(state) == [winner.user["id"]]
        assert state.rows("ROLE#superuser")[0]["holders"] == 1
        assert winner.get("/users").status == 200
        both = [winner, superuser(direct, state)]


def _remove(both: Sequence[Client], number: int, which: int) -> Answer:
    """One of them removes the other, in one of three ways, each in its turn."""
    one, place = both[which], f"/users/{both[1 - which].user['id']}"
    if number % 3 == 0:
        return one.delete(f"{place}/roles/superuser")
    if number % 3 == 1:
        return one.request("PUT", place, {"status": "disabled"})
    return one.delete(place)


def _active(state: State) -> list[str]:
    users = state.by_owner("USERS")
    return [each["id"] for each in users if each["status"] == "active" and "superuser" in each["roles"]]
