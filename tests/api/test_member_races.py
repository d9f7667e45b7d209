"""Members who are changed by two at once: a project keeps an owner, and as many as are counted (Z4)."""

from collections.abc import Callable
from functools import partial
from itertools import product

import pytest

from holdall.accounts.service import changes
from holdall.caller import Caller
from holdall.iam.service import users
from holdall.page import PageRequest
from holdall.projects.service import members as service
from holdall.projects.service import projects
from holdall.projects.store import members
from holdall.table import Transaction
from tests.api import people
from tests.api.callers import caller, membership, place
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.faults import meanwhile
from tests.api.members import change, code, joined, leave, remove, roles, transfer

Deed = Callable[[Caller, Client, str], object]


def heir(room: str) -> str:
    """The one member of a project who is no owner."""
    found = members.members(room, PageRequest(10)).items
    return next(each.user_id for each in found if each.role != "owner")


def gone(somebody: Caller) -> None:
    known = users.known(somebody.user_id)
    assert known is not None
    changes.depart(somebody, known, "it was deleted")


DEEDS: dict[str, Deed] = {
    "demote": lambda who, other, room: service.change(who, place(room), other.user["id"], "viewer"),
    "remove": lambda who, other, room: service.remove(who, place(room), other.user["id"]),
    "leave": lambda who, other, room: service.leave(who, place(room), membership(room, who.user_id)),
    "step back": lambda who, other, room: service.change(who, place(room), who.user_id, "editor"),
    "transfer": lambda who, other, room: service.transfer(who, place(room), membership(room, who.user_id), heir(room)),
    "depart": lambda who, other, room: gone(who),
}


ASKED: dict[str, Callable[[Client, Client, str], Answer]] = {
    "demote": lambda client, other, room: change(client, room, other.user["id"], "viewer"),
    "remove": lambda client, other, room: remove(client, room, other.user["id"]),
    "leave": lambda client, other, room: leave(client, room),
    "step back": lambda client, other, room: change(client, room, client.user["id"], "editor"),
    "transfer": lambda client, other, room: transfer(client, room, heir(room)),
    "depart": lambda client, other, room: people.leave(client),
}
FEWER = ("demote", "remove", "leave", "step back")  # each takes one owner, and leaves the project as it is


@pytest.mark.parametrize(("faster", "slower"), list(product(FEWER, FEWER)))
def test_of_two_owners_at_once_one_stays(client: Client, cloud: Cloud, room: str, faster: str, slower: str) -> None:
    other = joined(client, room, cloud, "owner")
    with meanwhile("TransactWriteItems", lambda: DEEDS[faster](caller(other), client, room)):
        answer = ASKED[slower](client, other, room)

    assert answer.status == 409
    assert answer.problem()["code"] in ("last_owner", "member_changed")
    owners = [row["user_id"] for row in cloud.rows("main", record_kind="member", project_id=room, role="owner")]
    assert owners == [client.user["id"] if faster in ("leave", "step back") else other.user["id"]]
    (project,) = cloud.rows("main", pk=f"PROJECT#{room}", sk="PROJECT")
    assert project["owners"] == 1


@pytest.mark.parametrize(
    ("faster", "slower"), [pair for pair in product(ASKED, ASKED) if not set(FEWER).issuperset(pair)]
)
def test_whoever_hands_on_or_departs_a_living_project_has_an_owner_who_is_there(
    client: Client, cloud: Cloud, room: str, faster: str, slower: str
) -> None:
    other = joined(client, room, cloud, "owner")
    joined(client, room, cloud, "editor")
    with meanwhile("TransactWriteItems", lambda: DEEDS[faster](caller(other), client, room)):
        answer = ASKED[slower](client, other, room)

    if answer.status >= 300:
        assert code(answer) in [(409, "last_owner"), (409, "member_changed"), (404, "not_found")]
    (project,) = cloud.rows("main", pk=f"PROJECT#{room}", sk="PROJECT")
    owners = {row["user_id"] for row in cloud.rows("main", record_kind="member", project_id=room, role="owner")}
    active = {row["id"] for row in cloud.rows("main", record_kind="user", status="active")}
    assert project["owners"] == len(owners)
    assert owners
    assert project["status"] == "deleted" or owners <= active


def test_a_change_over_another_is_told(client: Client, cloud: Cloud, room: str) -> None:
    other, third = joined(client, room, cloud, "owner"), joined(client, room, cloud)
    faster = partial(service.change, caller(other), place(room), third.user["id"], "editor")
    with meanwhile("TransactWriteItems", faster):
        assert code(change(client, room, third.user["id"], "owner")) == (409, "member_changed")

    assert roles(client, room)[third.user["id"]] == "editor"


def test_who_left_and_joined_again_is_not_removed_by_what_was_meant_before(
    client: Client, cloud: Cloud, room: str
) -> None:
    other, third = joined(client, room, cloud, "owner"), joined(client, room, cloud)

    def again() -> None:
        service.remove(caller(other), place(room), third.user["id"])
        with Transaction() as write:
            service.join(write, room, third.user["id"], "viewer")

    with meanwhile("TransactWriteItems", again):
        assert code(remove(client, room, third.user["id"])) == (409, "member_changed")
    assert roles(client, room)[third.user["id"]] == "viewer"


@pytest.mark.parametrize("deed", ["promote", "demote", "remove", "leave", "transfer"])
def test_nobody_is_changed_in_what_was_deleted_meanwhile(client: Client, cloud: Cloud, room: str, deed: str) -> None:
    other, third = joined(client, room, cloud, "owner"), joined(client, room, cloud, "editor")
    user_id = third.user["id"]
    deeds: dict[str, Callable[[], Answer]] = {
        "promote": lambda: change(client, room, user_id, "owner"),
        "demote": lambda: change(client, room, user_id, "viewer"),
        "remove": lambda: remove(client, room, user_id),
        "leave": lambda: leave(third, room),
        "transfer": lambda: transfer(client, room, user_id),
    }
    with meanwhile("TransactWriteItems", lambda: projects.delete(caller(other), place(room))):
        answer = deeds[deed]()

    assert code(answer) == (404, "not_found")
    client.post(f"/projects/{room}/restore").data()
    assert roles(client, room)[user_id] == "editor"


def test_two_transfers_at_once_leave_as_many_owners_as_are_counted(client: Client, cloud: Cloud, room: str) -> None:
    one, other = joined(client, room, cloud), joined(client, room, cloud, "editor")
    faster = partial(service.transfer, caller(client), place(room), membership(room, client.user["id"]), one.user["id"])
    with meanwhile("TransactWriteItems", faster):
        assert code(transfer(client, room, other.user["id"])) == (409, "member_changed")

    owners = [id_ for id_, role in roles(one, room).items() if role == "owner"]
    (project,) = cloud.rows("main", pk=f"PROJECT#{room}", sk="PROJECT")
    assert (owners, project["owners"]) == ([one.user["id"]], 1)
