"""What a request about users, roles and permissions costs.

A role of the installation's own is read with what is asked about; those of the caller are remembered, or they are built in.
Routes that create count one request of their caller first, which stands in these numbers. Who is deleted leaves their projects
one by one; a superuser gives that up before, in a transaction more.
"""

from collections.abc import Callable
from typing import Any

from tests.api import people
from tests.api.staff import Staff, new_permission, new_role
from tests.house.budget import Case, Request
from tests.house.scene import Scene

Said = Callable[[Staff, Scene], Any]


def _ask(method: str, path: str, said: Said = lambda _, __: None) -> Callable[[Scene], Request]:
    """A request of a superuser about `{user}`, who is a user, or about `{role}`, which holds `{permission}`."""

    def prepared(scene: Scene) -> Request:
        staff = Staff(people.superuser())
        permission = staff.permission()
        role = staff.role("users.read", permission)
        user = staff.member("user").user["id"]
        body = said(staff, scene)
        place = path.format(user=user, role=role, permission=permission, project=scene.project_id)
        return lambda: staff.root.request(method, place, body)

    return prepared


def _removed(path: str, named: Callable[[Staff], str]) -> Callable[[Scene], Request]:
    def prepared(_: Scene) -> Request:
        staff = Staff(people.superuser())
        name = named(staff)
        return lambda: staff.root.delete(f"{path}/{name}")

    return prepared


def _superuser_removed(_: Scene) -> Request:
    root, other = people.superuser(), people.superuser().user["id"]
    return lambda: root.delete(f"/users/{other}")


def _refused(scene: Scene) -> Request:
    root = people.superuser()
    admin = Staff(root).member("admin")
    return lambda: admin.request("PUT", f"/users/{root.user['id']}", {"name": scene.email})


def _oneself(scene: Scene) -> Request:
    return lambda: scene.client.post("/authz/explain", {"permission": "files.read", "resource": scene.project_id})


def _of_a_user(_: Staff, scene: Scene) -> Any:
    return {"userId": scene.client.user["id"], "permission": "users.read"}


def _new_user(*roles: str, **more: Any) -> Said:
    return lambda _, __: {"email": people.new_address(), "roles": list(roles), **more}


_USER, _ROLES = "/api/v1/users/{userId}", "/api/v1/users/{userId}/roles"
_PASSWORD = {"password": people.PASSWORD}
CASES_OF_IAM = (
    Case("GET /api/v1/users", 200, _ask("GET", "/users"), dynamodb=2),
    Case("POST /api/v1/users", 201, _ask("POST", "/users", _new_user("user", **_PASSWORD)), dynamodb=3),
    Case(
        "POST /api/v1/users",
        201,
        _ask("POST", "/users", lambda staff, scene: _new_user(staff.role(), **_PASSWORD)(staff, scene)),
        dynamodb=4,
        what="with a role of the installation's own",
    ),
    Case("POST /api/v1/users", 201, _ask("POST", "/users", _new_user("user")), dynamodb=4, sqs=1, what="by letter"),
    Case(f"GET {_USER}", 200, _ask("GET", "/users/{user}"), dynamodb=2),
    Case(f"PUT {_USER}", 200, _ask("PUT", "/users/{user}", lambda _, __: {"status": "disabled"}), dynamodb=3),
    Case(f"PUT {_USER}", 403, _refused, dynamodb=3, what="of somebody who holds more"),
    Case(f"DELETE {_USER}", 204, _ask("DELETE", "/users/{user}"), dynamodb=11, sqs=1),
    Case(f"DELETE {_USER}", 204, _superuser_removed, dynamodb=12, sqs=1, what="who is a superuser"),
    Case(f"POST {_ROLES}", 200, _ask("POST", "/users/{user}/roles", lambda _, __: {"role": "admin"}), dynamodb=4),
    Case(f"DELETE {_ROLES}/{{role}}", 204, _ask("DELETE", "/users/{user}/roles/user"), dynamodb=3),
    Case("GET /api/v1/roles", 200, _ask("GET", "/roles"), dynamodb=2),
    Case(
        "POST /api/v1/roles",
        201,
        _ask("POST", "/roles", lambda staff, _: {"name": new_role(), "permissions": [staff.permission()]}),
        dynamodb=3,
    ),
    Case("GET /api/v1/roles/{name}", 200, _ask("GET", "/roles/{role}"), dynamodb=2),
    Case("GET /api/v1/roles/{name}", 200, _ask("GET", "/roles/admin"), dynamodb=1, what="that is built in"),
    Case("PUT /api/v1/roles/{name}", 200, _ask("PUT", "/roles/{role}", lambda _, __: {"permissions": []}), dynamodb=3),
    Case("DELETE /api/v1/roles/{name}", 204, _removed("/roles", Staff.role), dynamodb=3),
    Case("GET /api/v1/permissions", 200, _ask("GET", "/permissions"), dynamodb=2),
    Case(
        "POST /api/v1/permissions",
        201,
        _ask("POST", "/permissions", lambda _, __: {"name": new_permission()}),
        dynamodb=3,
    ),
    Case("DELETE /api/v1/permissions/{permission}", 204, _removed("/permissions", Staff.permission), dynamodb=3),
    Case("POST /api/v1/authz/explain", 200, _oneself, dynamodb=2),
    Case("POST /api/v1/authz/explain", 200, _ask("POST", "/authz/explain", _of_a_user), dynamodb=2, what="of others"),
)
