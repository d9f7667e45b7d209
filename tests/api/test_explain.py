"""Why somebody may do something: the same as what the doors do, and never more than the asker may know (Z2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.errors import Forbidden, NotFound
from holdall.http.admission import Door
from holdall.roles.permissions import PERMISSIONS
from tests.api import people
from tests.api.client import Client, event_of
from tests.api.cloud import Cloud
from tests.api.staff import Staff, join

UNKNOWN = "0" * 12
THING = "0" * 26
EVERYBODY = ["owner", "editor", "viewer", "stranger", "admin", "superuser", "auditor", "nobody"]
INSIDE = [name for name, permission in PERMISSIONS.items() if permission.project_roles]
PLACES = ["live", "deleted", "purging", "foreign", "unknown"]


@dataclass(frozen=True)
class World:
    """People, and projects in each state; all but the foreign one have an owner, an editor and a viewer."""

    staff: Staff
    people: dict[str, Client]
    projects: dict[str, str]


@pytest.fixture
def world(cloud: Cloud) -> World:
    staff = Staff(people.superuser())
    who = {name: people.signed_in() for name in ("owner", "editor", "viewer", "stranger")}
    who |= {"admin": staff.member("admin", "user"), "auditor": staff.holder("audit.read"), "nobody": staff.member()}
    who["superuser"] = staff.root
    projects = {"unknown": UNKNOWN}
    for place in ("live", "deleted", "purging", "foreign"):
        maker = who["stranger"] if place == "foreign" else who["owner"]
        projects[place] = maker.post("/projects", {"name": place}).created()["id"]
        if place != "foreign":
            join(projects[place], who["editor"], "editor")
            join(projects[place], who["viewer"], "viewer")
    who["owner"].delete(f"/projects/{projects['deleted']}").data()
    cloud.change(f"PROJECT#{projects['purging']}", "PROJECT", status="purging")
    return World(staff, who, projects)


def ask(client: Client, permission: str, **said: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/authz/explain", {"permission": permission, **said}).data()
    return answer


def let_in(client: Client, permission: str, project_id: str | None) -> bool:
    """Whether a door that asks for this permission there opens: the door itself is asked."""
    headers = {"authorization": f"Bearer {client.token}"}
    event = APIGatewayProxyEventV2(event_of("GET", "/projects/x", headers, None))
    # The routes that restore a project and delete it for good take one that is deleted.
    deleted = "always" if permission == "projects.delete" else ""
    door = Door("permission", permission, ("projectId",) if project_id else (), deleted=deleted)
    try:
        door.admit(event, {"_route_args": {"projectId": project_id}})
    except (Forbidden, NotFound):
        return False
    return True


def rule(answer: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (each for each in answer["rules"] if each["rule"] == name)
    return dict(found)


def compared(world: World, permissions: Iterable[str], project_id: str | None) -> set[tuple[str, str]]:
    """Who may do what, where explanation and door agree; where not, the test fails."""
    allowed, differ = set(), []
    for name, permission in product(EVERYBODY, permissions):
        answer = ask(world.people[name], permission, resource=project_id)
        if answer["allowed"] != let_in(world.people[name], permission, project_id):
            differ.append((name, permission, answer))
        effects = {each["effect"] for each in answer["rules"]}
        assert answer["allowed"] == ("allow" in effects and "deny" not in effects)
        if answer["allowed"]:
            allowed.add((name, permission))
    assert differ == []
    return allowed


@pytest.mark.parametrize("place", PLACES)
def test_an_explanation_of_a_project_says_what_the_doors_do(world: World, place: str) -> None:
    allowed = compared(world, INSIDE, world.projects[place])

    assert (("viewer", "files.read") in allowed) == (place == "live")
    assert (("owner", "projects.delete") in allowed) == (place in ("live", "deleted"))
    assert (("superuser", "files.purge") in allowed) == (place in ("live", "foreign"))


def test_an_explanation_of_the_installation_says_what_the_doors_do(world: World) -> None:
    allowed = compared(world, set(PERMISSIONS) - set(INSIDE), None)

    assert {("admin", "users.read"), ("auditor", "audit.read"), ("viewer", "projects.create")} <= allowed
    assert {name for name, _ in allowed} == set(EVERYBODY) - {"nobody"}


def test_of_others_an_explanation_says_what_it_says_to_them(world: World) -> None:
    permissions = ("users.read", "files.read", "files.write", "projects.delete", "members.write")
    for name in EVERYBODY:
        for place in ("live", "deleted", "foreign"):
            for permission in permissions:
                resource = world.projects[place] if PERMISSIONS[permission].project_roles else None
                theirs = ask(world.people[name], permission, resource=resource)
                said = {"userId": world.people[name].user["id"], "resource": resource}
                assert ask(world.staff.root, permission, **said) == theirs


def test_the_rules_have_their_names_and_say_what_they_had_to_say(world: World) -> None:
    live = world.projects["live"]

    assert ask(world.people["viewer"], "files.write", resource=live) == {
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
    assert rule(ask(world.people["owner"], "files.purge", resource=live), "project membership")["effect"] == "allow"
    assert rule(ask(world.people["owner"], "users.read"), "global role")["effect"] == "deny"
    assert rule(ask(world.people["admin"], "users.read"), "global role")["effect"] == "allow"
    assert rule(ask(world.staff.root, "files.purge", resource=live), "projects.any")["effect"] == "allow"
    deleted = ask(world.people["owner"], "files.read", resource=world.projects["deleted"])
    assert rule(deleted, "project state")["effect"] == "deny"
    assert "key scope" not in [
        each["rule"] for each in ask(world.people["owner"], "keys.write", resource=live)["rules"]
    ]


def test_a_thing_stands_for_its_project(world: World) -> None:
    live = world.projects["live"]

    assert ask(world.people["viewer"], "files.read", resource=f"{live}-{THING}")["allowed"]
    assert not ask(world.people["stranger"], "files.read", resource=f"{live}-{THING}")["allowed"]


def test_of_oneself_a_foreign_project_and_none_look_alike(world: World) -> None:
    for name in ("stranger", "admin", "nobody"):
        for permission in ("files.read", "projects.delete"):
            answers = [
                ask(world.people[name], permission, resource=resource)
                for project in (world.projects["live"], world.projects["deleted"], world.projects["purging"], UNKNOWN)
                for resource in (project, f"{project}-{THING}")
            ]
            assert all(each == answers[0] for each in answers)
            membership = rule(answers[0], "project membership")
            assert membership == {
                "rule": "project membership",
                "effect": "deny",
                "detail": "No membership, or no such project.",
            }
    purging = ask(world.people["owner"], "files.read", resource=world.projects["purging"])
    assert purging == ask(world.people["owner"], "files.read", resource=UNKNOWN)


def test_of_others_projects_of_strangers_and_none_look_alike(world: World) -> None:
    admin, about = world.people["admin"], world.people["owner"].user["id"]
    answers = [
        admin.post("/authz/explain", {"userId": about, "permission": "files.read", "resource": resource}).problem()
        for resource in (*world.projects.values(), f"{world.projects['live']}-{THING}")
    ]

    assert all(each == answers[0] for each in answers)
    assert answers[0]["code"] == "not_found"
    join(world.projects["live"], admin, "viewer")
    assert ask(admin, "files.read", userId=about, resource=world.projects["live"])["allowed"]


def test_about_others_one_has_to_see_users(world: World) -> None:
    about = world.people["viewer"].user["id"]
    for name in ("owner", "auditor", "nobody"):
        for user_id in (about, THING, "nonsense"):
            asked = {"userId": user_id, "permission": "files.read", "resource": world.projects["live"]}
            assert world.people[name].post("/authz/explain", asked).problem()["code"] == "forbidden"
    own = world.people["nobody"]
    assert ask(own, "users.read", userId=own.user["id"]) == ask(own, "users.read")


def test_of_nobody_there_is_nothing_to_tell(world: World) -> None:
    gone = world.people["nobody"].user["id"]
    world.staff.root.delete(f"/users/{gone}")
    for user_id in (gone, THING, "nonsense"):
        asked = {"userId": user_id, "permission": "users.read"}
        assert world.people["admin"].post("/authz/explain", asked).problem()["code"] == "not_found"


def test_who_is_disabled_may_nothing(world: World) -> None:
    user = world.people["editor"].user["id"]
    world.staff.root.request("PUT", f"/users/{user}", {"status": "disabled"}).data()

    for permission, resource in (("projects.create", None), ("files.read", world.projects["live"])):
        answer = ask(world.staff.root, permission, userId=user, resource=resource)
        assert not answer["allowed"]
        assert rule(answer, "account active")["effect"] == "deny"


def test_an_installations_own_permission_is_held_by_its_roles_and_by_superusers(world: World) -> None:
    own = world.staff.permission()
    holder = world.staff.holder(own)

    assert ask(holder, own)["allowed"]
    assert ask(world.staff.root, own)["allowed"]
    assert not ask(world.people["admin"], own)["allowed"]


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


def test_who_looks_into_foreign_projects_by_right_is_in_the_audit(world: World, cloud: Cloud) -> None:
    ask(world.staff.root, "files.read", resource=world.projects["live"])
    ask(world.staff.root, "files.read", resource=UNKNOWN)
    ask(world.people["owner"], "files.read", resource=world.projects["live"])

    visits = cloud.rows("audit", action="projects.any")
    assert [(row["actor"], row["target"]) for row in visits] == [(world.staff.root.user["id"], world.projects["live"])]
