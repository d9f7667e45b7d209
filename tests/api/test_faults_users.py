"""Faults during the administration of users and roles: counters match the rows, and each action is audited once."""

from typing import Any

import pytest

from tests.support import users as people
from tests.support.admins import AdminFactory, unique_role_name
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.faults import FAULT_MODES, FaultMode, FaultScenario, assert_survives_faults

each_fault_mode = pytest.mark.parametrize("mode", FAULT_MODES)


def assert_counters_consistent(fake_aws: FakeAws) -> None:
    """Check that every counter matches the rows, and that all copies of the epoch are equal."""
    users = [row for row in fake_aws.find_rows("main", record_type="user") if row["status"] != "deleted"]
    roles = fake_aws.find_rows("main", record_type="role")
    for row in roles:
        name = row["pk"].removeprefix("ROLE#")
        holders = [
            each for each in users if name in each["roles"] and (name != "superuser" or each["status"] == "active")
        ]
        assert int(row["holder_count"]) == len(holders), name
    for row in fake_aws.find_rows("main", record_type="permission"):
        assert int(row["role_count"]) == sum(row["name"] in (each.get("permissions") or []) for each in roles)
    assert len({int(row["number"]) for row in fake_aws.find_rows("main", record_type="epoch")}) <= 1


def count_successes(fake_aws: FakeAws, superuser: Client, action: str) -> int:
    rows = fake_aws.find_rows("audit", actor=superuser.user["id"], action=action)
    return len([row for row in rows if row["outcome"] == "success"])


@each_fault_mode
@pytest.mark.parametrize(
    ("method", "path", "body", "expected_statuses", "action"),
    [
        ("POST", "/users/{user}/roles", {"role": "{free}"}, {200}, "users.roles.add"),
        ("DELETE", "/users/{user}/roles/{held}", None, {204, 404}, "users.roles.remove"),
        ("PUT", "/users/{user}", {"status": "disabled"}, {200}, "users.disable"),
        ("DELETE", "/users/{user}", None, {204, 404}, "users.delete"),
        ("PUT", "/roles/{held}", {"permissions": ["users.read"]}, {200}, "roles.update"),
        ("DELETE", "/roles/{free}", None, {204, 404}, "roles.delete"),
        ("DELETE", "/users/{other}/roles/superuser", None, {204, 404}, "users.roles.remove"),
        ("DELETE", "/users/{other}", None, {204, 404}, "users.delete"),
    ],
)
def test_change_is_complete_or_has_no_effect(
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    mode: FaultMode,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    expected_statuses: set[int],
    action: str,
) -> None:
    def prepare() -> FaultScenario:
        admins, other = AdminFactory(people.create_superuser()), people.create_superuser()
        free, held = admins.create_role("audit.read"), admins.create_role(admins.create_permission())
        user = admins.create_user(held)
        ids = {"free": free, "held": held, "user": user.user["id"], "other": other.user["id"]}
        formatted_path = path.format(**ids)
        formatted_body = {"role": free} if body and "role" in body else body

        def check(response: Response) -> None:
            assert response.status in expected_statuses
            # An update of a role that changes nothing is an update too.
            successes = count_successes(fake_aws, admins.superuser, action)
            assert successes == 1 or (action == "roles.update" and successes == 2)
            assert not (
                action in ("users.disable", "users.delete")
                and user.get("/auth/me").status == 200
                and other.get("/auth/me").status == 200
            )
            assert_counters_consistent(fake_aws)

        return FaultScenario(lambda: admins.superuser.request(method, formatted_path, formatted_body), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("password", [people.PASSWORD, None])
def test_user_is_created_once_per_idempotency_key(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, password: str | None
) -> None:
    def prepare() -> FaultScenario:
        admins = AdminFactory(people.create_superuser())
        body = {"email": people.unique_email(), "password": password, "roles": [admins.create_role("users.read")]}

        def send() -> Response:
            return admins.superuser.post("/users", body, headers={"idempotency-key": "key"})

        def check(response: Response) -> None:
            user = response.created()
            assert [row["id"] for row in fake_aws.find_rows("main", record_type="user", email=body["email"])] == [
                user["id"]
            ]
            assert count_successes(fake_aws, admins.superuser, "users.create") == 1
            assert_counters_consistent(fake_aws)

        return FaultScenario(send, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_role_is_created_once_per_idempotency_key(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        admins = AdminFactory(people.create_superuser())
        body = {"name": unique_role_name(), "permissions": [admins.create_permission()]}

        def check(response: Response) -> None:
            assert response.created()["name"] == body["name"]
            assert count_successes(fake_aws, admins.superuser, "roles.create") == 1
            assert_counters_consistent(fake_aws)

        return FaultScenario(lambda: admins.superuser.post("/roles", body, headers={"idempotency-key": "key"}), check)

    assert_survives_faults(monkeypatch, mode, prepare)
