"""What a request about users, roles and permissions costs.

A role of the installation's own is read with what is asked about; those of the caller are remembered, or they are built in.
Routes that create count one request of their caller first, which stands in these numbers. Who is deleted leaves their projects
one by one; a superuser gives that up before, in a transaction more.
"""

from collections.abc import Callable
from typing import Any

from tests.architecture.round_trips import BudgetCase, SendRequest
from tests.support import users
from tests.support.admins import AdminFactory, unique_permission_name, unique_role_name
from tests.support.scenario import Scenario

MakeBody = Callable[[AdminFactory, Scenario], Any]


def _superuser_request(
    method: str, path: str, make_body: MakeBody = lambda _, __: None
) -> Callable[[Scenario], SendRequest]:
    """A request of a superuser about `{user}`, who is a user, or about `{role}`, which holds `{permission}`."""

    def prepared(scenario: Scenario) -> SendRequest:
        staff = AdminFactory(users.create_superuser())
        permission = staff.create_permission()
        role = staff.create_role("users.read", permission)
        user = staff.create_user("user").user["id"]
        body = make_body(staff, scenario)
        place = path.format(user=user, role=role, permission=permission, project=scenario.project_id)
        return lambda: staff.superuser.request(method, place, body)

    return prepared


def _delete_request(path: str, create: Callable[[AdminFactory], str]) -> Callable[[Scenario], SendRequest]:
    def prepared(_: Scenario) -> SendRequest:
        staff = AdminFactory(users.create_superuser())
        name = create(staff)
        return lambda: staff.superuser.delete(f"{path}/{name}")

    return prepared


def _delete_superuser(_: Scenario) -> SendRequest:
    root, other = users.create_superuser(), users.create_superuser().user["id"]
    return lambda: root.delete(f"/users/{other}")


def _forbidden_update(scenario: Scenario) -> SendRequest:
    root = users.create_superuser()
    admin = AdminFactory(root).create_user("admin")
    return lambda: admin.request("PATCH", f"/users/{root.user['id']}", {"name": scenario.email})


def _explain_own_permission(scenario: Scenario) -> SendRequest:
    return lambda: scenario.client.post("/authz/explain", {"permission": "files.read", "resource": scenario.project_id})


def _explain_user_body(_: AdminFactory, scenario: Scenario) -> Any:
    return {"userId": scenario.client.user["id"], "permission": "users.read"}


def _create_user_body(*roles: str, **overrides: Any) -> MakeBody:
    return lambda _, __: {"email": users.unique_email(), "roles": list(roles), **overrides}


_USER, _ROLES = "/api/v1/users/{userId}", "/api/v1/users/{userId}/roles"
_PASSWORD = {"password": users.PASSWORD}
IAM_CASES = (
    BudgetCase("GET /api/v1/users", 200, _superuser_request("GET", "/users"), dynamodb=2),
    BudgetCase(
        "POST /api/v1/users",
        201,
        _superuser_request("POST", "/users", _create_user_body("user", **_PASSWORD)),
        dynamodb=3,
    ),
    BudgetCase(
        "POST /api/v1/users",
        201,
        _superuser_request(
            "POST",
            "/users",
            lambda staff, scenario: _create_user_body(staff.create_role(), **_PASSWORD)(staff, scenario),
        ),
        dynamodb=4,
        label="with a custom role",
    ),
    BudgetCase(
        "POST /api/v1/users",
        201,
        _superuser_request("POST", "/users", _create_user_body("user")),
        dynamodb=4,
        sqs=1,
        label="by invitation email",
    ),
    BudgetCase(f"GET {_USER}", 200, _superuser_request("GET", "/users/{user}"), dynamodb=2),
    BudgetCase(
        f"PATCH {_USER}",
        200,
        _superuser_request("PATCH", "/users/{user}", lambda _, __: {"status": "disabled"}),
        dynamodb=3,
    ),
    BudgetCase(f"PATCH {_USER}", 403, _forbidden_update, dynamodb=3, label="of a user with more permissions"),
    BudgetCase(f"DELETE {_USER}", 204, _superuser_request("DELETE", "/users/{user}"), dynamodb=11, sqs=1),
    BudgetCase(f"DELETE {_USER}", 204, _delete_superuser, dynamodb=12, sqs=1, label="of a superuser"),
    BudgetCase(
        f"POST {_ROLES}",
        200,
        _superuser_request("POST", "/users/{user}/roles", lambda _, __: {"role": "admin"}),
        dynamodb=4,
    ),
    BudgetCase(f"DELETE {_ROLES}/{{role}}", 204, _superuser_request("DELETE", "/users/{user}/roles/user"), dynamodb=3),
    BudgetCase("GET /api/v1/roles", 200, _superuser_request("GET", "/roles"), dynamodb=2),
    BudgetCase(
        "POST /api/v1/roles",
        201,
        _superuser_request(
            "POST", "/roles", lambda staff, _: {"name": unique_role_name(), "permissions": [staff.create_permission()]}
        ),
        dynamodb=3,
    ),
    BudgetCase("GET /api/v1/roles/{name}", 200, _superuser_request("GET", "/roles/{role}"), dynamodb=2),
    BudgetCase(
        "GET /api/v1/roles/{name}", 200, _superuser_request("GET", "/roles/admin"), dynamodb=1, label="built-in"
    ),
    BudgetCase(
        "PATCH /api/v1/roles/{name}",
        200,
        _superuser_request("PATCH", "/roles/{role}", lambda _, __: {"permissions": []}),
        dynamodb=3,
    ),
    BudgetCase("DELETE /api/v1/roles/{name}", 204, _delete_request("/roles", AdminFactory.create_role), dynamodb=3),
    BudgetCase("GET /api/v1/permissions", 200, _superuser_request("GET", "/permissions"), dynamodb=2),
    BudgetCase(
        "POST /api/v1/permissions",
        201,
        _superuser_request("POST", "/permissions", lambda _, __: {"name": unique_permission_name()}),
        dynamodb=3,
    ),
    BudgetCase(
        "DELETE /api/v1/permissions/{permission}",
        204,
        _delete_request("/permissions", AdminFactory.create_permission),
        dynamodb=3,
    ),
    BudgetCase("POST /api/v1/authz/explain", 200, _explain_own_permission, dynamodb=2),
    BudgetCase(
        "POST /api/v1/authz/explain",
        200,
        _superuser_request("POST", "/authz/explain", _explain_user_body),
        dynamodb=2,
        label="about another user",
    ),
)
