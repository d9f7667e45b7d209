"""Roles and permissions of an installation's own: what they may hold, who may make them, and when a change counts (Z4, S4)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from holdall.platform import ids
from holdall.platform.errors import Conflict
from holdall.platform.table import records
from holdall.roles import permissions, service
from holdall.roles.model import CreatePermissionRequest, UpdateRoleRequest
from tests.api.conftest import FrozenClock
from tests.support.admins import AdminFactory, make_superuser_caller, unique_permission_name, unique_role_name
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.faults import inject_faults, interleave

BUILTIN_ROLES = ["admin", "superuser", "user"]


def put_role(client: Client, role: str, **body: Any) -> Response:
    return client.request("PUT", f"/roles/{role}", body)


def count_roles_holding(fake_aws: FakeAws, permission_name: str) -> int:
    """How many roles hold a permission."""
    (row,) = fake_aws.find_rows("main", record_type="permission", name=permission_name)
    return int(row["roles"])


def epoch_numbers(fake_aws: FakeAws) -> set[int]:
    rows = fake_aws.find_rows("main", record_type="epoch")
    assert len(rows) in (0, 16)
    return {int(row["number"]) for row in rows}


def audit_actions(fake_aws: FakeAws, target: str) -> list[tuple[str, str]]:
    return sorted((row["action"], row["outcome"]) for row in fake_aws.find_rows("audit", target=target))


def list_all_names(client: Client, path: str, limit: int) -> list[str]:
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
def test_all_roles_are_listed_by_name_on_pages_of_any_size(admins: AdminFactory, limit: int) -> None:
    made = [admins.create_role() for _ in range(3)]
    for name in ("aa", "sz", "zz"):
        admins.superuser.post("/roles", {"name": name, "permissions": []}).created()

    assert list_all_names(admins.superuser, "/roles", limit) == sorted([*BUILTIN_ROLES, *made, "aa", "sz", "zz"])


@pytest.mark.parametrize("limit", [7, 34, 35, 100])
def test_all_permissions_are_listed_by_name_on_pages_of_any_size(admins: AdminFactory, limit: int) -> None:
    made = [admins.create_permission() for _ in range(3)]

    assert list_all_names(admins.superuser, "/permissions", limit) == sorted([*permissions.PERMISSIONS, *made])


def test_a_cursor_of_another_list_is_refused(admins: AdminFactory) -> None:
    cursor = admins.superuser.get("/roles?limit=1").json()["pagination"]["next"]

    assert admins.superuser.get(f"/permissions?cursor={cursor}").problem()["code"] == "bad_cursor"


@pytest.mark.parametrize("name", BUILTIN_ROLES)
def test_a_built_in_role_holds_what_the_table_says_and_stays(superuser: Client, name: str) -> None:
    role = superuser.get(f"/roles/{name}").data()

    assert role["builtIn"]
    assert set(role["permissions"]) == permissions.get_role_permissions(name)
    assert superuser.post("/roles", {"name": name, "permissions": []}).problem()["code"] == "role_exists"
    for refused in (put_role(superuser, name, permissions=[]), superuser.delete(f"/roles/{name}")):
        assert (refused.status, refused.problem()["code"]) == (409, "built_in")


def test_every_permission_of_ours_tells_what_it_allows(superuser: Client) -> None:
    listed = superuser.get("/permissions?limit=100").data()

    assert all(each["builtIn"] and each["description"].endswith(".") for each in listed)


def test_a_role_is_made_changed_and_removed(superuser: Client, fake_aws: FakeAws) -> None:
    name = unique_role_name()
    made = superuser.post("/roles", {"name": name, "permissions": ["users.read", "audit.read"]}).created()

    assert made == {
        "name": name,
        "description": "",
        "permissions": ["audit.read", "users.read"],
        "builtIn": False,
        "createdAt": made["createdAt"],
    }
    assert put_role(superuser, name, description="Looks").data() == {**made, "description": "Looks"}
    changed = put_role(superuser, name, permissions=["users.read"]).data()
    assert changed == {**made, "description": "Looks", "permissions": ["users.read"]}
    assert superuser.get(f"/roles/{name}").data() == changed
    assert superuser.delete(f"/roles/{name}").status == 204
    for gone in (superuser.get(f"/roles/{name}"), put_role(superuser, name), superuser.delete(f"/roles/{name}")):
        assert (gone.status, gone.problem()["code"]) == (404, "not_found")
    assert epoch_numbers(fake_aws) == {2}
    success = [("roles.create", "success"), ("roles.delete", "success")] + [("roles.update", "success")] * 2
    assert audit_actions(fake_aws, name) == success


def test_one_key_makes_one_role_and_one_permission(superuser: Client, fake_aws: FakeAws) -> None:
    key = {"idempotency-key": "key"}
    for path, said in (
        ("/roles", {"name": unique_role_name(), "permissions": []}),
        ("/permissions", {"name": unique_permission_name(), "description": "x"}),
    ):
        made = superuser.post(path, said, headers=key).created()
        assert superuser.post(path, said, headers=key).created() == made
        assert superuser.post(path, said).status == 409
        assert superuser.post(path, {**said, "description": "y"}, headers=key).status == 422


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
    admins: AdminFactory, fake_aws: FakeAws, held: list[str], code: str, pointer: str
) -> None:
    role, before = admins.create_role("users.read"), epoch_numbers(fake_aws)
    for refused in (
        admins.superuser.post("/roles", {"name": unique_role_name(), "permissions": held}),
        put_role(admins.superuser, role, permissions=held),
    ):
        (error,) = refused.problem()["errors"]
        assert (refused.status, error["code"], error["pointer"]) == (422, code, pointer)
    assert epoch_numbers(fake_aws) == before
    assert admins.superuser.get(f"/roles/{role}").data()["permissions"] == ["users.read"]


@pytest.mark.parametrize("name", ["", "A", "1a", "a_b", "a.b", "a" * 33, "a\n", "ä", "-a"])
def test_a_role_has_a_plain_name(superuser: Client, name: str) -> None:
    assert superuser.post("/roles", {"name": name, "permissions": []}).status == 422


@pytest.mark.parametrize(
    "name", ["reports", "reports.", ".x", "reports..x", "Reports.x", "a.b\n", "1.a", f"a.{'b' * 63}"]
)
def test_a_permission_has_a_plain_name(superuser: Client, name: str) -> None:
    assert superuser.post("/permissions", {"name": name}).status == 422


@pytest.mark.parametrize("name", ["users.read", "users.anything", "files.x.y", "projects.any"])
def test_no_permission_is_named_as_one_of_ours(superuser: Client, name: str) -> None:
    refused = superuser.post("/permissions", {"name": name})

    assert (refused.status, refused.problem()["code"]) == (409, "permission_exists")


def test_forty_permissions_are_exchanged_for_forty_others_at_once(admins: AdminFactory, fake_aws: FakeAws) -> None:
    """A transaction has 100 items, and this is the largest that there is."""
    old, new = ([unique_permission_name() for _ in range(40)] for _ in range(2))
    for name in (*old, *new):
        service.create_permission(make_superuser_caller(admins.superuser), CreatePermissionRequest(name=name))
    role = admins.create_role(*old)

    assert put_role(admins.superuser, role, permissions=new).data()["permissions"] == sorted(new)
    assert {count_roles_holding(fake_aws, name) for name in old} == {0}
    assert {count_roles_holding(fake_aws, name) for name in new} == {1}


def test_what_is_in_use_is_not_removed(admins: AdminFactory, fake_aws: FakeAws) -> None:
    permission = admins.create_permission()
    role = admins.create_role(permission)
    holder = admins.create_user(role)

    assert admins.superuser.delete(f"/roles/{role}").problem()["code"] == "role_in_use"
    assert admins.superuser.delete(f"/permissions/{permission}").problem()["code"] == "permission_in_use"
    assert admins.superuser.delete(f"/users/{holder.user['id']}/roles/{role}").status == 204
    assert admins.superuser.delete(f"/roles/{role}").status == 204
    assert count_roles_holding(fake_aws, permission) == 0
    assert admins.superuser.delete(f"/permissions/{permission}").status == 204
    assert admins.superuser.delete(f"/permissions/{permission}").problem()["code"] == "not_found"
    assert admins.superuser.delete("/permissions/users.read").problem()["code"] == "built_in"


def test_a_change_of_a_role_counts_with_the_next_request(admins: AdminFactory, frozen_clock: FrozenClock) -> None:
    role = admins.create_role("users.read")
    holder = admins.create_user(role)
    for _ in range(2):  # as it was read, and as it is remembered
        frozen_clock.advance(seconds=3)
        assert holder.get("/users").status == 200
        assert holder.get("/audit").status == 403

    put_role(admins.superuser, role, permissions=["audit.read"]).data()
    assert holder.get("/users").status == 403
    assert holder.get("/audit").status == 200


def test_who_changes_a_role_holds_all_that_it_gains_or_has(admins: AdminFactory, fake_aws: FakeAws) -> None:
    own = admins.create_permission()
    low, high, odd = (
        admins.create_role("users.read"),
        admins.create_role("users.read", "tasks.run"),
        admins.create_role(own),
    )
    helper = admins.create_user_with_permissions(
        "users.read", "roles.read", "roles.create", "roles.update", "roles.delete"
    )
    name = unique_role_name()
    attempts = {
        name: helper.post("/roles", {"name": name, "permissions": ["users.read", "users.delete"]}),
        low: put_role(helper, low, permissions=["users.read", "users.delete"]),
        high: put_role(helper, high, permissions=["users.read"]),
        odd: helper.delete(f"/roles/{odd}"),
    }

    for role, refused in attempts.items():
        assert (refused.status, refused.problem()["code"]) == (403, "beyond_own_rights")
        assert [outcome for _, outcome in audit_actions(fake_aws, role)].count("denied") == 1
    assert put_role(helper, low, permissions=[]).status == 200
    assert admins.superuser.get(f"/roles/{name}").status == 404
    assert admins.superuser.get(f"/roles/{high}").data()["permissions"] == ["tasks.run", "users.read"]


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
def test_roles_are_no_business_of_users(
    admins: AdminFactory, client: Client, method: str, path: str, body: Any
) -> None:
    assert client.request(method, path, body).problem()["code"] == "forbidden"
    allowed = method == "GET"
    assert (admins.create_user("admin").request(method, path, body).status < 300) == allowed


# What is remembered, and under which epoch


@contextmanager
def interleave_after_read(action: Callable[[], object]) -> Iterator[None]:
    """Let something happen when the next BatchGetItem has been answered, and before its answer is looked at."""
    events = records.connection.client.meta.events

    def step_in(**_: Any) -> None:
        events.unregister("after-call.dynamodb.BatchGetItem", step_in)
        action()

    events.register_last("after-call.dynamodb.BatchGetItem", step_in)
    yield


def change_role_by_service(superuser: Client, role: str, *permission_names: str) -> None:
    service.update(make_superuser_caller(superuser), role, UpdateRoleRequest(permissions=list(permission_names)))


def warm_role_cache(frozen_clock: FrozenClock, epoch: int) -> None:
    """As in a process that has seen this epoch for a while."""
    service._caches.clear()
    service.get_permissions([unique_role_name()], epoch)
    frozen_clock.advance(seconds=3)


def test_a_role_is_read_once_under_an_epoch(
    admins: AdminFactory, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = admins.create_role("users.read")
    warm_role_cache(frozen_clock, 0)
    service.get_permissions([role], 0)
    with inject_faults(monkeypatch) as calls:
        assert service.get_permissions(["user", role], 0) == {"projects.create", "users.read"}
    assert calls.calls == []


def test_a_role_that_changes_before_it_is_read_is_no_older_than_its_epoch(
    admins: AdminFactory, frozen_clock: FrozenClock
) -> None:
    role = admins.create_role("users.read")
    warm_role_cache(frozen_clock, 0)
    with interleave("BatchGetItem", lambda: set_role_permissions(admins, role)):
        assert service.get_permissions([role], 0) == {"audit.read"}

    assert service.get_permissions([role], 1) == {"audit.read"}


def set_role_permissions(admins: AdminFactory, role: str) -> None:
    put_role(admins.superuser, role, permissions=["audit.read"]).data()


def test_a_role_that_changed_after_it_was_read_is_not_remembered_under_the_next_epoch(
    admins: AdminFactory, frozen_clock: FrozenClock
) -> None:
    role = admins.create_role("users.read")
    warm_role_cache(frozen_clock, 0)

    def change_and_ask() -> None:
        change_role_by_service(admins.superuser, role)
        warm_role_cache(frozen_clock, 1)

    with interleave_after_read(change_and_ask):
        assert service.get_permissions([role], 0) == {"users.read"}
    assert service.get_permissions([role], 1) == frozenset()


def test_a_role_that_is_older_than_its_epoch_for_a_moment_is_not_remembered(
    admins: AdminFactory, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    role = admins.create_role("users.read")
    change_role_by_service(admins.superuser, role)
    fake_aws.update_row(f"ROLE#{role}", "ROLE", permissions=["users.read"])  # what the transaction has not reached yet
    assert service.get_permissions([role], 1) == {"users.read"}
    fake_aws.update_row(f"ROLE#{role}", "ROLE", permissions=[])
    assert service.get_permissions([role], 1) == frozenset()


def test_a_role_that_is_made_again_holds_what_it_holds_now(
    admins: AdminFactory, client: Client, frozen_clock: FrozenClock
) -> None:
    role, path = admins.create_role("users.read"), f"/users/{client.user['id']}/roles"
    admins.superuser.post(path, {"role": role}).data()
    for _ in range(2):
        frozen_clock.advance(seconds=3)
        assert client.get("/users").status == 200
    admins.superuser.delete(f"{path}/{role}")
    assert admins.superuser.delete(f"/roles/{role}").status == 204
    assert client.get("/audit").status == 403

    admins.superuser.post("/roles", {"name": role, "permissions": ["audit.read"]}).created()
    admins.superuser.post(path, {"role": role}).data()
    assert client.get("/users").status == 403
    assert client.get("/audit").status == 200


def test_an_epoch_begins_with_what_changes_what_somebody_may_hold(admins: AdminFactory, fake_aws: FakeAws) -> None:
    """All that is remembered is read anew then, by every process."""
    role, permission = admins.create_role("users.read"), admins.create_permission()
    put_role(admins.superuser, role, description="Looks").data()
    put_role(admins.superuser, role, permissions=["users.read"]).data()
    admins.superuser.delete(f"/permissions/{permission}")
    assert epoch_numbers(fake_aws) == set()

    put_role(admins.superuser, role, permissions=["audit.read"]).data()
    assert epoch_numbers(fake_aws) == {1}
    admins.superuser.delete(f"/roles/{role}")
    assert epoch_numbers(fake_aws) == {2}


def test_a_change_that_changes_nothing_leaves_no_trace(admins: AdminFactory, fake_aws: FakeAws) -> None:
    role = admins.create_role("users.read", "audit.read")
    made = admins.superuser.get(f"/roles/{role}").data()

    assert put_role(admins.superuser, role).data() == made
    assert put_role(admins.superuser, role, description="", permissions=["users.read", "audit.read"]).data() == made
    assert audit_actions(fake_aws, role) == [("roles.create", "success")]


def test_every_copy_of_the_epoch_goes_on_together(admins: AdminFactory, fake_aws: FakeAws) -> None:
    change_role_by_service(admins.superuser, admins.create_role("users.read"))

    assert epoch_numbers(fake_aws) == {1}
    assert {row["pk"] for row in fake_aws.find_rows("main", record_type="epoch")} == {
        f"IAM#EPOCH#{number}" for number in range(ids.SHARDS)
    }


# Races


def test_a_role_is_not_removed_while_somebody_gets_it(admins: AdminFactory, client: Client) -> None:
    role, path = admins.create_role("users.read"), f"/users/{client.user['id']}/roles"
    with interleave("TransactWriteItems", lambda: service.delete(make_superuser_caller(admins.superuser), role)):
        late = admins.superuser.post(path, {"role": role})
    assert (late.status, late.problem()["code"]) == (409, "role_gone")

    kept = admins.create_role("users.read")
    admins.superuser.post(path, {"role": kept}).data()
    with pytest.raises(Conflict):
        service.delete(make_superuser_caller(admins.superuser), kept)


def test_a_permission_is_not_removed_while_a_role_gets_it(admins: AdminFactory) -> None:
    permission = admins.create_permission()
    with interleave(
        "TransactWriteItems", lambda: service.delete_permission(make_superuser_caller(admins.superuser), permission)
    ):
        late = admins.superuser.post("/roles", {"name": unique_role_name(), "permissions": [permission]})

    assert late.problem()["errors"][0]["code"] == "unknown_permission"


def test_two_changes_of_a_role_at_once_leave_its_counters_right(admins: AdminFactory, fake_aws: FakeAws) -> None:
    one, two = admins.create_permission(), admins.create_permission()
    role = admins.create_role(one)
    with interleave("TransactWriteItems", lambda: change_role_by_service(admins.superuser, role, two)):
        late = put_role(admins.superuser, role, permissions=[])

    assert late.problem()["code"] == "role_changed"
    assert (count_roles_holding(fake_aws, one), count_roles_holding(fake_aws, two)) == (0, 1)


@pytest.mark.parametrize(
    ("said", "faster"),
    [({"permissions": []}, {"description": "Looks"}), ({"description": "Looks"}, {"permissions": []})],
)
def test_of_two_changes_of_a_role_at_once_none_is_lost(admins: AdminFactory, said: Any, faster: Any) -> None:
    role, caller = admins.create_role("users.read"), make_superuser_caller(admins.superuser)
    with interleave("TransactWriteItems", lambda: service.update(caller, role, UpdateRoleRequest(**faster))):
        late = put_role(admins.superuser, role, **said)

    assert late.problem()["code"] == "role_changed"
    assert put_role(admins.superuser, role, **said).status == 200
    shown = admins.superuser.get(f"/roles/{role}").data()
    assert (shown["description"], shown["permissions"]) == ("Looks", [])
