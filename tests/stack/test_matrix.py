"""Z1: everybody asks everything everywhere. Who is refused leaves nothing behind."""

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

import pytest

from holdall.roles.permissions import PERMISSIONS
from infra.build.openapi import DOCUMENT
from tests.house.routes import routes
from tests.stack.client import BASE_PATH, Answer, Client, Server, new_email, signed_in
from tests.stack.matrix import APART, ROWS, Place, Row, Where, Who, expected
from tests.stack.post import Post
from tests.stack.state import State
from tests.stack.work import begin, new_project, send, superuser, upload

_SCOPES = sorted(name for name, each in PERMISSIONS.items() if each.key_scope)
_ROLES = ("viewer", "editor", "owner")
_NAMES = ("nobody", "user", "admin", "superuser", *_ROLES, *(f"key {scope}" for scope in _SCOPES), "key of all")
_NONSENSE = "nonsense=1"
_PLACES: tuple[Where, ...] = ("own", "foreign", "deleted")
# They end what their caller is in a project, who has other things to do.
_OF_ANOTHER_OWNER = {f"POST /projects/{{projectId}}/{each}" for each in ("transfer", "leave")}


class Scene:
    """Everybody, and three projects: that of the members and keys, one of somebody else, and one that its owner deleted."""

    def __init__(self, server: Server, state: State, post: Post) -> None:
        self.server, self.state, self.post = server, state, post
        self.owner = signed_in(server)
        self.members = {"owner": self.owner, **{role: signed_in(server) for role in ("viewer", "editor")}}
        self.superuser = superuser(server, state)
        self.admin, self.user, self.somebody = signed_in(server), signed_in(server), signed_in(server)
        self.superuser.post(f"/users/{self.admin.user['id']}/roles", {"role": "admin"}).data()
        self.places: dict[Where, Place] = {
            "own": self._place(self.owner, self._staff()),
            "foreign": self._place(self.somebody, {"viewer": signed_in(server)}),
            "deleted": self._place(self.owner, self._staff()),
        }
        self.keys = {where: self._keys(where) for where in ("own", "deleted")}
        self.owner.delete(f"/projects/{self.places['deleted'].project_id}").data()
        state.settle()

    def who(self, name: str) -> Who:
        if name.startswith("key "):
            scopes = _SCOPES if name == "key of all" else [name.removeprefix("key ")]
            return Who(name, role="owner", scopes=frozenset(scopes))
        roles = {"admin": {"user", "admin"}, "superuser": {"superuser"}, "nobody": set[str]()}.get(name, {"user"})
        return Who(name, frozenset(roles), role=name if name in _ROLES else "")

    def spare(self) -> None:
        """Make one place more, where anything may be done: with two owners."""
        members = {"viewer": signed_in(self.server), "owner": self.owner}
        self.places["spare"] = self._place(self.somebody, members)
        self.state.settle()

    def ask(self, name: str, where: Where, route: str, row: Row, *, nonsense: bool) -> Answer:
        place = self.places[where]
        method, _, path = route.partition(" ")
        path, _, flags = path.partition("?")
        ids = {**self._anywhere(), **place.ids, "projectId": place.project_id}
        path = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], path)
        query = "&".join(filter(None, [flags, row.query.format(**ids), _NONSENSE if nonsense else ""]))
        body = row.body(place) if row.body else None
        path = f"{path}?{query}" if query else path
        return self._client(name).request(method, path, body, headers=self._key(name, where))

    def snapshot(self) -> dict[str, str]:
        """Every row that has to do with somebody or something here, but for when a key was last used."""
        marks = [mark for place in self.places.values() for mark in (place.project_id, place.ids["userId"])]
        people = (*self.members.values(), self.admin, self.user, self.superuser, self.somebody)
        marks += [client.user["id"] for client in people]
        marks.append("matrix")
        rows = {}
        for table in ("MainTable", "CredentialsTable", "AuditTable"):
            for row in self.state.everything(table):
                kept = {name: value for name, value in row.items() if name != "used_at"}
                text = json.dumps(kept, default=str, sort_keys=True)
                if any(mark in text for mark in marks):
                    rows[f"{table} {row['pk']} {row['sk']}"] = text
        return rows

    def _client(self, name: str) -> Client:
        everybody = {**self.members, "admin": self.admin, "user": self.user, "superuser": self.superuser}
        everybody["somebody"] = self.somebody
        return everybody.get(name, Client(self.server))

    def _key(self, name: str, where: Where) -> dict[str, str]:
        if not name.startswith("key "):
            return {}
        # A key belongs to one project; in a foreign one its own comes along.
        return {"x-api-key": self.keys["deleted" if where == "deleted" else "own"][name]}

    def _staff(self) -> dict[str, Client]:
        return {role: self.members[role] for role in ("viewer", "editor")}

    def _place(self, owner: Client, members: Mapping[str, Client]) -> Place:
        """A project with its members. Whatever a route takes from it is such that its deed would be done."""
        project_id, mark = new_project(owner), secrets.token_hex(4)  # as one stack may see these tests twice
        file_id = upload(owner, b"x", projectId=project_id, filename="a.txt", contentType="text/plain")["fileId"]
        begun = begin(owner, b"y", projectId=project_id, filename="b.txt", contentType="text/plain")
        assert send(begun, b"y").status == 200
        invited = owner.post(f"/projects/{project_id}/invitations", {"email": new_email(), "role": "viewer"}).data()
        key = owner.post(f"/projects/{project_id}/keys", {"name": "Victim", "scopes": ["files.read"]}).data()
        for role, member in members.items():
            self._join(owner, project_id, member, role)
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
        return Place(project_id, ids)

    def _join(self, owner: Client, project_id: str, member: Client, role: str) -> None:
        before = len(self.post.to(member.email))
        owner.post(f"/projects/{project_id}/invitations", {"email": member.email, "role": role}).data()
        token = self.post.token(member.email, count=before + 1)
        member.post("/invitations/accept", {"token": token}).data()

    def _keys(self, where: Where) -> dict[str, str]:
        path = f"/projects/{self.places[where].project_id}/keys"
        made = {}
        for name in (each for each in _NAMES if each.startswith("key ")):
            scopes = _SCOPES if name == "key of all" else [name.removeprefix("key ")]
            made[name] = self.owner.post(path, {"name": name, "scopes": scopes}).data()["key"]
        return made

    def _anywhere(self) -> dict[str, str]:
        return {
            "sessionId": self.somebody.refresh_token.split("_")[1],
            "provider": "github",
            "asset": "start.js",
            "role": "user",
        }


@pytest.fixture(scope="module")
def scene(direct: Server, state: State, post: Post) -> Scene:
    return Scene(direct, state, post)


def test_every_route_and_every_flag_has_its_row() -> None:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text())
    every = {
        f"{method.upper()} {path.removeprefix(BASE_PATH)}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    flags = {
        f"{route.method} {route.path.removeprefix(BASE_PATH)}?{flag}=true"
        for route in routes()
        if route.door
        for flag in {*route.door.when, route.door.deleted} - {"", "always"}
    }

    assert {route.partition("?")[0] for route in ROWS} | APART == every
    assert {route for route in ROWS if "?" in route} == flags


@pytest.mark.parametrize("route", ROWS)
def test_everybody_is_let_in_or_refused_as_the_table_says(route: str, scene: Scene) -> None:
    row, before = ROWS[route], scene.snapshot()
    places = _PLACES if row.in_project else _PLACES[:1]
    cells = {(name, where): expected(row, scene.who(name), where) for name in _NAMES for where in places}

    refused = {cell: scene.ask(*cell, route, row, nonsense=False).status for cell, status in cells.items() if status}
    assert refused == {cell: status for cell, status in cells.items() if status}
    assert scene.snapshot() == before

    # Whoever is let in is told that there is no such parameter, and that comes behind every door.
    let_in = {cell: scene.ask(*cell, route, row, nonsense=True) for cell, status in cells.items() if not status}
    told = {cell: (answer.status, answer.json().get("code")) for cell, answer in let_in.items()}
    assert told == dict.fromkeys(told, (422, "unknown_parameter"))
    if route.startswith("GET") and let_in and row.asks != "anyone":
        cell = next(iter(let_in))
        assert scene.ask(*cell, route, row, nonsense=False).status in (200, 302), cell


def _deeds() -> list[str]:
    """What changes something, in an order in which each is possible: what takes away comes last, and the smaller before."""
    deeds = [route for route, row in ROWS.items() if row.asks in PERMISSIONS and not route.startswith("GET")]
    last = [each for each in deeds if re.fullmatch(r"(DELETE|POST) /projects/{projectId}(/restore|\?.*)?", each)]
    rest = [each for each in deeds if each not in last]
    return sorted(rest, key=lambda route: (route.startswith("DELETE"), -route.count("/"))) + last


def test_what_is_refused_would_have_been_done_behind_an_open_door(scene: Scene) -> None:
    """Else a deed that is impossible anyway, or that changes nothing, would pass for one that was refused."""
    scene.spare()
    vain, before = {}, scene.snapshot()
    for route in _deeds():
        row = ROWS[route]
        owner = "owner" if route in _OF_ANOTHER_OWNER else "somebody"
        answer = scene.ask(owner if row.in_project else "superuser", "spare", route, row, nonsense=False)
        after = scene.snapshot()
        if answer.status >= 300 or after == before:
            vain[route] = answer.status
        before = after

    assert vain == {}


@pytest.mark.parametrize("route", sorted(APART))
def test_a_route_for_anyone_does_not_ask_who_comes(route: str, scene: Scene) -> None:
    row = Row("anyone", query="state=nobody")

    answers = {scene.ask(name, "own", route, row, nonsense=False).status for name in _NAMES}

    assert len(answers) == 1
