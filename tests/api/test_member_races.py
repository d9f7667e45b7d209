"""Concurrent changes of members: a project keeps an owner, and its owner count is correct (Z4)."""

from collections.abc import Callable
from functools import partial
from itertools import product

import pytest

from holdall.accounts.service import security
from holdall.iam.service import users
from holdall.platform.caller import Caller
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction
from holdall.projects.model import Membership
from holdall.projects.service import members as service
from holdall.projects.service import projects
from holdall.projects.store import members
from tests.support import users as people
from tests.support.aws import FakeAws
from tests.support.callers import get_membership_or_none, get_project, make_caller
from tests.support.client import Client, Response
from tests.support.faults import interleave
from tests.support.projects import (
    change_member_role,
    create_member,
    get_member_roles,
    leave_project,
    remove_member,
    status_and_code,
    transfer_ownership,
)

ServiceAction = Callable[[Caller, Client, str], object]


def get_other_member_id(project_id: str) -> str:
    """Return the ID of the only member who is not an owner."""
    found = members.list_members(project_id, PageRequest(10)).items
    return next(each.user_id for each in found if each.role != "owner")


def get_own(caller: Caller, project_id: str) -> Membership | None:
    return get_membership_or_none(project_id, caller.user_id)


def delete_account(actor: Caller) -> None:
    account = users.find_active(actor.user_id)
    assert account is not None
    security.delete_account(actor, account, "it was deleted")


SERVICE_ACTIONS: dict[str, ServiceAction] = {
    "demote": lambda caller, other, shared_project: service.set_role(
        caller, get_project(shared_project), get_own(caller, shared_project), other.user["id"], "viewer"
    ),
    "remove": lambda caller, other, shared_project: service.delete(
        caller, get_project(shared_project), get_own(caller, shared_project), other.user["id"]
    ),
    "leave": lambda caller, other, shared_project: service.leave(
        caller, get_project(shared_project), get_own(caller, shared_project)
    ),
    "step_down": lambda caller, other, shared_project: service.set_role(
        caller, get_project(shared_project), get_own(caller, shared_project), caller.user_id, "editor"
    ),
    "transfer": lambda caller, other, shared_project: service.transfer_ownership(
        caller,
        get_project(shared_project),
        get_own(caller, shared_project),
        get_other_member_id(shared_project),
    ),
    "delete_account": lambda caller, other, shared_project: delete_account(caller),
}


API_ACTIONS: dict[str, Callable[[Client, Client, str], Response]] = {
    "demote": lambda client, other, shared_project: change_member_role(
        client, shared_project, other.user["id"], "viewer"
    ),
    "remove": lambda client, other, shared_project: remove_member(client, shared_project, other.user["id"]),
    "leave": lambda client, other, shared_project: leave_project(client, shared_project),
    "step_down": lambda client, other, shared_project: change_member_role(
        client, shared_project, client.user["id"], "editor"
    ),
    "transfer": lambda client, other, shared_project: transfer_ownership(
        client, shared_project, get_other_member_id(shared_project)
    ),
    "delete_account": lambda client, other, shared_project: people.delete_account(client),
}
OWNER_REMOVALS = ("demote", "remove", "leave", "step_down")  # each removes one owner


@pytest.mark.parametrize(("faster", "slower"), list(product(OWNER_REMOVALS, OWNER_REMOVALS)))
def test_project_keeps_one_of_two_owners_who_are_removed_at_once(
    client: Client, fake_aws: FakeAws, shared_project: str, faster: str, slower: str
) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")
    with interleave("TransactWriteItems", lambda: SERVICE_ACTIONS[faster](make_caller(other), client, shared_project)):
        response = API_ACTIONS[slower](client, other, shared_project)

    assert response.status == 409
    assert response.problem()["code"] in ("last_owner", "member_changed")
    owners = [
        row["user_id"]
        for row in fake_aws.find_rows("main", record_type="member", project_id=shared_project, role="owner")
    ]
    assert owners == [client.user["id"] if faster in ("leave", "step_down") else other.user["id"]]
    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{shared_project}", sk="PROJECT")
    assert project["owner_count"] == 1


@pytest.mark.parametrize(
    ("faster", "slower"),
    [pair for pair in product(API_ACTIONS, API_ACTIONS) if not set(OWNER_REMOVALS).issuperset(pair)],
)
def test_active_project_keeps_an_active_owner_when_two_changes_race(
    client: Client, fake_aws: FakeAws, shared_project: str, faster: str, slower: str
) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")
    create_member(client, shared_project, fake_aws, "editor")
    with interleave("TransactWriteItems", lambda: SERVICE_ACTIONS[faster](make_caller(other), client, shared_project)):
        response = API_ACTIONS[slower](client, other, shared_project)

    if response.status >= 300:
        assert status_and_code(response) in [(409, "last_owner"), (409, "member_changed"), (404, "not_found")]
    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{shared_project}", sk="PROJECT")
    owners = {
        row["user_id"]
        for row in fake_aws.find_rows("main", record_type="member", project_id=shared_project, role="owner")
    }
    active = {row["id"] for row in fake_aws.find_rows("main", record_type="user", status="active")}
    assert project["owner_count"] == len(owners)
    assert owners
    assert project["status"] == "deleted" or owners <= active


def test_concurrent_change_of_a_member_is_reported(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    other, third = (
        create_member(client, shared_project, fake_aws, "owner"),
        create_member(client, shared_project, fake_aws),
    )
    faster = partial(
        service.set_role, make_caller(other), get_project(shared_project), None, third.user["id"], "editor"
    )
    with interleave("TransactWriteItems", faster):
        assert status_and_code(change_member_role(client, shared_project, third.user["id"], "owner")) == (
            409,
            "member_changed",
        )

    assert get_member_roles(client, shared_project)[third.user["id"]] == "editor"


def test_removal_does_not_affect_a_member_who_joined_again(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other, third = (
        create_member(client, shared_project, fake_aws, "owner"),
        create_member(client, shared_project, fake_aws),
    )

    def remove_and_add() -> None:
        service.delete(make_caller(other), get_project(shared_project), None, third.user["id"])
        with Transaction() as tx:
            service.add(tx, shared_project, third.user["id"], "viewer")

    with interleave("TransactWriteItems", remove_and_add):
        assert status_and_code(remove_member(client, shared_project, third.user["id"])) == (409, "member_changed")
    assert get_member_roles(client, shared_project)[third.user["id"]] == "viewer"


@pytest.mark.parametrize("action", ["promote", "demote", "remove", "leave", "transfer"])
def test_members_of_a_project_deleted_meanwhile_are_unchanged(
    client: Client, fake_aws: FakeAws, shared_project: str, action: str
) -> None:
    other, third = (
        create_member(client, shared_project, fake_aws, "owner"),
        create_member(client, shared_project, fake_aws, "editor"),
    )
    user_id = third.user["id"]
    actions: dict[str, Callable[[], Response]] = {
        "promote": lambda: change_member_role(client, shared_project, user_id, "owner"),
        "demote": lambda: change_member_role(client, shared_project, user_id, "viewer"),
        "remove": lambda: remove_member(client, shared_project, user_id),
        "leave": lambda: leave_project(third, shared_project),
        "transfer": lambda: transfer_ownership(client, shared_project, user_id),
    }
    with interleave("TransactWriteItems", lambda: projects.delete(make_caller(other), get_project(shared_project))):
        response = actions[action]()

    assert status_and_code(response) == (404, "not_found")
    client.post(f"/projects/{shared_project}/restore").data()
    assert get_member_roles(client, shared_project)[user_id] == "editor"


def test_concurrent_transfers_keep_the_owner_count_correct(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    first, second = (
        create_member(client, shared_project, fake_aws),
        create_member(client, shared_project, fake_aws, "editor"),
    )
    faster = partial(
        service.transfer_ownership,
        make_caller(client),
        get_project(shared_project),
        get_membership_or_none(shared_project, client.user["id"]),
        first.user["id"],
    )
    with interleave("TransactWriteItems", faster):
        assert status_and_code(transfer_ownership(client, shared_project, second.user["id"])) == (409, "member_changed")

    owners = [id_ for id_, role in get_member_roles(first, shared_project).items() if role == "owner"]
    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{shared_project}", sk="PROJECT")
    assert (owners, project["owner_count"]) == ([first.user["id"]], 1)
