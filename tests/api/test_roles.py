"""Custom roles and permissions: who can change them, what they can contain, and when a change takes effect (Z4, S4)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from holdall.platform import ids
from holdall.platform.table import records
from holdall.roles import permissions, service
from holdall.roles.model import CreatePermissionRequest, RoleInUse, UpdateRoleRequest
from tests.support.admins import AdminFactory, make_superuser_caller, unique_permission_name, unique_role_name
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.faults import inject_faults, interleave

BUILT_IN_ROLES = ["admin", "superuser", "user"]


def put_role(client: Client, role: str, **body: Any) -> Response:
    return client.request("PUT", f"/roles/{role}", body)


def count_roles_holding(fake_aws: FakeAws, permission_name: str) -> int:
    """Return the counter of the roles that have a permission."""
    (row,) = fake_aws.find_rows("main", record_type="permission", name=permission_name)
    return int(row["role_count"])


def epoch_numbers(fake_aws: FakeAws) -> set[int]:
    rows = fake_aws.find_rows("main", record_type="epoch")
    assert len(rows) in (0, 16)
    return {int(row["number"]) for row in rows}


def audit_actions(fake_aws: FakeAws, target: str) -> list[tuple[str, str]]:
    return sorted((row["action"], row["outcome"]) for row in fake_aws.find_rows("audit", target=target))


def list_all_names(client: Client, path: str, limit: int) -> list[str]:
    """Return the names on all pages. Check that the way back from the last page shows the same pages."""
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
def test_roles_are_listed_by_name_in_pages_of_any_size(admins: AdminFactory, limit: int) -> None:
    created = [admins.create_role() for _ in range(3)]
    for name in ("aa", "sz", "zz"):
        admins.superuser.post("/roles", {"name": name, "permissions": []}).created()

    assert list_all_names(admins.superuser, "/roles", limit) == sorted([*BUILT_IN_ROLES, *created, "aa", "sz", "zz"])


@pytest.mark.parametrize("limit", [7, 34, 35, 100])
def test_permissions_are_listed_by_name_in_pages_of_any_size(admins: AdminFactory, limit: int) -> None:
    created = [admins.create_permission() for _ in range(3)]

    assert list_all_names(admins.superuser, "/permissions", limit) == sorted([*permissions.PERMISSIONS, *created])


def test_cursor_of_another_list_is_rejected(admins: AdminFactory) -> None:
    cursor = admins.superuser.get("/roles?limit=1").json()["pagination"]["next"]

    assert admins.superuser.get(f"/permissions?cursor={cursor}").problem()["code"] == "bad_cursor"


@pytest.mark.parametrize("name", BUILT_IN_ROLES)
def test_built_in_role_has_the_permissions_of_the_table_and_cannot_be_changed(superuser: Client, name: str) -> None:
    role = superuser.get(f"/roles/{name}").data()

    assert role["builtIn"]
    assert set(role["permissions"]) == permissions.get_role_permissions(name)
    assert superuser.post("/roles", {"name": name, "permissions": []}).problem()["code"] == "role_exists"
    for rejected in (put_role(superuser, name, permissions=[]), superuser.delete(f"/roles/{name}")):
        assert (rejected.status, rejected.problem()["code"]) == (409, "built_in")


def test_every_built_in_permission_has_a_description(superuser: Client) -> None:
    listed = superuser.get("/permissions?limit=100").data()

    assert all(each["builtIn"] and each["description"].endswith(".") for each in listed)


def test_permissions_tell_whether_custom_roles_can_have_them(superuser: Client, admins: AdminFactory) -> None:
    custom = admins.create_permission()
    listed = {each["name"]: each["grantable"] for each in superuser.get("/permissions?limit=100").data()}

    assert listed[custom]
    for name in permissions.PERMISSIONS:
        role = {"name": unique_role_name(), "permissions": [name]}
        assert superuser.post("/roles", role).status == (201 if listed[name] else 422), name


def test_role_is_created_updated_and_deleted(superuser: Client, fake_aws: FakeAws) -> None:
    name = unique_role_name()
    created = superuser.post("/roles", {"name": name, "permissions": ["users.read", "audit.read"]}).created()

    assert created == {
        "name": name,
        "description": "",
        "permissions": ["audit.read", "users.read"],
        "builtIn": False,
        "createdAt": created["createdAt"],
    }
    assert put_role(superuser, name, description="Readers").data() == {**created, "description": "Readers"}
    updated = put_role(superuser, name, permissions=["users.read"]).data()
    assert updated == {**created, "description": "Readers", "permissions": ["users.read"]}
    assert superuser.get(f"/roles/{name}").data() == updated
    assert superuser.delete(f"/roles/{name}").status == 204
    for response in (superuser.get(f"/roles/{name}"), put_role(superuser, name), superuser.delete(f"/roles/{name}")):
        assert (response.status, response.problem()["code"]) == (404, "not_found")
    assert epoch_numbers(fake_aws) == {2}
    success = [("roles.create", "success"), ("roles.delete", "success")] + [("roles.update", "success")] * 2
    assert audit_actions(fake_aws, name) == success


def test_duplicate_request_creates_one_role_and_one_permission(superuser: Client, fake_aws: FakeAws) -> None:
    key = {"idempotency-key": "key"}
    for path, request in (
        ("/roles", {"name": unique_role_name(), "permissions": []}),
        ("/permissions", {"name": unique_permission_name(), "description": "x"}),
    ):
        created = superuser.post(path, request, headers=key).created()
        assert superuser.post(path, request, headers=key).created() == created
        assert superuser.post(path, request).status == 409
        assert superuser.post(path, {**request, "description": "y"}, headers=key).status == 422


@pytest.mark.parametrize(
    ("permission_names", "code", "pointer"),
    [
        (["users.read", "files.read"], "permission_not_grantable", "/permissions/1"),
        (["projects.update"], "permission_not_grantable", "/permissions/0"),
        (["projects.any"], "permission_not_grantable", "/permissions/0"),
        (["users.read", "reports.nothing"], "unknown_permission", "/permissions/1"),
        (["users.nothing"], "unknown_permission", "/permissions/0"),
        (["users.read", "users.read"], "value_error", "/permissions"),
        (["Users.read"], "string_pattern_mismatch", "/permissions/0"),
        (["users"], "string_pattern_mismatch", "/permissions/0"),
        ([f"a.{'b' * 63}"], "too_long", "/permissions/0"),
        ([f"reports.x{number}" for number in range(41)], "too_many", "/permissions"),
    ],
)
def test_role_can_have_only_existing_permissions_of_the_whole_installation(
    admins: AdminFactory, fake_aws: FakeAws, permission_names: list[str], code: str, pointer: str
) -> None:
    role, before = admins.create_role("users.read"), epoch_numbers(fake_aws)
    for rejected in (
        admins.superuser.post("/roles", {"name": unique_role_name(), "permissions": permission_names}),
        put_role(admins.superuser, role, permissions=permission_names),
    ):
        (error,) = rejected.problem()["errors"]
        assert (rejected.status, error["code"], error["pointer"]) == (422, code, pointer)
    assert epoch_numbers(fake_aws) == before
    assert admins.superuser.get(f"/roles/{role}").data()["permissions"] == ["users.read"]


@pytest.mark.parametrize("name", ["", "A", "1a", "a_b", "a.b", "a" * 33, "a\n", "ä", "-a"])
def test_name_of_a_role_is_validated(superuser: Client, name: str) -> None:
    assert superuser.post("/roles", {"name": name, "permissions": []}).status == 422


@pytest.mark.parametrize(
    "name", ["reports", "reports.", ".x", "reports..x", "Reports.x", "a.b\n", "1.a", f"a.{'b' * 63}"]
)
def test_name_of_a_permission_is_validated(superuser: Client, name: str) -> None:
    assert superuser.post("/permissions", {"name": name}).status == 422


@pytest.mark.parametrize("name", ["users.read", "users.anything", "files.x.y", "projects.any"])
def test_prefixes_of_built_in_permissions_are_reserved(superuser: Client, name: str) -> None:
    rejected = superuser.post("/permissions", {"name": name})

    assert (rejected.status, rejected.problem()["code"]) == (409, "permission_exists")


def test_forty_permissions_are_replaced_in_one_transaction(admins: AdminFactory, fake_aws: FakeAws) -> None:
    """A transaction has at most 100 items. No other one has as many."""
    old, new = ([unique_permission_name() for _ in range(40)] for _ in range(2))
    for name in (*old, *new):
        service.create_permission(make_superuser_caller(admins.superuser), CreatePermissionRequest(name=name))
    role = admins.create_role(*old)

    assert put_role(admins.superuser, role, permissions=new).data()["permissions"] == sorted(new)
    assert {count_roles_holding(fake_aws, name) for name in old} == {0}
    assert {count_roles_holding(fake_aws, name) for name in new} == {1}


def test_role_and_permission_in_use_are_not_deleted(admins: AdminFactory, fake_aws: FakeAws) -> None:
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


def test_update_of_a_role_takes_effect_on_the_next_request(admins: AdminFactory, frozen_clock: FrozenClock) -> None:
    role = admins.create_role("users.read")
    holder = admins.create_user(role)
    for _ in range(2):  # first read, then from the cache
        frozen_clock.advance(seconds=3)
        assert holder.get("/users").status == 200
        assert holder.get("/audit").status == 403

    put_role(admins.superuser, role, permissions=["audit.read"]).data()
    assert holder.get("/users").status == 403
    assert holder.get("/audit").status == 200


def test_caller_needs_all_permissions_that_a_role_has_or_gains(admins: AdminFactory, fake_aws: FakeAws) -> None:
    low, high, custom = (
        admins.create_role("users.read"),
        admins.create_role("users.read", "tasks.run"),
        admins.create_role(admins.create_permission()),
    )
    manager = admins.create_user_with_permissions(
        "users.read", "roles.read", "roles.create", "roles.update", "roles.delete"
    )
    name = unique_role_name()
    attempts = {
        name: manager.post("/roles", {"name": name, "permissions": ["users.read", "users.delete"]}),
        low: put_role(manager, low, permissions=["users.read", "users.delete"]),
        high: put_role(manager, high, permissions=["users.read"]),
        custom: manager.delete(f"/roles/{custom}"),
    }

    for role, rejected in attempts.items():
        assert (rejected.status, rejected.problem()["code"]) == (403, "permission_not_held")
        assert [outcome for _, outcome in audit_actions(fake_aws, role)].count("denied") == 1
    assert put_role(manager, low, permissions=[]).status == 200
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
def test_users_cannot_read_or_change_roles(
    admins: AdminFactory, client: Client, method: str, path: str, body: Any
) -> None:
    assert client.request(method, path, body).problem()["code"] == "forbidden"
    allowed = method == "GET"
    assert (admins.create_user("admin").request(method, path, body).status < 300) == allowed


# The cache of roles, and its epoch


@contextmanager
def interleave_after_read(action: Callable[[], object]) -> Iterator[None]:
    """Call the action when the response of the next BatchGetItem has arrived, before it is processed."""
    events = records.connection.client.meta.events

    def interrupt(**_: Any) -> None:
        events.unregister("after-call.dynamodb.BatchGetItem", interrupt)
        action()

    events.register_last("after-call.dynamodb.BatchGetItem", interrupt)
    yield


def update_role_by_service(superuser: Client, role: str, *permission_names: str) -> None:
    service.update(make_superuser_caller(superuser), role, UpdateRoleRequest(permissions=list(permission_names)))


def warm_role_cache(frozen_clock: FrozenClock, epoch: int) -> None:
    """Prepare the cache of a process that read this epoch a while ago."""
    service._cache_by_epoch.clear()
    service.get_permissions([unique_role_name()], epoch)
    frozen_clock.advance(seconds=3)


def test_role_is_read_once_under_an_epoch(
    admins: AdminFactory, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = admins.create_role("users.read")
    warm_role_cache(frozen_clock, 0)
    service.get_permissions([role], 0)
    with inject_faults(monkeypatch) as calls:
        assert service.get_permissions(["user", role], 0) == {"projects.create", "users.read"}
    assert calls.calls == []


def test_role_that_is_updated_before_it_is_read_is_as_new_as_its_epoch(
    admins: AdminFactory, frozen_clock: FrozenClock
) -> None:
    role = admins.create_role("users.read")
    warm_role_cache(frozen_clock, 0)
    with interleave("BatchGetItem", lambda: update_role_by_service(admins.superuser, role, "audit.read")):
        assert service.get_permissions([role], 0) == {"audit.read"}

    assert service.get_permissions([role], 1) == {"audit.read"}


def test_role_that_is_updated_after_it_was_read_is_not_cached_under_the_next_epoch(
    admins: AdminFactory, frozen_clock: FrozenClock
) -> None:
    role = admins.create_role("users.read")
    warm_role_cache(frozen_clock, 0)

    def update_and_warm_cache() -> None:
        update_role_by_service(admins.superuser, role)
        warm_role_cache(frozen_clock, 1)

    with interleave_after_read(update_and_warm_cache):
        assert service.get_permissions([role], 0) == {"users.read"}
    assert service.get_permissions([role], 1) == frozenset()


def test_role_is_not_cached_while_its_epoch_settles(
    admins: AdminFactory, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    role = admins.create_role("users.read")
    update_role_by_service(admins.superuser, role)
    fake_aws.update_row(f"ROLE#{role}", "ROLE", permissions=["users.read"])  # the transaction has not written it yet
    assert service.get_permissions([role], 1) == {"users.read"}
    fake_aws.update_row(f"ROLE#{role}", "ROLE", permissions=[])
    assert service.get_permissions([role], 1) == frozenset()


def test_role_that_is_created_again_has_its_new_permissions(
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


def test_epoch_changes_only_when_the_permissions_of_a_user_can_change(admins: AdminFactory, fake_aws: FakeAws) -> None:
    role, permission = admins.create_role("users.read"), admins.create_permission()
    put_role(admins.superuser, role, description="Readers").data()
    put_role(admins.superuser, role, permissions=["users.read"]).data()
    admins.superuser.delete(f"/permissions/{permission}")
    assert epoch_numbers(fake_aws) == set()

    put_role(admins.superuser, role, permissions=["audit.read"]).data()
    assert epoch_numbers(fake_aws) == {1}
    admins.superuser.delete(f"/roles/{role}")
    assert epoch_numbers(fake_aws) == {2}


def test_update_without_changes_writes_nothing(admins: AdminFactory, fake_aws: FakeAws) -> None:
    role = admins.create_role("users.read", "audit.read")
    created = admins.superuser.get(f"/roles/{role}").data()

    assert put_role(admins.superuser, role).data() == created
    assert put_role(admins.superuser, role, description="", permissions=["users.read", "audit.read"]).data() == created
    assert audit_actions(fake_aws, role) == [("roles.create", "success")]


def test_all_copies_of_the_epoch_change_together(admins: AdminFactory, fake_aws: FakeAws) -> None:
    update_role_by_service(admins.superuser, admins.create_role("users.read"))

    assert epoch_numbers(fake_aws) == {1}
    assert {row["pk"] for row in fake_aws.find_rows("main", record_type="epoch")} == {
        f"ROLES_EPOCH#{number}" for number in range(ids.SHARDS)
    }


# Races


def test_role_is_not_deleted_while_a_user_is_granted_it(admins: AdminFactory, client: Client) -> None:
    role, path = admins.create_role("users.read"), f"/users/{client.user['id']}/roles"
    with interleave("TransactWriteItems", lambda: service.delete(make_superuser_caller(admins.superuser), role)):
        late = admins.superuser.post(path, {"role": role})
    assert (late.status, late.problem()["code"]) == (409, "role_not_found")

    granted = admins.create_role("users.read")
    admins.superuser.post(path, {"role": granted}).data()
    with pytest.raises(RoleInUse):
        service.delete(make_superuser_caller(admins.superuser), granted)


def test_permission_is_not_deleted_while_a_role_gains_it(admins: AdminFactory) -> None:
    permission = admins.create_permission()
    with interleave(
        "TransactWriteItems", lambda: service.delete_permission(make_superuser_caller(admins.superuser), permission)
    ):
        late = admins.superuser.post("/roles", {"name": unique_role_name(), "permissions": [permission]})

    assert late.problem()["errors"][0]["code"] == "unknown_permission"


def test_two_updates_at_once_keep_the_counters_right(admins: AdminFactory, fake_aws: FakeAws) -> None:
    one, two = admins.create_permission(), admins.create_permission()
    role = admins.create_role(one)
    with interleave("TransactWriteItems", lambda: update_role_by_service(admins.superuser, role, two)):
        late = put_role(admins.superuser, role, permissions=[])

    assert late.problem()["code"] == "role_changed"
    assert (count_roles_holding(fake_aws, one), count_roles_holding(fake_aws, two)) == (0, 1)


@pytest.mark.parametrize(
    ("changes", "faster"),
    [({"permissions": []}, {"description": "Readers"}), ({"description": "Readers"}, {"permissions": []})],
)
def test_of_two_updates_at_once_none_is_lost(admins: AdminFactory, changes: Any, faster: Any) -> None:
    role, caller = admins.create_role("users.read"), make_superuser_caller(admins.superuser)
    with interleave("TransactWriteItems", lambda: service.update(caller, role, UpdateRoleRequest(**faster))):
        late = put_role(admins.superuser, role, **changes)

    assert late.problem()["code"] == "role_changed"
    assert put_role(admins.superuser, role, **changes).status == 200
    updated = admins.superuser.get(f"/roles/{role}").data()
    assert (updated["description"], updated["permissions"]) == ("Readers", [])
