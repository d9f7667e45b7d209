"""Faults while administrators work: counters follow from what users and roles hold, and what was done is told once."""

from typing import Any

import pytest

from tests.api import people
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.faults import MODES, Mode, Scene, survive
from tests.api.staff import Staff, new_role

each_mode = pytest.mark.parametrize("mode", MODES)


def check_books(cloud: Cloud) -> None:
    """Every counter says what the rows say that it counts, and the copies of the epoch are one."""
    users = [row for row in cloud.rows("main", record_kind="user") if row["status"] != "deleted"]
    roles = cloud.rows("main", record_kind="role")
    for row in roles:
        name = row["pk"].removeprefix("ROLE#")
        counted = [
            each for each in users if name in each["roles"] and (name != "superuser" or each["status"] == "active")
        ]
        assert int(row["holders"]) == len(counted), name
    for row in cloud.rows("main", record_kind="permission"):
        assert int(row["roles"]) == sum(row["name"] in (each.get("permissions") or []) for each in roles)
    assert len({int(row["number"]) for row in cloud.rows("main", record_kind="epoch")}) <= 1


def done(cloud: Cloud, root: Client, action: str) -> int:
    rows = cloud.rows("audit", actor=root.user["id"], action=action)
    return len([row for row in rows if row["outcome"] == "success"])


@each_mode
@pytest.mark.parametrize(
    ("method", "path", "body", "again", "action"),
    [
        ("POST", "/users/{user}/roles", {"role": "{free}"}, {200}, "users.grant"),
        ("DELETE", "/users/{user}/roles/{held}", None, {204, 404}, "users.revoke"),
        ("PUT", "/users/{user}", {"status": "disabled"}, {200}, "users.disable"),
        ("DELETE", "/users/{user}", None, {204, 404}, "users.delete"),
        ("PUT", "/roles/{held}", {"permissions": ["users.read"]}, {200}, "roles.update"),
        ("DELETE", "/roles/{free}", None, {204, 404}, "roles.delete"),
        ("DELETE", "/users/{other}/roles/superuser", None, {204, 404}, "users.revoke"),
        ("DELETE", "/users/{other}", None, {204, 404}, "users.delete"),
    ],
)
def test_a_change_is_done_whole_or_not_at_all(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    mode: Mode,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    again: set[int],
    action: str,
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        staff, other = Staff(people.superuser()), people.superuser()
        free, held = staff.role("audit.read"), staff.role(staff.permission())
        user = staff.member(held)
        ids = {"free": free, "held": held, "user": user.user["id"], "other": other.user["id"]}
        place = path.format(**ids)
        said = {"role": free} if body and "role" in body else body

        def check(answer: Answer) -> None:
            assert answer.status in again
            # A role that is changed to what it is already is changed once more, and told so.
            told = done(cloud, staff.root, action)
            assert told == 1 or (action == "roles.update" and told == 2)
            assert not (
                action in ("users.disable", "users.delete")
                and user.get("/auth/me").status == 200
                and other.get("/auth/me").status == 200
            )
            check_books(cloud)

        return Scene(lambda: staff.root.request(method, place, said), check)

    survive(monkeypatch, mode, prepare)


@each_mode
@pytest.mark.parametrize("password", [people.PASSWORD, None])
def test_an_account_is_made_once_for_a_key(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode, password: str | None
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        staff = Staff(people.superuser())
        asked = {"email": people.new_address(), "password": password, "roles": [staff.role("users.read")]}

        def deliver() -> Answer:
            return staff.root.post("/users", asked, headers={"idempotency-key": "key"})

        def check(answer: Answer) -> None:
            made = answer.created()
            assert [row["id"] for row in cloud.rows("main", record_kind="user", email=asked["email"])] == [made["id"]]
            assert done(cloud, staff.root, "users.create") == 1
            check_books(cloud)

        return Scene(deliver, check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_a_role_is_made_once_for_a_key(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    def prepare() -> Scene:
        cloud.forget()
        staff = Staff(people.superuser())
        asked = {"name": new_role(), "permissions": [staff.permission()]}

        def check(answer: Answer) -> None:
            assert answer.created()["name"] == asked["name"]
            assert done(cloud, staff.root, "roles.create") == 1
            check_books(cloud)

        return Scene(lambda: staff.root.post("/roles", asked, headers={"idempotency-key": "key"}), check)

    survive(monkeypatch, mode, prepare)
