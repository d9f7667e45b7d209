"""Faults while administrators work: counters follow from what users and roles hold, and what was done is told once."""

from typing import Any

import pytest

from tests.support import users as people
from tests.support.admins import AdminFactory, unique_role_name
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.faults import FAULT_MODES, FaultMode, FaultScenario, assert_survives_faults

each_fault_mode = pytest.mark.parametrize("mode", FAULT_MODES)


def assert_counters_consistent(fake_aws: FakeAws) -> None:
    """Every counter says what the rows say that it counts, and the copies of the epoch are one."""
    users = [row for row in fake_aws.find_rows("main", record_type="user") if row["status"] != "deleted"]
    roles = fake_aws.find_rows("main", record_type="role")
    for row in roles:
        name = row["pk"].removeprefix("ROLE#")
        counted = [
            each for each in users if name in each["roles"] and (name != "superuser" or each["status"] == "active")
        ]
        assert int(row["holder_count"]) == len(counted), name
    for row in fake_aws.find_rows("main", record_type="permission"):
        assert int(row["roles"]) == sum(row["name"] in (each.get("permissions") or []) for each in roles)
    assert len({int(row["number"]) for row in fake_aws.find_rows("main", record_type="epoch")}) <= 1


def count_successes(fake_aws: FakeAws, superuser: Client, action: str) -> int:
    rows = fake_aws.find_rows("audit", actor=superuser.user["id"], action=action)
    return len([row for row in rows if row["outcome"] == "success"])


@each_fault_mode
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
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    mode: FaultMode,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    again: set[int],
    action: str,
) -> None:
    def prepare() -> FaultScenario:
        admins, other = AdminFactory(people.create_superuser()), people.create_superuser()
        free, held = admins.create_role("audit.read"), admins.create_role(admins.create_permission())
        user = admins.create_user(held)
        ids = {"free": free, "held": held, "user": user.user["id"], "other": other.user["id"]}
        place = path.format(**ids)
        said = {"role": free} if body and "role" in body else body

        def check(answer: Response) -> None:
            assert answer.status in again
            # A role that is changed to what it is already is changed once more, and told so.
            told = count_successes(fake_aws, admins.superuser, action)
            assert told == 1 or (action == "roles.update" and told == 2)
            assert not (
                action in ("users.disable", "users.delete")
                and user.get("/auth/me").status == 200
                and other.get("/auth/me").status == 200
            )
            assert_counters_consistent(fake_aws)

        return FaultScenario(lambda: admins.superuser.request(method, place, said), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("password", [people.PASSWORD, None])
def test_an_account_is_made_once_for_a_key(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, password: str | None
) -> None:
    def prepare() -> FaultScenario:
        admins = AdminFactory(people.create_superuser())
        asked = {"email": people.unique_email(), "password": password, "roles": [admins.create_role("users.read")]}

        def deliver() -> Response:
            return admins.superuser.post("/users", asked, headers={"idempotency-key": "key"})

        def check(answer: Response) -> None:
            made = answer.created()
            assert [row["id"] for row in fake_aws.find_rows("main", record_type="user", email=asked["email"])] == [
                made["id"]
            ]
            assert count_successes(fake_aws, admins.superuser, "users.create") == 1
            assert_counters_consistent(fake_aws)

        return FaultScenario(deliver, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_a_role_is_made_once_for_a_key(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode) -> None:
    def prepare() -> FaultScenario:
        admins = AdminFactory(people.create_superuser())
        asked = {"name": unique_role_name(), "permissions": [admins.create_permission()]}

        def check(answer: Response) -> None:
            assert answer.created()["name"] == asked["name"]
            assert count_successes(fake_aws, admins.superuser, "roles.create") == 1
            assert_counters_consistent(fake_aws)

        return FaultScenario(lambda: admins.superuser.post("/roles", asked, headers={"idempotency-key": "key"}), check)

    assert_survives_faults(monkeypatch, mode, prepare)
