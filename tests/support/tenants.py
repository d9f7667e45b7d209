"""Two who share an installation and nothing else: everything of each, and every place of the contract that takes an id."""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.support import mailbox, users
from tests.support.aws import FakeAws, make_photo, make_upload_request
from tests.support.client import BASE_PATH, Client, Response
from tests.support.projects import (
    ApiKeyClient,
    create_api_key_client,
    create_invitation,
    create_member,
    create_shared_project,
)
from tests.support.routes import Route, list_routes

# What says which thing is meant; a route with a parameter that is in neither set fails `test_every_parameter_is_known`.
ID_PARAMETER_NAMES = {
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
NON_ID_VALUES = {"provider": "issuer", "asset": "start.js", "name": "user", "role": "user", "permission": "users.read"}
_BODY_VALUES: dict[str, Any] = {
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
    "password": users.PASSWORD,
}


@dataclass(frozen=True)
class IdParameter:
    """Where a route takes an id."""

    route: Route
    location: str  # path, query or body
    name: str

    def __str__(self) -> str:
        return f"{self.route} {self.location} {self.name}"


ID_PARAMETERS = [
    IdParameter(route, where, name)
    for route in list_routes()
    for where, name, _ in route.parameters()
    if name in ID_PARAMETER_NAMES
]


@dataclass
class Tenant:
    """Somebody with a project in which there is one of everything, and two of what is listed."""

    client: Client
    project_id: str
    key_client: ApiKeyClient
    member: Client
    ids: dict[str, str]
    own_names: set[str] = field(default_factory=set)

    @property
    def identifiers(self) -> set[str]:
        """What appears in no answer to anybody else."""
        return {*self.ids.values(), *self.own_names}

    def leaked_identifiers(self, response: Response) -> set[str]:
        """What of this tenant stands in an answer."""
        told = response.text + str(response.headers) + str(response.cookies)
        return {mark for mark in self.identifiers if mark in told}


def create_tenant(fake_aws: FakeAws, name: str) -> Tenant:
    """Somebody who moves in."""
    client = users.create_client()
    shared_project = create_shared_project(client, f"room of {name}")
    member = create_member(client, shared_project, fake_aws, "editor")
    made = [
        fake_aws.upload(client, make_photo(), projectId=shared_project, filename=f"{name}-{each}.jpg") for each in "ab"
    ]
    trashed = fake_aws.upload(
        client, b"x", projectId=shared_project, filename=f"{name}-c.txt", contentType="text/plain"
    )["fileId"]
    client.delete(f"/files/{trashed}").data()
    begun = client.post("/files/init-upload", make_upload_request(b"x", projectId=shared_project)).created()
    invitations = [create_invitation(client, shared_project, f"{name}-{each}@example.test")["id"] for each in "de"]
    keys = [create_api_key_client(client, shared_project, name=f"{name}-{each}") for each in "fg"]
    jobs = sorted(
        row["id"] for row in fake_aws.find_rows("main", record_type="job") if row["id"].startswith(shared_project)
    )
    mailbox.receive_emails(fake_aws)
    ids = {
        "projectId": shared_project,
        "fileId": made[0]["fileId"],
        "uploadId": begun["uploadId"],
        "key": begun["key"],
        "keyId": keys[0].key_id,
        "userId": member.user["id"],
        "invitationId": invitations[0],
        "jobId": jobs[0],
        "sessionId": member.refresh_token.split("_")[1],
        "owner": client.user["id"],
        "other file": made[1]["fileId"],
        "other invitation": invitations[1],
        "other key": keys[1].key_id,
        "trashed": trashed,
    }
    ids |= {"resource": shared_project, "actor": ids["owner"], "target": ids["fileId"]}
    mails = {client.user["email"], member.user["email"]}
    return Tenant(client, shared_project, keys[0], member, ids, {f"{name}-", f"room of {name}", *mails})


def absent_id(name: str, example: str) -> str:
    """An id of the same form that nothing has."""
    if name == "key":
        return re.sub("[0-9a-hjkmnp-tv-z]{26}", "0" * 26, re.sub("-[0-9a-z]{12}/", f"-{'0' * 12}/", example))
    return re.sub("[0-9a-hjkmnp-tv-z]", "0", example)


def send_request(client: Client, route: Route, ids: dict[str, str], *id_parameters: IdParameter) -> Response:
    """Ask a route for things of these ids: those that it wants, and those that are named beside."""
    path, query, body = route.path.removeprefix(BASE_PATH), [], {}
    wanted = {(place.location, place.name) for place in id_parameters}
    for where, name, required in route.parameters():
        value = ids.get(name) or NON_ID_VALUES.get(name, "")
        if where == "path":
            path = path.replace(f"{{{name}}}", value)
        elif where == "query" and (where, name) in wanted:
            query.append(f"{name}={value}")
        elif where == "body" and (required or (where, name) in wanted):
            body[name] = value if name in ID_PARAMETER_NAMES else _BODY_VALUES[name]
    return client.request(route.method, path + ("?" + "&".join(query) if query else ""), body or None)
