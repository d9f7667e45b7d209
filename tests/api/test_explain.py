"""Why somebody may do something: the same as what the doors do, and never more than the asker may know (Z2)."""

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

UNKNOWN_PROJECT_ID = "0" * 12
UNKNOWN_ULID = "0" * 26
USER_NAMES = ["owner", "editor", "viewer", "stranger", "admin", "superuser", "auditor", "no roles"]
PROJECT_PERMISSIONS = [name for name, permission in PERMISSIONS.items() if permission.project_roles]
PROJECT_STATES = ["live", "deleted", "purging", "foreign", "unknown"]


@dataclass(frozen=True)
class World:
    """People, and projects in each state; all but the foreign one have an owner, an editor and a viewer."""

    admins: AdminFactory
    clients: dict[str, Client]
    project_ids: dict[str, str]


@pytest.fixture
def world(fake_aws: FakeAws) -> World:
    admins = AdminFactory(users.create_superuser())
    who = {name: users.create_client() for name in ("owner", "editor", "viewer", "stranger")}
    who |= {
        "admin": admins.create_user("admin", "user"),
        "auditor": admins.create_user_with_permissions("audit.read"),
        "no roles": admins.create_user(),
    }
    who["superuser"] = admins.superuser
    projects = {"unknown": UNKNOWN_PROJECT_ID}
    for place in ("live", "deleted", "purging", "foreign"):
        creator = who["stranger"] if place == "foreign" else who["owner"]
        projects[place] = creator.post("/projects", {"name": place}).created()["id"]
        if place != "foreign":
            insert_member(projects[place], who["editor"], "editor")
            insert_member(projects[place], who["viewer"], "viewer")
    who["owner"].delete(f"/projects/{projects['deleted']}").data()
    fake_aws.update_row(f"PROJECT#{projects['purging']}", "PROJECT", status="purging")
    return World(admins, who, projects)


def explain(client: Client, permission: str, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/authz/explain", {"permission": permission, **fields}).data()
    return answer


def is_authorized(client: Client, permission: str, project_id: str | None) -> bool:
    """Whether a door that asks for this permission there opens: the door itself is asked."""
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
    (found,) = (each for each in explanation["rules"] if each["rule"] == name)
    return dict(found)


def compare_with_guard(world: World, permissions: Iterable[str], project_id: str | None) -> set[tuple[str, str]]:
    """Who may do what, where explanation and door agree; where not, the test fails."""
    allowed, differ = set(), []
    for name, permission in product(USER_NAMES, permissions):
        answer = explain(world.clients[name], permission, resource=project_id)
        if answer["allowed"] != is_authorized(world.clients[name], permission, project_id):
            differ.append((name, permission, answer))
        effects = {each["effect"] for each in answer["rules"]}
        assert answer["allowed"] == ("allow" in effects and "deny" not in effects)
        if answer["allowed"]:
            allowed.add((name, permission))
    assert differ == []
    return allowed


@pytest.mark.parametrize("place", PROJECT_STATES)
def test_an_explanation_of_a_project_says_what_the_doors_do(world: World, place: str) -> None:
    allowed = compare_with_guard(world, PROJECT_PERMISSIONS, world.project_ids[place])

    assert (("viewer", "files.read") in allowed) == (place == "live")
    assert (("owner", "projects.delete") in allowed) == (place in ("live", "deleted"))
    assert (("superuser", "files.purge") in allowed) == (place in ("live", "foreign"))


def test_an_explanation_of_the_installation_says_what_the_doors_do(world: World) -> None:
    allowed = compare_with_guard(world, set(PERMISSIONS) - set(PROJECT_PERMISSIONS), None)

    assert {("admin", "users.read"), ("auditor", "audit.read"), ("viewer", "projects.create")} <= allowed
    assert {name for name, _ in allowed} == set(USER_NAMES) - {"no roles"}


def test_of_others_an_explanation_says_what_it_says_to_them(world: World) -> None:
    permissions = ("users.read", "files.read", "files.write", "projects.delete", "members.write")
    for name in USER_NAMES:
        for place in ("live", "deleted", "foreign"):
            for permission in permissions:
                resource = world.project_ids[place] if PERMISSIONS[permission].project_roles else None
                theirs = explain(world.clients[name], permission, resource=resource)
                said = {"userId": world.clients[name].user["id"], "resource": resource}
                assert explain(world.admins.superuser, permission, **said) == theirs


def test_the_rules_have_their_names_and_say_what_they_had_to_say(world: World) -> None:
    live = world.project_ids["live"]

    assert explain(world.clients["viewer"], "files.write", resource=live) == {
        "allowed": False,
        "rules": [
            {"rule": "account active", "effect": "none", "detail": "The account is active."},
            {"rule": "global role", "effect": "none", "detail": "No global role holds anything inside a project."},
            {"rule": "project membership", "effect": "deny", "detail": "Is viewer there, who does not hold it."},
            {"rule": "project state", "effect": "none", "detail": "The project is active."},
            {
                "rule": "key scope",
                "effect": "none",
                "detail": "A key may carry it, where its scopes name it and its maker holds it.",
            },
        ],
    }
    assert (
        get_rule(explain(world.clients["owner"], "files.purge", resource=live), "project membership")["effect"]
        == "allow"
    )
    assert get_rule(explain(world.clients["owner"], "users.read"), "global role")["effect"] == "deny"
    assert get_rule(explain(world.clients["admin"], "users.read"), "global role")["effect"] == "allow"
    assert get_rule(explain(world.admins.superuser, "files.purge", resource=live), "projects.any")["effect"] == "allow"
    deleted = explain(world.clients["owner"], "files.read", resource=world.project_ids["deleted"])
    assert get_rule(deleted, "project state")["effect"] == "deny"
    assert "key scope" not in [
        each["rule"] for each in explain(world.clients["owner"], "keys.write", resource=live)["rules"]
    ]


def test_a_thing_stands_for_its_project(world: World) -> None:
    live = world.project_ids["live"]

    assert explain(world.clients["viewer"], "files.read", resource=f"{live}-{UNKNOWN_ULID}")["allowed"]
    assert not explain(world.clients["stranger"], "files.read", resource=f"{live}-{UNKNOWN_ULID}")["allowed"]


def test_of_oneself_a_foreign_project_and_none_look_alike(world: World) -> None:
    for name in ("stranger", "admin", "no roles"):
        for permission in ("files.read", "projects.delete"):
            answers = [
                explain(world.clients[name], permission, resource=resource)
                for project in (
                    world.project_ids["live"],
                    world.project_ids["deleted"],
                    world.project_ids["purging"],
                    UNKNOWN_PROJECT_ID,
                )
                for resource in (project, f"{project}-{UNKNOWN_ULID}")
            ]
            assert all(each == answers[0] for each in answers)
            membership = get_rule(answers[0], "project membership")
            assert membership == {
                "rule": "project membership",
                "effect": "deny",
                "detail": "No membership, or no such project.",
            }
    purging = explain(world.clients["owner"], "files.read", resource=world.project_ids["purging"])
    assert purging == explain(world.clients["owner"], "files.read", resource=UNKNOWN_PROJECT_ID)


def test_of_others_projects_of_strangers_and_none_look_alike(world: World) -> None:
    admin, about = world.clients["admin"], world.clients["owner"].user["id"]
    answers = [
        admin.post("/authz/explain", {"userId": about, "permission": "files.read", "resource": resource}).problem()
        for resource in (*world.project_ids.values(), f"{world.project_ids['live']}-{UNKNOWN_ULID}")
    ]

    assert all(each == answers[0] for each in answers)
    assert answers[0]["code"] == "not_found"
    insert_member(world.project_ids["live"], admin, "viewer")
    assert explain(admin, "files.read", userId=about, resource=world.project_ids["live"])["allowed"]


def test_about_others_one_has_to_see_users(world: World) -> None:
    about = world.clients["viewer"].user["id"]
    for name in ("owner", "auditor", "no roles"):
        for user_id in (about, UNKNOWN_ULID, "nonsense"):
            asked = {"userId": user_id, "permission": "files.read", "resource": world.project_ids["live"]}
            assert world.clients[name].post("/authz/explain", asked).problem()["code"] == "forbidden"
    own = world.clients["no roles"]
    assert explain(own, "users.read", userId=own.user["id"]) == explain(own, "users.read")


def test_of_nobody_there_is_nothing_to_tell(world: World) -> None:
    gone = world.clients["no roles"].user["id"]
    world.admins.superuser.delete(f"/users/{gone}")
    for user_id in (gone, UNKNOWN_ULID, "nonsense"):
        asked = {"userId": user_id, "permission": "users.read"}
        assert world.clients["admin"].post("/authz/explain", asked).problem()["code"] == "not_found"


def test_who_is_disabled_may_nothing(world: World) -> None:
    user = world.clients["editor"].user["id"]
    world.admins.superuser.request("PUT", f"/users/{user}", {"status": "disabled"}).data()

    for permission, resource in (("projects.create", None), ("files.read", world.project_ids["live"])):
        answer = explain(world.admins.superuser, permission, userId=user, resource=resource)
        assert not answer["allowed"]
        assert get_rule(answer, "account active")["effect"] == "deny"


def test_an_installations_own_permission_is_held_by_its_roles_and_by_superusers(world: World) -> None:
    own = world.admins.create_permission()
    holder = world.admins.create_user_with_permissions(own)

    assert explain(holder, own)["allowed"]
    assert explain(world.admins.superuser, own)["allowed"]
    assert not explain(world.clients["admin"], own)["allowed"]


@pytest.mark.parametrize(
    ("said", "code", "pointer"),
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
def test_what_is_no_question_is_refused(client: Client, said: dict[str, str], code: str, pointer: str) -> None:
    refused = client.post("/authz/explain", said)

    (error,) = refused.problem()["errors"]
    assert (refused.status, error["code"], error["pointer"]) == (422, code, pointer)


def test_who_looks_into_foreign_projects_by_right_is_in_the_audit(world: World, fake_aws: FakeAws) -> None:
    explain(world.admins.superuser, "files.read", resource=world.project_ids["live"])
    explain(world.admins.superuser, "files.read", resource=UNKNOWN_PROJECT_ID)
    explain(world.clients["owner"], "files.read", resource=world.project_ids["live"])

    visits = fake_aws.find_rows("audit", action="projects.any")
    assert [(row["actor"], row["target"]) for row in visits] == [
        (world.admins.superuser.user["id"], world.project_ids["live"])
    ]
