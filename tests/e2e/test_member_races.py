"""Owners of a project who put each other out at the same moment: whatever they do, and however it falls out, one stays (Z4)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from tests.support.e2e.actions import create_project, run_concurrently
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Response, Server, create_client
from tests.support.e2e.mailbox import Mailbox

_ROUND_COUNT = 20


def test_two_owners_who_put_each_other_out_at_once_leave_one(
    client: Client, api_gateway: Server, aws_state: AwsState, mailbox: Mailbox
) -> None:
    project_id, both = create_project(client), [client, create_client(api_gateway)]
    path = f"/projects/{project_id}"
    for number in range(_ROUND_COUNT):
        _make_second_owner(both, path, mailbox)
        assert _read_owners(aws_state, project_id) == (2, sorted(each.user["id"] for each in both))

        answers = run_concurrently(2, partial(_remove_other_owner, both, path, number))

        done = [answer.status < 300 for answer in answers]
        assert sorted(done) == [False, True], [(answer.status, answer.content) for answer in answers]
        # Who came second was told so, or was no owner or no member any more when they were asked who they are.
        assert answers[done.index(False)].status in (403, 404, 409)
        stays = both[done.index(number % 3 != 2)]  # who leaves puts out themselves
        assert _read_owners(aws_state, project_id) == (1, [stays.user["id"]])
        both = [stays, both[1 - both.index(stays)]]


def _remove_other_owner(owners: Sequence[Client], path: str, round_number: int, index: int) -> Response:
    """One of them puts the other out, or leaves: in one of three ways, each in its turn."""
    one, member = owners[index], f"{path}/members/{owners[1 - index].user['id']}"
    if round_number % 3 == 0:
        return one.delete(member)
    if round_number % 3 == 1:
        return one.request("PATCH", member, {"role": "viewer"})
    return one.post(f"{path}/leave")


def _make_second_owner(owners: Sequence[Client], path: str, mailbox: Mailbox) -> None:
    """Bring the second of them in, if they are out, and make them an owner."""
    owner, other = owners
    if other.get(path).status == 404:
        before = len(mailbox.emails_to(other.email))
        owner.post(f"{path}/invitations", {"email": other.email, "role": "viewer"}).data()
        other.post("/invitations/accept", {"token": mailbox.wait_for_token(other.email, count=before + 1)}).data()
    owner.request("PATCH", f"{path}/members/{other.user['id']}", {"role": "owner"}).data()


def _read_owners(aws_state: AwsState, project_id: str) -> tuple[Any, list[str]]:
    """How many owners the project counts, and who they are."""
    rows = aws_state.rows(f"PROJECT#{project_id}")
    (counted,) = [row["owner_count"] for row in rows if row["sk"] == "PROJECT"]
    return counted, sorted(row["user_id"] for row in rows if row["sk"].startswith("MEMBER#") and row["role"] == "owner")
