"""Roles and permissions of an installation's own: what they may hold, who may make them, and when a change counts (Z4, S4)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from holdall import ids
from holdall.errors import Conflict
from holdall.roles import permissions, service
from holdall.roles.model import ChangeRole, NewPermission
from holdall.table import items
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock
from tests.api.faults import injected, meanwhile
from tests.api.staff import Staff, as_superuser, new_permission, new_role

BUILT_IN = ["admin", "superuser", "user"]


def put(client: Client, role: str, **body: Any) -> Answer:
    return client.request("PUT", f"/roles/{role}", body)


def counter(cloud: Cloud, name: str) -> int:
    """How many roles hold a permission."""
    (row,) = cloud.rows("main", record_kind="permission", name=name)
    return int(row["roles"])


def epochs(cloud: Cloud) -> set[int]:
    rows = cloud.rows("main", record_kind="epoch")
    assert len(rows) in (0, 16)
    return {int(row["number"]) for row in rows}


def told(cloud: Cloud, target: str) -> list[tuple[str, str]]:
    return sorted((row["action"], row["outcome"]) for row in cloud.rows("audit", target=target))


def walked(client: Client, path: str, limit: int) -> list[str]:
    """The names on all pages, and back again from the last."""
    first = page = client.get(f"{path}?limit={limit}").json()
    names = [[each["name"] for each in page["data"]]]
    while page["pagination"]["hasNext"]:
        assert len(page["data"]) == limit
        page = client.get(f"{path}?limit={limit}&cursor={page['pagination']['next']}").json()
        names.append([each["name"] for each in page["data"]])
    for number in range(len(names) - 2, -1, -1):
        page = client.get(f"{path}?limit={limit}&cursor={page['pagination']['prev']}").json()
        assert [each["name"] for each in page["data"]] == names[number]
    assert page["data"] == first["data"]
    assert not page["pagination"]["hasPrev"]
    return [name for each in names for name in each]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_all_roles_are_listed_by_name_on_pages_of_any_size(staff: Staff, limit: int) -> None:
    made = [staff.role() for _ in range(3)]
    for name in ("aa", "sz", "zz"):
        staff.root.post("/roles", {"name": name, "permissions": []}).created()

    assert walked(staff.root, "/roles", limit) == sorted([*BUILT_IN, *made, "aa", "sz", "zz"])


@pytest.mark.parametrize("limit", [7, 34, 35, 100])
def test_all_permissions_are_listed_by_name_on_pages_of_any_size(staff: Staff, limit: int) -> None:
    made = [staff.permission() for _ in range(3)]

    assert walked(staff.root, "/permissions", limit) == sorted([*permissions.PERMISSIONS, *made])


def test_a_cursor_of_another_list_is_refused(staff: Staff) -> None:
    cursor = staff.root.get("/roles?limit=1").json()["pagination"]["next"]

    assert staff.root.get(f"/permissions?cursor={cursor}").problem()["code"] == "bad_cursor"


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_role_holds_what_the_table_says_and_stays(root: Client, name: str) -> None:
    role = root.get(f"/roles/{name}").data()

    assert role["builtIn"]
    assert set(role["permissions"]) == permissions.of_role(name)
    assert root.post("/roles", {"name": name, "permissions": []}).problem()["code"] == "role_exists"
    for refused in (put(root, name, permissions=[]), root.delete(f"/roles/{name}")):
        assert (refused.status, refused.problem()["code"]) == (409, "built_in")


def test_every_permission_of_ours_tells_what_it_allows(root: Client) -> None:
    listed = root.get("/permissions?limit=100").data()

    assert all(each["builtIn"] and each["description"].endswith(".") for each in listed)


def test_a_role_is_made_changed_and_removed(root: Client, cloud: Cloud) -> None:
    name = new_role()
    made = root.post("/roles", {"name": name, "permissions": ["users.read", "audit.read"]}).created()

    assert made == {
        "name": name,
        "description": "",
        "permissions": ["audit.read", "users.read"],
        "builtIn": False,
        "createdAt": made["createdAt"],
    }
    assert put(root, name, description="Looks").data() == {**made, "description": "Looks"}
    changed = put(root, name, permissions=["users.read"]).data()
    assert changed == {**made, "description": "Looks", "permissions": ["users.read"]}
    assert root.get(f"/roles/{name}").data() == changed
    assert root.delete(f"/roles/{name}").status == 204
    for gone in (root.get(f"/roles/{name}"), put(root, name), root.delete(f"/roles/{name}")):
        assert (gone.status, gone.problem()["code"]) == (404, "not_found")
    assert epochs(cloud) == {2}
    success = [("roles.create", "success"), ("roles.delete", "success")] + [("roles.update", "success")] * 2
    assert told(cloud, name) == success


def test_one_key_makes_one_role_and_one_permission(root: Client, cloud: Cloud) -> None:
    key = {"idempotency-key": "key"}
    for path, said in (
        ("/roles", {"name": new_role(), "permissions": []}),
        ("/permissions", {"name": new_permission(), "description": "x"}),
    ):
        made = root.post(path, said, headers=key).created()
        assert root.post(path, said, headers=key).created() == made
        assert root.post(path, said).status == 409
        assert root.post(path, {**said, "description": "y"}, headers=key).status == 422


@pytest.mark.parametrize(
    ("held", "code", "pointer"),
    [
        (["users.read", "files.read"], "not_for_roles", "/permissions/1"),
        (["projects.update"], "not_for_roles", "/permissions/0"),
        (["projects.any"], "not_for_roles", "/permissions/0"),
        (["users.read", "reports.nothing"], "unknown_permission", "/permissions/1"),
        (["users.nothing"], "unknown_permission", "/permissions/0"),
        (["users.read", "users.read"], "value_error", "/permissions"),
        (["Users.read"], "string_pattern_mismatch", "/permissions/0"),
        (["users"], "string_pattern_mismatch", "/permissions/0"),
        ([f"a.{'b' * 63}"], "too_long", "/permissions/0"),
        ([f"reports.x{number}" for number in range(41)], "too_many", "/permissions"),
    ],
)
def test_a_role_holds_what_counts_in_the_whole_installation_and_nothing_else(
    staff: Staff, cloud: Cloud, held: list[str], code: str, pointer: str
) -> None:
    role, before = staff.role("users.read"), epochs(cloud)
    for refused in (
        staff.root.post("/roles", {"name": new_role(), "permissions": held}),
        put(staff.root, role, permissions=held),
    ):
        (error,) = refused.problem()["errors"]
        assert (refused.status, error["code"], error["pointer"]) == (422, code, pointer)
    assert epochs(cloud) == before
    assert staff.root.get(f"/roles/{role}").data()["permissions"] == ["users.read"]


@pytest.mark.parametrize("name", ["", "A", "1a", "a_b", "a.b", "a" * 33, "a\n", "ä", "-a"])
def test_a_role_has_a_plain_name(root: Client, name: str) -> None:
    assert root.post("/roles", {"name": name, "permissions": []}).status == 422


@pytest.mark.parametrize(
    "name", ["reports", "reports.", ".x", "reports..x", "Reports.x", "a.b\n", "1.a", f"a.{'b' * 63}"]
)
def test_a_permission_has_a_plain_name(root: Client, name: str) -> None:
    assert root.post("/permissions", {"name": name}).status == 422


@pytest.mark.parametrize("name", ["users.read", "users.anything", "files.x.y", "projects.any"])
def test_no_permission_is_named_as_one_of_ours(root: Client, name: str) -> None:
    refused = root.post("/permissions", {"name": name})

    assert (refused.status, refused.problem()["code"]) == (409, "permission_exists")


def test_forty_permissions_are_exchanged_for_forty_others_at_once(staff: Staff, cloud: Cloud) -> None:
    """A transaction has 100 items, and this is the largest that there is."""
    old, new = ([new_permission() for _ in range(40)] for _ in range(2))
    for name in (*old, *new):
        service.add_permission(as_superuser(staff.root), NewPermission(name=name))
    role = staff.role(*old)

    assert put(staff.root, role, permissions=new).data()["permissions"] == sorted(new)
    assert {counter(cloud, name) for name in old} == {0}
    assert {counter(cloud, name) for name in new} == {1}


def test_what_is_in_use_is_not_removed(staff: Staff, cloud: Cloud) -> None:
    permission = staff.permission()
    role = staff.role(permission)
    holder = staff.member(role)

    assert staff.root.delete(f"/roles/{role}").problem()["code"] == "role_in_use"
    assert staff.root.delete(f"/permissions/{permission}").problem()["code"] == "permission_in_use"
    assert staff.root.delete(f"/users/{holder.user['id']}/roles/{role}").status == 204
    assert staff.root.delete(f"/roles/{role}").status == 204
    assert counter(cloud, permission) == 0
    assert staff.root.delete(f"/permissions/{permission}").status == 204
    assert staff.root.delete(f"/permissions/{permission}").problem()["code"] == "not_found"
    assert staff.root.delete("/permissions/users.read").problem()["code"] == "built_in"


def test_a_change_of_a_role_counts_with_the_next_request(staff: Staff, frozen: Clock) -> None:
    role = staff.role("users.read")
    holder = staff.member(role)
    for _ in range(2):  # as it was read, and as it is remembered
        frozen.forward(seconds=3)
        assert holder.get("/users").status == 200
        assert holder.get("/audit").status == 403

    put(staff.root, role, permissions=["audit.read"]).data()
    assert holder.get("/users").status == 403
    assert holder.get("/audit").status == 200


def test_who_changes_a_role_holds_all_that_it_gains_or_has(staff: Staff, cloud: Cloud) -> None:
    own = staff.permission()
    low, high, odd = staff.role("users.read"), staff.role("users.read", "tasks.run"), staff.role(own)
    helper = staff.holder("users.read", "roles.read", "roles.create", "roles.update", "roles.delete")
    name = new_role()
    attempts = {
        name: helper.post("/roles", {"name": name, "permissions": ["users.read", "users.delete"]}),
        low: put(helper, low, permissions=["users.read", "users.delete"]),
        high: put(helper, high, permissions=["users.read"]),
        odd: helper.delete(f"/roles/{odd}"),
    }

    for role, refused in attempts.items():
        assert (refused.status, refused.problem()["code"]) == (403, "beyond_own_rights")
        assert [outcome for _, outcome in told(cloud, role)].count("denied") == 1
    assert put(helper, low, permissions=[]).status == 200
    assert staff.root.get(f"/roles/{name}").status == 404
    assert staff.root.get(f"/roles/{high}").data()["permissions"] == ["tasks.run", "users.read"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/roles", None),
        ("POST", "/roles", {"name": "x", "permissions": []}),
        ("GET", "/roles/user", None),
        ("PUT", "/roles/user", {}),
        ("DELETE", "/roles/user", None),
        ("GET", "/permissions", None),
        ("POST", "/permissions", {"name": "a.b"}),
        ("DELETE", "/permissions/a.b", None),
    ],
)
def test_roles_are_no_business_of_users(staff: Staff, client: Client, method: str, path: str, body: Any) -> None:
    assert client.request(method, path, body).problem()["code"] == "forbidden"
    allowed = method == "GET"
    assert (staff.member("admin").request(method, path, body).status < 300) == allowed


# What is remembered, and under which epoch


@contextmanager
def after_reading(do: Callable[[], object]) -> Iterator[None]:
    """Let something happen when the next BatchGetItem has been answered, and before its answer is looked at."""
    events = items.connection.client.meta.events

    def step_in(**_: Any) -> None:
        events.unregister("after-call.dynamodb.BatchGetItem", step_in)
        do()

    events.register_last("after-call.dynamodb.BatchGetItem", step_in)
    yield


def change(root: Client, role: str, *held: str) -> None:
    service.change(as_superuser(root), role, ChangeRole(permissions=list(held)))


def settled(frozen: Clock, epoch: int) -> None:
    """As in a process that has seen this epoch for a while."""
    service._memories.clear()
    service.held([new_role()], epoch)
    frozen.forward(seconds=3)


def test_a_role_is_read_once_under_an_epoch(staff: Staff, frozen: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    role = staff.role("users.read")
    settled(frozen, 0)
    service.held([role], 0)
    with injected(monkeypatch) as calls:
        assert service.held(["user", role], 0) == {"projects.create", "users.read"}
    assert calls.calls == []


def test_a_role_that_changes_before_it_is_read_is_no_older_than_its_epoch(staff: Staff, frozen: Clock) -> None:
    role = staff.role("users.read")
    settled(frozen, 0)
    with meanwhile("BatchGetItem", lambda: change_row(staff, role)):
        assert service.held([role], 0) == {"audit.read"}

    assert service.held([role], 1) == {"audit.read"}


def change_row(staff: Staff, role: str) -> None:
    put(staff.root, role, permissions=["audit.read"]).data()


def test_a_role_that_changed_after_it_was_read_is_not_remembered_under_the_next_epoch(
    staff: Staff, frozen: Clock
) -> None:
    role = staff.role("users.read")
    settled(frozen, 0)

    def change_and_ask() -> None:
        change(staff.root, role)
        settled(frozen, 1)

    with after_reading(change_and_ask):
        assert service.held([role], 0) == {"users.read"}
    assert service.held([role], 1) == frozenset()


def test_a_role_that_is_older_than_its_epoch_for_a_moment_is_not_remembered(
    staff: Staff, cloud: Cloud, frozen: Clock
) -> None:
    role = staff.role("users.read")
    change(staff.root, role)
    cloud.change(f"ROLE#{role}", "ROLE", permissions=["users.read"])  # what the transaction has not reached yet
    assert service.held([role], 1) == {"users.read"}
    cloud.change(f"ROLE#{role}", "ROLE", permissions=[])
    assert service.held([role], 1) == frozenset()


def test_a_role_that_is_made_again_holds_what_it_holds_now(staff: Staff, client: Client, frozen: Clock) -> None:
    role, path = staff.role("users.read"), f"/users/{client.user['id']}/roles"
    staff.root.post(path, {"role": role}).data()
    for _ in range(2):
        frozen.forward(seconds=3)
        assert client.get("/users").status == 200
    staff.root.delete(f"{path}/{role}")
    assert staff.root.delete(f"/roles/{role}").status == 204
    assert client.get("/audit").status == 403

    staff.root.post("/roles", {"name": role, "permissions": ["audit.read"]}).created()
    staff.root.post(path, {"role": role}).data()
    assert client.get("/users").status == 403
    assert client.get("/audit").status == 200


def test_an_epoch_begins_with_what_changes_what_somebody_may_hold(staff: Staff, cloud: Cloud) -> None:
    """All that is remembered is read anew then, by every process."""
    role, permission = staff.role("users.read"), staff.permission()
    put(staff.root, role, description="Looks").data()
    put(staff.root, role, permissions=["users.read"]).data()
    staff.root.delete(f"/permissions/{permission}")
    assert epochs(cloud) == set()

    put(staff.root, role, permissions=["audit.read"]).data()
    assert epochs(cloud) == {1}
    staff.root.delete(f"/roles/{role}")
    assert epochs(cloud) == {2}


def test_a_change_that_changes_nothing_leaves_no_trace(staff: Staff, cloud: Cloud) -> None:
    role = staff.role("users.read", "audit.read")
    made = staff.root.get(f"/roles/{role}").data()

    assert put(staff.root, role).data() == made
    assert put(staff.root, role, description="", permissions=["users.read", "audit.read"]).data() == made
    assert told(cloud, role) == [("roles.create", "success")]


def test_every_copy_of_the_epoch_goes_on_together(staff: Staff, cloud: Cloud) -> None:
    change(staff.root, staff.role("users.read"))

    assert epochs(cloud) == {1}
    assert {row["pk"] for row in cloud.rows("main", record_kind="epoch")} == {
        f"IAM#EPOCH#{number}" for number in range(ids.SHARDS)
    }


# Races


def test_a_role_is_not_removed_while_somebody_gets_it(staff: Staff, client: Client) -> None:
    role, path = staff.role("users.read"), f"/users/{client.user['id']}/roles"
    with meanwhile("TransactWriteItems", lambda: service.remove(as_superuser(staff.root), role)):
        late = staff.root.post(path, {"role": role})
    assert (late.status, late.problem()["code"]) == (409, "role_gone")

    kept = staff.role("users.read")
    staff.root.post(path, {"role": kept}).data()
    with pytest.raises(Conflict):
        service.remove(as_superuser(staff.root), kept)


def test_a_permission_is_not_removed_while_a_role_gets_it(staff: Staff) -> None:
    permission = staff.permission()
    with meanwhile("TransactWriteItems", lambda: service.remove_permission(as_superuser(staff.root), permission)):
        late = staff.root.post("/roles", {"name": new_role(), "permissions": [permission]})

    assert late.problem()["errors"][0]["code"] == "unknown_permission"


def test_two_changes_of_a_role_at_once_leave_its_counters_right(staff: Staff, cloud: Cloud) -> None:
    one, two = staff.permission(), staff.permission()
    role = staff.role(one)
    with meanwhile("TransactWriteItems", lambda: change(staff.root, role, two)):
        late = put(staff.root, role, permissions=[])

    assert late.problem()["code"] == "role_changed"
    assert (counter(cloud, one), counter(cloud, two)) == (0, 1)


@pytest.mark.parametrize(
    ("said", "faster"),
    [({"permissions": []}, {"description": "Looks"}), ({"description": "Looks"}, {"permissions": []})],
)
def test_of_two_changes_of_a_role_at_once_none_is_lost(staff: Staff, said: Any, faster: Any) -> None:
    role, caller = staff.role("users.read"), as_superuser(staff.root)
    with meanwhile("TransactWriteItems", lambda: service.change(caller, role, ChangeRole(**faster))):
        late = put(staff.root, role, **said)

    assert late.problem()["code"] == "role_changed"
    assert put(staff.root, role, **said).status == 200
    shown = staff.root.get(f"/roles/{role}").data()
    assert (shown["description"], shown["permissions"]) == ("Looks", [])
