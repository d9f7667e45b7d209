"""Members who are changed by two at once: a project keeps an owner, and as many as are counted (Z4)."""

from collections.abc import Callable
from functools import partial
from itertools import product

import pytest

from holdall.accounts.service import security
from holdall.iam.service import users
from holdall.platform.caller import Caller
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction
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


def get_heir_id(project_id: str) -> str:
    """The one member of a project who is no owner."""
    found = members.list_members(project_id, PageRequest(10)).items
    return next(each.user_id for each in found if each.role != "owner")


def delete_account(actor: Caller) -> None:
    known = users.find_active(actor.user_id)
    assert known is not None
    security.delete_account(actor, known, "it was deleted")


SERVICE_ACTIONS: dict[str, ServiceAction] = {
    "demote": lambda who, other, shared_project: service.set_role(
        who, get_project(shared_project), other.user["id"], "viewer"
    ),
    "remove": lambda who, other, shared_project: service.delete(who, get_project(shared_project), other.user["id"]),
    "leave": lambda who, other, shared_project: service.leave(
        who, get_project(shared_project), get_membership_or_none(shared_project, who.user_id)
    ),
    "step_down": lambda who, other, shared_project: service.set_role(
        who, get_project(shared_project), who.user_id, "editor"
    ),
    "transfer": lambda who, other, shared_project: service.transfer_ownership(
        who,
        get_project(shared_project),
        get_membership_or_none(shared_project, who.user_id),
        get_heir_id(shared_project),
    ),
    "delete_account": lambda who, other, shared_project: delete_account(who),
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
        client, shared_project, get_heir_id(shared_project)
    ),
    "delete_account": lambda client, other, shared_project: people.delete_account(client),
}
OWNER_REMOVALS = ("demote", "remove", "leave", "step_down")  # each takes one owner, and leaves the project as it is


@pytest.mark.parametrize(("faster", "slower"), list(product(OWNER_REMOVALS, OWNER_REMOVALS)))
def test_of_two_owners_at_once_one_stays(
    client: Client, fake_aws: FakeAws, shared_project: str, faster: str, slower: str
) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")
    with interleave("TransactWriteItems", lambda: SERVICE_ACTIONS[faster](make_caller(other), client, shared_project)):
        answer = API_ACTIONS[slower](client, other, shared_project)

    assert answer.status == 409
    assert answer.problem()["code"] in ("last_owner", "member_changed")
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
def test_whoever_hands_on_or_departs_a_living_project_has_an_owner_who_is_there(
    client: Client, fake_aws: FakeAws, shared_project: str, faster: str, slower: str
) -> None:
    other = create_member(client, shared_project, fake_aws, "owner")
    create_member(client, shared_project, fake_aws, "editor")
    with interleave("TransactWriteItems", lambda: SERVICE_ACTIONS[faster](make_caller(other), client, shared_project)):
        answer = API_ACTIONS[slower](client, other, shared_project)

    if answer.status >= 300:
        assert status_and_code(answer) in [(409, "last_owner"), (409, "member_changed"), (404, "not_found")]
    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{shared_project}", sk="PROJECT")
    owners = {
        row["user_id"]
        for row in fake_aws.find_rows("main", record_type="member", project_id=shared_project, role="owner")
    }
    active = {row["id"] for row in fake_aws.find_rows("main", record_type="user", status="active")}
    assert project["owner_count"] == len(owners)
    assert owners
    assert project["status"] == "deleted" or owners <= active


def test_a_change_over_another_is_told(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    other, third = (
        create_member(client, shared_project, fake_aws, "owner"),
        create_member(client, shared_project, fake_aws),
    )
    faster = partial(service.set_role, make_caller(other), get_project(shared_project), third.user["id"], "editor")
    with interleave("TransactWriteItems", faster):
        assert status_and_code(change_member_role(client, shared_project, third.user["id"], "owner")) == (
            409,
            "member_changed",
        )

    assert get_member_roles(client, shared_project)[third.user["id"]] == "editor"


def test_who_left_and_joined_again_is_not_removed_by_what_was_meant_before(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other, third = (
        create_member(client, shared_project, fake_aws, "owner"),
        create_member(client, shared_project, fake_aws),
    )

    def again() -> None:
        service.delete(make_caller(other), get_project(shared_project), third.user["id"])
        with Transaction() as write:
            service.add(write, shared_project, third.user["id"], "viewer")

    with interleave("TransactWriteItems", again):
        assert status_and_code(remove_member(client, shared_project, third.user["id"])) == (409, "member_changed")
    assert get_member_roles(client, shared_project)[third.user["id"]] == "viewer"


@pytest.mark.parametrize("deed", ["promote", "demote", "remove", "leave", "transfer"])
def test_nobody_is_changed_in_what_was_deleted_meanwhile(
    client: Client, fake_aws: FakeAws, shared_project: str, deed: str
) -> None:
    other, third = (
        create_member(client, shared_project, fake_aws, "owner"),
        create_member(client, shared_project, fake_aws, "editor"),
    )
    user_id = third.user["id"]
    audited_targets: dict[str, Callable[[], Response]] = {
        "promote": lambda: change_member_role(client, shared_project, user_id, "owner"),
        "demote": lambda: change_member_role(client, shared_project, user_id, "viewer"),
        "remove": lambda: remove_member(client, shared_project, user_id),
        "leave": lambda: leave_project(third, shared_project),
        "transfer": lambda: transfer_ownership(client, shared_project, user_id),
    }
    with interleave("TransactWriteItems", lambda: projects.delete(make_caller(other), get_project(shared_project))):
        answer = audited_targets[deed]()

    assert status_and_code(answer) == (404, "not_found")
    client.post(f"/projects/{shared_project}/restore").data()
    assert get_member_roles(client, shared_project)[user_id] == "editor"


def test_two_transfers_at_once_leave_as_many_owners_as_are_counted(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    one, other = (
        create_member(client, shared_project, fake_aws),
        create_member(client, shared_project, fake_aws, "editor"),
    )
    faster = partial(
        service.transfer_ownership,
        make_caller(client),
        get_project(shared_project),
        get_membership_or_none(shared_project, client.user["id"]),
        one.user["id"],
    )
    with interleave("TransactWriteItems", faster):
        assert status_and_code(transfer_ownership(client, shared_project, other.user["id"])) == (409, "member_changed")

    owners = [id_ for id_, role in get_member_roles(one, shared_project).items() if role == "owner"]
    (project,) = fake_aws.find_rows("main", pk=f"PROJECT#{shared_project}", sk="PROJECT")
    assert (owners, project["owner_count"]) == ([one.user["id"]], 1)
