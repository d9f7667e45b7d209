"""Budgets of users, roles and permissions.

A custom role is read together with the user or role in the request. The caller's roles are cached or built in. The numbers
include one update of the rate limiter on routes that create. The deletion of a user removes the user from one project after
the other. A superuser loses the role before that, in another transaction.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from tests.architecture.round_trips import BudgetCase, SendRequest
from tests.support import users
from tests.support.admins import AdminFactory, unique_permission_name, unique_role_name
from tests.support.scenario import Scenario

MakeBody = Callable[[AdminFactory, Scenario], Any]


def _superuser_request(
    method: str, path: str, make_body: MakeBody = lambda _, __: None
) -> Callable[[Scenario], SendRequest]:
    """Send a request as a superuser. `path` may name `{user}`, and `{role}` which has `{permission}`."""

    def prepare(scenario: Scenario) -> SendRequest:
        admins = AdminFactory(users.create_superuser())
        permission = admins.create_permission()
        role = admins.create_role("users.read", permission)
        user = admins.create_user("user").user["id"]
        body = make_body(admins, scenario)
        url = path.format(user=user, role=role, permission=permission, project=scenario.project_id)
        return lambda: admins.superuser.request(method, url, body)

    return prepare


def _delete_request(path: str, create: Callable[[AdminFactory], str]) -> Callable[[Scenario], SendRequest]:
    def prepare(_: Scenario) -> SendRequest:
        admins = AdminFactory(users.create_superuser())
        name = create(admins)
        return lambda: admins.superuser.delete(f"{path}/{name}")

    return prepare


def _delete_superuser(_: Scenario) -> SendRequest:
    superuser, other_id = users.create_superuser(), users.create_superuser().user["id"]
    return lambda: superuser.delete(f"/users/{other_id}")


def _find_user_by_email(scenario: Scenario) -> SendRequest:
    superuser = users.create_superuser()
    return lambda: superuser.get(f"/users?{urlencode({'email': scenario.email})}")


def _get_invited_user(_: Scenario) -> SendRequest:
    superuser = users.create_superuser()
    user = superuser.post("/users", {"email": users.unique_email(), "roles": []}).created()
    return lambda: superuser.get(f"/users/{user['id']}")


def _forbidden_update(scenario: Scenario) -> SendRequest:
    superuser = users.create_superuser()
    admin = AdminFactory(superuser).create_user("admin")
    return lambda: admin.request("PATCH", f"/users/{superuser.user['id']}", {"name": scenario.email})


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
        "GET /api/v1/users",
        200,
        _find_user_by_email,
        dynamodb=3,
        label="by email address",
    ),
    BudgetCase("GET /api/v1/users", 200, _superuser_request("GET", "/users?id={user}"), dynamodb=2, label="by ID"),
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
            lambda admins, scenario: _create_user_body(admins.create_role(), **_PASSWORD)(admins, scenario),
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
    BudgetCase(f"GET {_USER}", 200, _get_invited_user, dynamodb=3, label="of a user without a password"),
    BudgetCase(
        f"PATCH {_USER}",
        200,
        _superuser_request("PATCH", "/users/{user}", lambda _, __: {"status": "disabled"}),
        dynamodb=3,
    ),
    BudgetCase(f"PATCH {_USER}", 403, _forbidden_update, dynamodb=3, label="of a user with more permissions"),
    BudgetCase(f"DELETE {_USER}", 204, _superuser_request("DELETE", "/users/{user}"), dynamodb=12, sqs=2),
    BudgetCase(f"DELETE {_USER}", 204, _delete_superuser, dynamodb=13, sqs=2, label="of a superuser"),
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
            "POST",
            "/roles",
            lambda admins, _: {"name": unique_role_name(), "permissions": [admins.create_permission()]},
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
