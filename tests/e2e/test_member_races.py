"""Two owners of a project who remove each other at the same time: one of them remains (Z4)."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from tests.support.e2e.actions import add_member, create_project, run_concurrently
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Response, Server, create_client
from tests.support.e2e.mailbox import Mailbox

_ROUND_COUNT = int(os.environ.get("HOLDALL_RACE_ROUNDS", "6"))  # each way at least twice


def test_two_owners_who_remove_each_other_leave_one_owner(
    client: Client, api_gateway: Server, aws_state: AwsState, mailbox: Mailbox
) -> None:
    project_id, both = create_project(client), [client, create_client(api_gateway)]
    path = f"/projects/{project_id}"
    for number in range(_ROUND_COUNT):
        _make_second_owner(both, project_id, mailbox)
        assert _read_owners(aws_state, project_id) == (2, sorted(each.user["id"] for each in both))

        responses = run_concurrently(2, partial(_remove_other_owner, both, path, number))

        succeeded = [response.status < 300 for response in responses]
        assert sorted(succeeded) == [False, True], [(response.status, response.content) for response in responses]
        # The other one got a conflict, or was no owner or no member any more when the request arrived.
        assert responses[succeeded.index(False)].status in (403, 404, 409)
        remaining = both[succeeded.index(number % 3 != 2)]  # the third way is to leave
        assert _read_owners(aws_state, project_id) == (1, [remaining.user["id"]])
        both = [remaining, both[1 - both.index(remaining)]]


def _remove_other_owner(owners: Sequence[Client], path: str, round_number: int, index: int) -> Response:
    """Remove or demote the other owner, or leave: one of these in each round."""
    owner, member_path = owners[index], f"{path}/members/{owners[1 - index].user['id']}"
    if round_number % 3 == 0:
        return owner.delete(member_path)
    if round_number % 3 == 1:
        return owner.request("PATCH", member_path, {"role": "viewer"})
    return owner.post(f"{path}/leave")


def _make_second_owner(owners: Sequence[Client], project_id: str, mailbox: Mailbox) -> None:
    """Make the second user an owner, and a member before that if necessary."""
    owner, other = owners
    if other.get(f"/projects/{project_id}").status == 404:
        add_member(owner, project_id, mailbox, other, "viewer")
    owner.request("PATCH", f"/projects/{project_id}/members/{other.user['id']}", {"role": "owner"}).data()


def _read_owners(aws_state: AwsState, project_id: str) -> tuple[Any, list[str]]:
    """Return the number of owners in the project's row, and their user IDs."""
    rows = aws_state.rows(f"PROJECT#{project_id}")
    (owner_count,) = [row["owner_count"] for row in rows if row["sk"] == "PROJECT"]
    return owner_count, sorted(
        row["user_id"] for row in rows if row["sk"].startswith("MEMBER#") and row["role"] == "owner"
    )
