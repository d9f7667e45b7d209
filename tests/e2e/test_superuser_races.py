"""Two superusers who remove each other at the same time: one of them remains (Z4)."""

import os
from collections.abc import Sequence
from functools import partial

import pytest

from tests.support.e2e.actions import create_superuser, run_concurrently
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Response, Server

pytestmark = pytest.mark.serial

_ROUND_COUNT = int(os.environ.get("HOLDALL_RACE_ROUNDS", "6"))  # each way at least twice


@pytest.fixture
def only_superuser(api_gateway: Server, aws_state: AwsState) -> Client:
    """Create a superuser, and take the role from all others."""
    superuser = create_superuser(api_gateway, aws_state)
    for user in aws_state.query_gsi1("USERS"):
        if "superuser" in user["roles"] and user["id"] != superuser.user["id"]:
            assert superuser.delete(f"/users/{user['id']}/roles/superuser").status == 204
    return superuser


def test_two_superusers_who_remove_each_other_leave_one_superuser(
    only_superuser: Client, api_gateway: Server, aws_state: AwsState
) -> None:
    both = [only_superuser, create_superuser(api_gateway, aws_state)]
    for number in range(_ROUND_COUNT):
        responses = run_concurrently(2, partial(_remove, both, number))

        succeeded = [response.status < 300 for response in responses]
        assert sorted(succeeded) == [False, True], [(response.status, response.content) for response in responses]
        winner = both[succeeded.index(True)]
        # The other one got a conflict, or was no superuser any more when the request arrived.
        assert responses[succeeded.index(False)].status in (401, 403, 409)
        assert _active_superuser_ids(aws_state) == [winner.user["id"]]
        assert aws_state.rows("ROLE#superuser")[0]["holder_count"] == 1
        assert winner.get("/users").status == 200
        both = [winner, create_superuser(api_gateway, aws_state)]


def _remove(superusers: Sequence[Client], round_number: int, index: int) -> Response:
    """Revoke the role of the other superuser, or disable or delete the user: one of these in each round."""
    superuser, path = superusers[index], f"/users/{superusers[1 - index].user['id']}"
    if round_number % 3 == 0:
        return superuser.delete(f"{path}/roles/superuser")
    if round_number % 3 == 1:
        return superuser.request("PATCH", path, {"status": "disabled"})
    return superuser.delete(path)


def _active_superuser_ids(aws_state: AwsState) -> list[str]:
    users = aws_state.query_gsi1("USERS")
    return [each["id"] for each in users if each["status"] == "active" and "superuser" in each["roles"]]
