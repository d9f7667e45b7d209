"""Z1: everybody asks everything everywhere. Who is refused leaves nothing behind."""

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

import pytest

from holdall.roles.permissions import PERMISSIONS
from infra.build.openapi import OPENAPI_PATH
from tests.support.access_rules import (
    ACCESS_RULES,
    ROUTES_WITHOUT_RULE,
    AccessRule,
    Principal,
    Target,
    TargetProject,
    expected_status,
)
from tests.support.e2e.actions import create_project, create_superuser, init_upload, upload_bytes, upload_file
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import BASE_PATH, Client, Response, Server, create_client, new_email
from tests.support.e2e.mailbox import Mailbox
from tests.support.routes import list_routes

_SCOPES = sorted(name for name, each in PERMISSIONS.items() if each.is_key_scope)
_PROJECT_ROLES = ("viewer", "editor", "owner")
_PRINCIPAL_NAMES = (
    "anonymous",
    "user",
    "admin",
    "superuser",
    *_PROJECT_ROLES,
    *(f"key {scope}" for scope in _SCOPES),
    "key with all scopes",
)
_UNKNOWN_PARAMETER = "unknown=1"
_TARGETS: tuple[Target, ...] = ("own", "other", "deleted")
# They end what their caller is in a project, who has other things to do.
_ROUTES_OF_SECOND_OWNER = {f"POST /projects/{{projectId}}/{each}" for each in ("transfer", "leave")}


class World:
    """Everybody, and three projects: that of the members and keys, one of somebody else, and one that its owner deleted."""

    def __init__(self, server: Server, aws_state: AwsState, mailbox: Mailbox) -> None:
        self.server, self.aws_state, self.mailbox = server, aws_state, mailbox
        self.owner = create_client(server)
        self.members = {"owner": self.owner, **{role: create_client(server) for role in ("viewer", "editor")}}
        self.superuser = create_superuser(server, aws_state)
        self.admin, self.user, self.other_user = create_client(server), create_client(server), create_client(server)
        self.superuser.post(f"/users/{self.admin.user['id']}/roles", {"role": "admin"}).data()
        self.targets: dict[Target, TargetProject] = {
            "own": self._create_target(self.owner, self._non_owner_members()),
            "other": self._create_target(self.other_user, {"viewer": create_client(server)}),
            "deleted": self._create_target(self.owner, self._non_owner_members()),
        }
        self.api_keys = {where: self._create_api_keys(where) for where in ("own", "deleted")}
        self.owner.delete(f"/projects/{self.targets['deleted'].project_id}").data()
        aws_state.wait_until_queues_empty()

    def principal(self, name: str) -> Principal:
        if name.startswith("key "):
            scopes = _SCOPES if name == "key with all scopes" else [name.removeprefix("key ")]
            return Principal(name, project_role="owner", scopes=frozenset(scopes))
        roles = {"admin": {"user", "admin"}, "superuser": {"superuser"}, "anonymous": set[str]()}.get(name, {"user"})
        return Principal(name, frozenset(roles), project_role=name if name in _PROJECT_ROLES else "")

    def add_spare_project(self) -> None:
        """Make one place more, where anything may be done: with two owners."""
        members = {"viewer": create_client(self.server), "owner": self.owner}
        self.targets["spare"] = self._create_target(self.other_user, members)
        self.aws_state.wait_until_queues_empty()

    def request(
        self, principal_name: str, target: Target, route: str, rule: AccessRule, *, with_unknown_parameter: bool
    ) -> Response:
        place = self.targets[target]
        method, _, path = route.partition(" ")
        path, _, flags = path.partition("?")
        ids = {**self._common_ids(), **place.ids, "projectId": place.project_id}
        path = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], path)
        query = "&".join(
            filter(None, [flags, rule.query.format(**ids), _UNKNOWN_PARAMETER if with_unknown_parameter else ""])
        )
        body = rule.make_body(place) if rule.make_body else None
        path = f"{path}?{query}" if query else path
        return self._client_of(principal_name).request(
            method, path, body, headers=self._api_key_header(principal_name, target)
        )

    def snapshot(self) -> dict[str, str]:
        """Every row that has to do with somebody or something here, but for when a key was last used."""
        marks = [mark for place in self.targets.values() for mark in (place.project_id, place.ids["userId"])]
        people = (*self.members.values(), self.admin, self.user, self.superuser, self.other_user)
        marks += [client.user["id"] for client in people]
        marks.append("matrix")
        rows = {}
        for table in ("MainTable", "CredentialsTable", "AuditTable"):
            for row in self.aws_state.scan_table(table):
                kept = {name: value for name, value in row.items() if name != "last_used_at"}
                text = json.dumps(kept, default=str, sort_keys=True)
                if any(mark in text for mark in marks):
                    rows[f"{table} {row['pk']} {row['sk']}"] = text
        return rows

    def _client_of(self, principal_name: str) -> Client:
        everybody = {**self.members, "admin": self.admin, "user": self.user, "superuser": self.superuser}
        everybody["other_user"] = self.other_user
        return everybody.get(principal_name, Client(self.server))

    def _api_key_header(self, principal_name: str, target: Target) -> dict[str, str]:
        if not principal_name.startswith("key "):
            return {}
        # A key belongs to one project; in a foreign one its own comes along.
        return {"x-api-key": self.api_keys["deleted" if target == "deleted" else "own"][principal_name]}

    def _non_owner_members(self) -> dict[str, Client]:
        return {role: self.members[role] for role in ("viewer", "editor")}

    def _create_target(self, owner: Client, members: Mapping[str, Client]) -> TargetProject:
        """A project with its members. Whatever a route takes from it is such that its deed would be done."""
        project_id, mark = create_project(owner), secrets.token_hex(4)  # as one stack may see these tests twice
        file_id = upload_file(owner, b"x", projectId=project_id, filename="a.txt", contentType="text/plain")["fileId"]
        begun = init_upload(owner, b"y", projectId=project_id, filename="b.txt", contentType="text/plain")
        assert upload_bytes(begun, b"y").status == 200
        invited = owner.post(f"/projects/{project_id}/invitations", {"email": new_email(), "role": "viewer"}).data()
        key = owner.post(f"/projects/{project_id}/keys", {"name": "Target", "scopes": ["files.read"]}).data()
        for role, member in members.items():
            self._add_member(owner, project_id, member, role)
        role, permission = f"matrix-{mark}", f"matrix.thing-{mark}"
        self.superuser.post("/roles", {"name": role, "permissions": ["users.read"]}).data()
        self.superuser.post("/permissions", {"name": permission}).data()
        ids = {
            "fileId": file_id,
            "uploadId": begun["uploadId"],
            "invitationId": invited["id"],
            "keyId": key["id"],
            "userId": members["viewer"].user["id"],
            "name": role,
            "permission": permission,
            "newEmail": f"matrix-{mark}@example.test",
            "newRole": f"matrix-new-{mark}",
            "newPermission": f"matrix.new-{mark}",
        }
        return TargetProject(project_id, ids)

    def _add_member(self, owner: Client, project_id: str, member: Client, role: str) -> None:
        before = len(self.mailbox.emails_to(member.email))
        owner.post(f"/projects/{project_id}/invitations", {"email": member.email, "role": role}).data()
        token = self.mailbox.wait_for_token(member.email, count=before + 1)
        member.post("/invitations/accept", {"token": token}).data()

    def _create_api_keys(self, target: Target) -> dict[str, str]:
        path = f"/projects/{self.targets[target].project_id}/keys"
        made = {}
        for name in (each for each in _PRINCIPAL_NAMES if each.startswith("key ")):
            scopes = _SCOPES if name == "key with all scopes" else [name.removeprefix("key ")]
            made[name] = self.owner.post(path, {"name": name, "scopes": scopes}).data()["key"]
        return made

    def _common_ids(self) -> dict[str, str]:
        return {
            "sessionId": self.other_user.refresh_token.split("_")[1],
            "provider": "github",
            "asset": "start.js",
            "role": "user",
        }


@pytest.fixture(scope="module")
def world(api_gateway: Server, aws_state: AwsState, mailbox: Mailbox) -> World:
    return World(api_gateway, aws_state, mailbox)


def test_every_route_and_every_flag_has_its_row() -> None:
    document: dict[str, Any] = json.loads(OPENAPI_PATH.read_text())
    every = {
        f"{method.upper()} {path.removeprefix(BASE_PATH)}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not operation.get("deprecated")
    }
    flags = {
        f"{route.method} {route.path.removeprefix(BASE_PATH)}?{flag}=true"
        for route in list_routes()
        for flag in {*route.guard.extra, route.guard.allow_deleted} - {True, False}
    }

    assert {route.partition("?")[0] for route in ACCESS_RULES} | ROUTES_WITHOUT_RULE == every
    assert {route for route in ACCESS_RULES if "?" in route} == flags


@pytest.mark.parametrize("route", ACCESS_RULES)
def test_everybody_is_let_in_or_refused_as_the_table_says(route: str, world: World) -> None:
    row, before = ACCESS_RULES[route], world.snapshot()
    places = _TARGETS if row.is_in_project else _TARGETS[:1]
    cells = {
        (name, where): expected_status(row, world.principal(name), where)
        for name in _PRINCIPAL_NAMES
        for where in places
    }

    refused = {
        cell: world.request(*cell, route, row, with_unknown_parameter=False).status
        for cell, status in cells.items()
        if status
    }
    assert refused == {cell: status for cell, status in cells.items() if status}
    assert world.snapshot() == before

    # Whoever is let in is told that there is no such parameter, and that comes behind every door.
    let_in = {
        cell: world.request(*cell, route, row, with_unknown_parameter=True)
        for cell, status in cells.items()
        if not status
    }
    told = {cell: (answer.status, answer.json().get("code")) for cell, answer in let_in.items()}
    assert told == dict.fromkeys(told, (422, "unknown_parameter"))
    if route.startswith("GET") and let_in and row.access != "public":
        cell = next(iter(let_in))
        assert world.request(*cell, route, row, with_unknown_parameter=False).status in (200, 302), cell


def _write_routes() -> list[str]:
    """What changes something, in an order in which each is possible: what takes away comes last, and the smaller before."""
    deeds = [route for route, row in ACCESS_RULES.items() if row.access in PERMISSIONS and not route.startswith("GET")]
    last = [each for each in deeds if re.fullmatch(r"(DELETE|POST) /projects/{projectId}(/restore|\?.*)?", each)]
    rest = [each for each in deeds if each not in last]
    return sorted(rest, key=lambda route: (route.startswith("DELETE"), -route.count("/"))) + last


def test_what_is_refused_would_have_been_done_behind_an_open_door(world: World) -> None:
    """Else a deed that is impossible anyway, or that changes nothing, would pass for one that was refused."""
    world.add_spare_project()
    vain, before = {}, world.snapshot()
    for route in _write_routes():
        row = ACCESS_RULES[route]
        owner = "owner" if route in _ROUTES_OF_SECOND_OWNER else "other_user"
        answer = world.request(
            owner if row.is_in_project else "superuser", "spare", route, row, with_unknown_parameter=False
        )
        after = world.snapshot()
        if answer.status >= 300 or after == before:
            vain[route] = answer.status
        before = after

    assert vain == {}


@pytest.mark.parametrize("route", sorted(ROUTES_WITHOUT_RULE))
def test_a_route_for_anyone_does_not_ask_who_comes(route: str, world: World) -> None:
    row = AccessRule("public", query="state=unknown")

    answers = {world.request(name, "own", route, row, with_unknown_parameter=False).status for name in _PRINCIPAL_NAMES}

    assert len(answers) == 1
