"""Superusers who remove each other at the same moment: whatever they do, and however it falls out, one stays (Z4)."""

from collections.abc import Sequence
from functools import partial

import pytest

from tests.support.e2e.actions import create_superuser, run_concurrently
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Response, Server

pytestmark = pytest.mark.serial

_ROUND_COUNT = 20


@pytest.fixture
def only_superuser(api_gateway: Server, aws_state: AwsState) -> Client:
    """The only superuser there is: what other tests made is one no longer."""
    root = create_superuser(api_gateway, aws_state)
    for user in aws_state.query_gsi1("USERS"):
        if "superuser" in user["roles"] and user["id"] != root.user["id"]:
            assert root.delete(f"/users/{user['id']}/roles/superuser").status == 204
    return root


def test_two_superusers_who_remove_each_other_at_once_leave_one(
    only_superuser: Client, api_gateway: Server, aws_state: AwsState
) -> None:
    both = [only_superuser, create_superuser(api_gateway, aws_state)]
    for number in range(_ROUND_COUNT):
        answers = run_concurrently(2, partial(_remove, both, number))

        done = [answer.status < 300 for answer in answers]
        assert sorted(done) == [False, True], [(answer.status, answer.content) for answer in answers]
        winner = both[done.index(True)]
        # Who came second was told so, or was none any more when they were asked who they are.
        assert answers[done.index(False)].status in (401, 403, 409)
        assert _active_superuser_ids(aws_state) == [winner.user["id"]]
        assert aws_state.rows("ROLE#superuser")[0]["holder_count"] == 1
        assert winner.get("/users").status == 200
        both = [winner, create_superuser(api_gateway, aws_state)]


def _remove(superusers: Sequence[Client], round_number: int, index: int) -> Response:
    """One of them removes the other, in one of three ways, each in its turn."""
    one, place = superusers[index], f"/users/{superusers[1 - index].user['id']}"
    if round_number % 3 == 0:
        return one.delete(f"{place}/roles/superuser")
    if round_number % 3 == 1:
        return one.request("PUT", place, {"status": "disabled"})
    return one.delete(place)


def _active_superuser_ids(aws_state: AwsState) -> list[str]:
    users = aws_state.query_gsi1("USERS")
    return [each["id"] for each in users if each["status"] == "active" and "superuser" in each["roles"]]
