"""Explanations of authorization: they agree with the guards, and reveal no more than the caller may know (Z2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.http.auth import requires
from holdall.platform.errors import Forbidden, NotFound
from holdall.roles.permissions import PERMISSIONS
from tests.support import users
from tests.support.admins import AdminFactory, insert_member
from tests.support.aws import FakeAws
from tests.support.client import Client, build_http_api_event
from tests.support.world import World

UNKNOWN_PROJECT_ID = "0" * 12
UNKNOWN_ULID = "0" * 26
USER_NAMES = ["owner", "editor", "viewer", "stranger", "admin", "superuser", "auditor", "no roles"]
PROJECT_PERMISSIONS = [name for name, permission in PERMISSIONS.items() if permission.project_roles]
PROJECT_STATES = ["live", "deleted", "purging", "foreign", "unknown"]


@dataclass(frozen=True)
class AccessWorld:
    """Users, and projects in each state. All but the foreign one have an owner, an editor and a viewer."""

    admins: AdminFactory
    clients: dict[str, Client]
    project_ids: dict[str, str]


@pytest.fixture
def access_world(world: World, fake_aws: FakeAws) -> AccessWorld:
    return world.step("explain", lambda: create_access_world(fake_aws))


def create_access_world(fake_aws: FakeAws) -> AccessWorld:
    admins = AdminFactory(users.create_superuser())
    clients = {name: users.create_client() for name in ("owner", "editor", "viewer", "stranger")}
    clients |= {
        "admin": admins.create_user("admin", "user"),
        "auditor": admins.create_user_with_permissions("audit.read"),
        "no roles": admins.create_user(),
    }
    clients["superuser"] = admins.superuser
    projects = {"unknown": UNKNOWN_PROJECT_ID}
    for state in ("live", "deleted", "purging", "foreign"):
        creator = clients["stranger"] if state == "foreign" else clients["owner"]
        projects[state] = creator.post("/projects", {"name": state}).created()["id"]
        if state != "foreign":
            insert_member(projects[state], clients["editor"], "editor")
            insert_member(projects[state], clients["viewer"], "viewer")
    clients["owner"].delete(f"/projects/{projects['deleted']}").data()
    fake_aws.update_row(f"PROJECT#{projects['purging']}", "PROJECT", status="purging")
    return AccessWorld(admins, clients, projects)


def explain(client: Client, permission: str, **fields: Any) -> dict[str, Any]:
    explanation: dict[str, Any] = client.post("/authz/explain", {"permission": permission, **fields}).data()
    return explanation


def is_authorized(client: Client, permission: str, project_id: str | None) -> bool:
    """Return whether a guard with this permission authorizes a request."""
    headers = {"authorization": f"Bearer {client.access_token}"}
    event = APIGatewayProxyEventV2(build_http_api_event("GET", "/projects/x", headers, None))
    # The routes that restore a project or delete it permanently admit a deleted one.
    allow_deleted = permission == "projects.delete"
    guard = requires(permission, project_from="projectId" if project_id else (), allow_deleted=allow_deleted)
    try:
        guard.authorize(event, {"projectId": project_id or ""})
    except (Forbidden, NotFound):
        return False
    return True


def get_rule(explanation: dict[str, Any], name: str) -> dict[str, Any]:
    (rule,) = (each for each in explanation["rules"] if each["rule"] == name)
    return dict(rule)


def compare_with_guard(
    access_world: AccessWorld, permissions: Iterable[str], project_id: str | None
) -> set[tuple[str, str]]:
    """Return the users and permissions that are allowed. The explanation must agree with the guard."""
    allowed, differences = set(), []
    for name, permission in product(USER_NAMES, permissions):
        explanation = explain(access_world.clients[name], permission, resource=project_id)
        if explanation["allowed"] != is_authorized(access_world.clients[name], permission, project_id):
            differences.append((name, permission, explanation))
        effects = {each["effect"] for each in explanation["rules"]}
        assert explanation["allowed"] == ("allow" in effects and "deny" not in effects)
        if explanation["allowed"]:
            allowed.add((name, permission))
    assert differences == []
    return allowed


@pytest.mark.parametrize("state", PROJECT_STATES)
def test_explanation_in_a_project_agrees_with_the_guards(access_world: AccessWorld, state: str) -> None:
    allowed = compare_with_guard(access_world, PROJECT_PERMISSIONS, access_world.project_ids[state])

    assert (("viewer", "files.read") in allowed) == (state == "live")
    assert (("owner", "projects.delete") in allowed) == (state in ("live", "deleted"))
    assert (("superuser", "files.purge") in allowed) == (state in ("live", "foreign"))


def test_explanation_in_the_installation_agrees_with_the_guards(access_world: AccessWorld) -> None:
    allowed = compare_with_guard(access_world, set(PERMISSIONS) - set(PROJECT_PERMISSIONS), None)

    assert {("admin", "users.read"), ("auditor", "audit.read"), ("viewer", "projects.create")} <= allowed
    assert {name for name, _ in allowed} == set(USER_NAMES) - {"no roles"}


def test_explanation_about_another_user_is_the_same_as_theirs(access_world: AccessWorld) -> None:
    permissions = ("users.read", "files.read", "files.write", "projects.delete", "members.write")
    for name in USER_NAMES:
        for state in ("live", "deleted", "foreign"):
            for permission in permissions:
                resource = access_world.project_ids[state] if PERMISSIONS[permission].project_roles else None
                expected = explain(access_world.clients[name], permission, resource=resource)
                body = {"userId": access_world.clients[name].user["id"], "resource": resource}
                assert explain(access_world.admins.superuser, permission, **body) == expected


def test_rules_have_names_effects_and_details(access_world: AccessWorld) -> None:
    live = access_world.project_ids["live"]

    assert explain(access_world.clients["viewer"], "files.write", resource=live) == {
        "allowed": False,
        "rules": [
            {"rule": "account status", "effect": "none", "detail": "The account is active."},
            {"rule": "global role", "effect": "none", "detail": "Global roles grant no permissions in projects."},
            {
                "rule": "project membership",
                "effect": "deny",
                "detail": "The user is viewer, which does not have the permission.",
            },
            {"rule": "project state", "effect": "none", "detail": "The project is active."},
            {
                "rule": "key scope",
                "effect": "none",
                "detail": "An API key can have this permission if it is one of its scopes and the creator of the key has it.",
            },
        ],
    }
    assert (
        get_rule(explain(access_world.clients["owner"], "files.purge", resource=live), "project membership")["effect"]
        == "allow"
    )
    assert get_rule(explain(access_world.clients["owner"], "users.read"), "global role")["effect"] == "deny"
    assert get_rule(explain(access_world.clients["admin"], "users.read"), "global role")["effect"] == "allow"
    assert (
        get_rule(explain(access_world.admins.superuser, "files.purge", resource=live), "projects.any")["effect"]
        == "allow"
    )
    deleted = explain(access_world.clients["owner"], "files.read", resource=access_world.project_ids["deleted"])
    assert get_rule(deleted, "project state")["effect"] == "deny"
    assert "key scope" not in [
        each["rule"] for each in explain(access_world.clients["owner"], "keys.write", resource=live)["rules"]
    ]


def test_resource_stands_for_its_project(access_world: AccessWorld) -> None:
    live = access_world.project_ids["live"]

    assert explain(access_world.clients["viewer"], "files.read", resource=f"{live}-{UNKNOWN_ULID}")["allowed"]
    assert not explain(access_world.clients["stranger"], "files.read", resource=f"{live}-{UNKNOWN_ULID}")["allowed"]


def test_foreign_and_unknown_project_look_the_same(access_world: AccessWorld) -> None:
    for name in ("stranger", "admin", "no roles"):
        for permission in ("files.read", "projects.delete"):
            explanations = [
                explain(access_world.clients[name], permission, resource=resource)
                for project in (
                    access_world.project_ids["live"],
                    access_world.project_ids["deleted"],
                    access_world.project_ids["purging"],
                    UNKNOWN_PROJECT_ID,
                )
                for resource in (project, f"{project}-{UNKNOWN_ULID}")
            ]
            assert all(each == explanations[0] for each in explanations)
            membership = get_rule(explanations[0], "project membership")
            assert membership == {
                "rule": "project membership",
                "effect": "deny",
                "detail": "The user is not a member, or the project does not exist.",
            }
    purging = explain(access_world.clients["owner"], "files.read", resource=access_world.project_ids["purging"])
    assert purging == explain(access_world.clients["owner"], "files.read", resource=UNKNOWN_PROJECT_ID)


def test_foreign_and_unknown_project_look_the_same_for_another_user(access_world: AccessWorld) -> None:
    admin, user_id = access_world.clients["admin"], access_world.clients["owner"].user["id"]
    explanations = [
        admin.post("/authz/explain", {"userId": user_id, "permission": "files.read", "resource": resource}).problem()
        for resource in (*access_world.project_ids.values(), f"{access_world.project_ids['live']}-{UNKNOWN_ULID}")
    ]

    assert all(each == explanations[0] for each in explanations)
    assert explanations[0]["code"] == "not_found"
    insert_member(access_world.project_ids["live"], admin, "viewer")
    assert explain(admin, "files.read", userId=user_id, resource=access_world.project_ids["live"])["allowed"]


def test_explanation_about_another_user_requires_a_permission(access_world: AccessWorld) -> None:
    user_id = access_world.clients["viewer"].user["id"]
    for name in ("owner", "auditor", "no roles"):
        for other_id in (user_id, UNKNOWN_ULID, "nonsense"):
            body = {"userId": other_id, "permission": "files.read", "resource": access_world.project_ids["live"]}
            assert access_world.clients[name].post("/authz/explain", body).problem()["code"] == "forbidden"
    own = access_world.clients["no roles"]
    assert explain(own, "users.read", userId=own.user["id"]) == explain(own, "users.read")


def test_unknown_user_is_not_found(access_world: AccessWorld) -> None:
    deleted_id = access_world.clients["no roles"].user["id"]
    access_world.admins.superuser.delete(f"/users/{deleted_id}")
    for user_id in (deleted_id, UNKNOWN_ULID, "nonsense"):
        body = {"userId": user_id, "permission": "users.read"}
        assert access_world.clients["admin"].post("/authz/explain", body).problem()["code"] == "not_found"


def test_disabled_user_is_allowed_nothing(access_world: AccessWorld) -> None:
    user = access_world.clients["editor"].user["id"]
    access_world.admins.superuser.request("PUT", f"/users/{user}", {"status": "disabled"}).data()

    for permission, resource in (("projects.create", None), ("files.read", access_world.project_ids["live"])):
        explanation = explain(access_world.admins.superuser, permission, userId=user, resource=resource)
        assert not explanation["allowed"]
        assert get_rule(explanation, "account status")["effect"] == "deny"


def test_custom_permission_is_allowed_by_roles_and_for_superusers(access_world: AccessWorld) -> None:
    own = access_world.admins.create_permission()
    holder = access_world.admins.create_user_with_permissions(own)

    assert explain(holder, own)["allowed"]
    assert explain(access_world.admins.superuser, own)["allowed"]
    assert not explain(access_world.clients["admin"], own)["allowed"]


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"permission": "files.nothing"}, "unknown_permission", "/permission"),
        ({"permission": ""}, "too_short", "/permission"),
        ({"permission": "files.read"}, "required", "/resource"),
        ({"permission": "files.read", "resource": "x"}, "invalid", "/resource"),
        ({"permission": "files.read", "resource": ""}, "invalid", "/resource"),
        ({"permission": "files.read", "resource": "x" * 129}, "too_long", "/resource"),
        ({"permission": "users.read", "userId": "x" * 65}, "too_long", "/userId"),
    ],
)
def test_invalid_request_is_rejected(client: Client, body: dict[str, str], code: str, pointer: str) -> None:
    response = client.post("/authz/explain", body)

    (error,) = response.problem()["errors"]
    assert (response.status, error["code"], error["pointer"]) == (422, code, pointer)


def test_access_of_a_superuser_to_a_foreign_project_is_audited(access_world: AccessWorld, fake_aws: FakeAws) -> None:
    explain(access_world.admins.superuser, "files.read", resource=access_world.project_ids["live"])
    explain(access_world.admins.superuser, "files.read", resource=UNKNOWN_PROJECT_ID)
    explain(access_world.clients["owner"], "files.read", resource=access_world.project_ids["live"])

    rows = fake_aws.find_rows("audit", action="projects.access_as_superuser")
    assert [(row["actor"], row["target"]) for row in rows] == [
        (access_world.admins.superuser.user["id"], access_world.project_ids["live"])
    ]
