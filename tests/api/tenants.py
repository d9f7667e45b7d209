"""Two who share an installation and nothing else: everything of each, and every place of the contract that takes an id."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.api import people, post
from tests.api.client import BASE_PATH, Answer, Client
from tests.api.cloud import Cloud, announce, photo
from tests.api.members import Program, invite, joined, program, shared
from tests.house.routes import Route, routes

# What says which thing is meant; a route with a parameter that is in neither set fails `test_every_parameter_is_known`.
LEADING = {
    "projectId",
    "fileId",
    "uploadId",
    "key",
    "keyId",
    "userId",
    "invitationId",
    "jobId",
    "sessionId",
    "resource",
    "actor",
    "target",
}
HARMLESS = {"provider": "issuer", "asset": "start.js", "name": "user", "role": "user", "permission": "users.read"}
_VALUES: dict[str, Any] = {
    "filename": "a.txt",
    "size": 1,
    "contentType": "text/plain",
    "role": "viewer",
    "enabled": False,
    "email": "new@example.test",
    "name": "x",
    "scopes": ["files.read"],
    "permission": "files.read",
    "permissions": [],
    "roles": [],
    "token": "x",
    "password": people.PASSWORD,
}


@dataclass(frozen=True)
class Place:
    """Where a route takes an id."""

    route: Route
    where: str  # path, query or body
    name: str

    def __str__(self) -> str:
        return f"{self.route} {self.where} {self.name}"


def parameters(route: Route) -> Iterator[tuple[str, str, bool]]:
    """Where, which, and whether it is required: all that a route takes."""
    made = route.made.dependant
    for each in made.path_params:
        yield "path", each.alias, True
    for each in made.query_params:
        yield "query", each.alias, bool(each.required)
    for each in made.body_params:
        for name, told in each.field_info.annotation.model_fields.items():
            yield "body", told.alias or name, told.is_required()


PLACES = [Place(route, where, name) for route in routes() for where, name, _ in parameters(route) if name in LEADING]


@dataclass
class Tenant:
    """Somebody with a project in which there is one of everything, and two of what is listed."""

    client: Client
    room: str
    program: Program
    member: Client
    ids: dict[str, str]
    names: set[str] = field(default_factory=set)

    @property
    def marks(self) -> set[str]:
        """What appears in no answer to anybody else."""
        return {*self.ids.values(), *self.names}

    def marked(self, answer: Answer) -> set[str]:
        """What of this tenant stands in an answer."""
        told = answer.text + str(answer.headers) + str(answer.cookies)
        return {mark for mark in self.marks if mark in told}


def tenant(cloud: Cloud, name: str) -> Tenant:
    """Somebody who moves in."""
    client = people.signed_in()
    room = shared(client, f"room of {name}")
    member = joined(client, room, cloud, "editor")
    made = [cloud.upload(client, photo(), projectId=room, filename=f"{name}-{each}.jpg") for each in "ab"]
    trashed = cloud.upload(client, b"x", projectId=room, filename=f"{name}-c.txt", contentType="text/plain")["fileId"]
    client.delete(f"/files/{trashed}").data()
    begun = client.post("/files/init-upload", announce(b"x", projectId=room)).created()
    invitations = [invite(client, room, f"{name}-{each}@example.test")["id"] for each in "de"]
    keys = [program(client, room, name=f"{name}-{each}") for each in "fg"]
    jobs = sorted(row["id"] for row in cloud.rows("main", record_kind="job") if row["id"].startswith(room))
    post.posted(cloud)
    ids = {
        "projectId": room,
        "fileId": made[0]["fileId"],
        "uploadId": begun["uploadId"],
        "key": begun["key"],
        "keyId": keys[0].id,
        "userId": member.user["id"],
        "invitationId": invitations[0],
        "jobId": jobs[0],
        "sessionId": member.refresh_token.split("_")[1],
        "owner": client.user["id"],
        "other file": made[1]["fileId"],
        "other invitation": invitations[1],
        "other key": keys[1].id,
        "trashed": trashed,
    }
    ids |= {"resource": room, "actor": ids["owner"], "target": ids["fileId"]}
    mails = {client.user["email"], member.user["email"]}
    return Tenant(client, room, keys[0], member, ids, {f"{name}-", f"room of {name}", *mails})


def absent(name: str, like: str) -> str:
    """An id of the same form that nothing has."""
    if name == "key":
        return re.sub("[0-9a-hjkmnp-tv-z]{26}", "0" * 26, re.sub("-[0-9a-z]{12}/", f"-{'0' * 12}/", like))
    return re.sub("[0-9a-hjkmnp-tv-z]", "0", like)


def ask(caller: Client, route: Route, ids: dict[str, str], *named: Place) -> Answer:
    """Ask a route for things of these ids: those that it wants, and those that are named beside."""
    path, query, body = route.path.removeprefix(BASE_PATH), [], {}
    wanted = {(place.where, place.name) for place in named}
    for where, name, required in parameters(route):
        value = ids.get(name) or HARMLESS.get(name, "")
        if where == "path":
            path = path.replace(f"{{{name}}}", value)
        elif where == "query" and (where, name) in wanted:
            query.append(f"{name}={value}")
        elif where == "body" and (required or (where, name) in wanted):
            body[name] = value if name in LEADING else _VALUES[name]
    return caller.request(route.method, path + ("?" + "&".join(query) if query else ""), body or None)
