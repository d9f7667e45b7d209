"""Two tenants of one installation, and every place where a route takes an ID."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import BASE_PATH, Client, Response
from tests.support.companion import Uppy
from tests.support.factories import make_upload_request
from tests.support.image_samples import make_photo
from tests.support.projects import (
    ApiKeyClient,
    create_api_key_client,
    create_invitation,
    create_member,
    create_shared_project,
)
from tests.support.routes import Route, list_routes
from tests.support.shares import create_link

# A test fails if a path has a parameter that is in neither set.
ID_PARAMETER_NAMES = {
    "projectId",
    "fileId",
    "ids",
    "uploadId",
    "key",
    "keyId",
    "userId",
    "invitationId",
    "shareId",
    "jobId",
    "sessionId",
    "resource",
    "actor",
    "target",
}
NON_ID_VALUES = {
    "provider": "issuer",
    "asset": "start.js",
    "task": "recount",
    "number": "1",
    "name": "user",
    "role": "user",
    "permission": "users.read",
    "token": "x",
    "partNumber": "1",
}
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
    "partNumbers": [1],
    "parts": [{"PartNumber": 1, "ETag": "x"}],
    "action": "delete",
}
_ULID = "[0-9a-hjkmnp-tv-z]{26}"


@dataclass(frozen=True)
class IdParameter:
    """A place where a route takes an ID."""

    route: Route
    location: str  # path, query or body
    name: str

    def __str__(self) -> str:
        return f"{self.route} {self.location} {self.name}"


ID_PARAMETERS = [
    IdParameter(route, location, name)
    for route in list_routes()
    for location, name, _ in route.parameters()
    if name in ID_PARAMETER_NAMES
]


@dataclass
class Tenant:
    """A user with a project that contains one item of each kind, and two items of each kind that a list returns."""

    client: Client
    project_id: str
    key_client: ApiKeyClient
    member: Client
    ids: dict[str, str]
    own_names: set[str] = field(default_factory=set)

    @property
    def identifiers(self) -> set[str]:
        """Return the strings that must not be in a response to another tenant."""
        return {*self.ids.values(), *self.own_names}

    def leaked_identifiers(self, response: Response) -> set[str]:
        """Return the identifiers of this tenant in a response."""
        text = response.text + str(response.headers) + str(response.cookies)
        return {identifier for identifier in self.identifiers if identifier in text}


def create_tenant(fake_aws: FakeAws, name: str) -> Tenant:
    """Create a tenant whose files, keys and email addresses begin with a name."""
    client = users.create_client()
    project_id = create_shared_project(client, f"project of {name}")
    member = create_member(client, project_id, fake_aws, "editor")
    photos = [
        fake_aws.upload(client, make_photo(), projectId=project_id, filename=f"{name}-{suffix}.jpg") for suffix in "ab"
    ]
    text = {"filename": f"{name}-c.txt", "contentType": "text/plain"}
    trashed_id = fake_aws.upload(client, b"x", projectId=project_id, **text)["fileId"]
    client.delete(f"/files/{trashed_id}").data()
    upload = client.post(
        "/files/init-upload", make_upload_request(b"x", projectId=project_id, multipart=True)
    ).created()
    invitations = [create_invitation(client, project_id, f"{name}-{suffix}@example.test")["id"] for suffix in "de"]
    keys = [create_api_key_client(client, project_id, name=f"{name}-{suffix}") for suffix in "fg"]
    shares = [create_link(client, photos[0]["fileId"]) for _ in range(2)]
    jobs = sorted(
        row["id"] for row in fake_aws.find_rows("main", record_type="job") if row["id"].startswith(project_id)
    )
    mailbox.receive_emails(fake_aws)
    ids = {
        "projectId": project_id,
        "fileId": photos[0]["fileId"],
        "ids": photos[0]["fileId"],
        "uploadId": upload["uploadId"],
        "key": upload["key"],
        "keyId": keys[0].key_id,
        "userId": member.user["id"],
        "invitationId": invitations[0],
        "shareId": shares[0].share_id,
        "other share": shares[1].share_id,
        "jobId": jobs[0],
        "sessionId": member.refresh_token.split("_")[1],
        "owner": client.user["id"],
        "other file": photos[1]["fileId"],
        "other invitation": invitations[1],
        "other key": keys[1].key_id,
        "trashed": trashed_id,
        "token": Uppy.create(client, project_id).token,
    }
    ids |= {"resource": project_id, "actor": ids["owner"], "target": ids["fileId"]}
    emails = {client.user["email"], member.user["email"]}
    return Tenant(client, project_id, keys[0], member, ids, {f"{name}-", f"project of {name}", *emails})


def unknown_id(name: str, example: str) -> str:
    """Return an ID that does not exist, in the form of the example. What is no ID stays."""
    if name in NON_ID_VALUES:
        return example
    if name == "key":
        return re.sub(_ULID, "0" * 26, re.sub("-[0-9a-z]{12}/", f"-{'0' * 12}/", example))
    return re.sub("[0-9a-hjkmnp-tv-z]", "0", example)


def unknown_id_in_project(name: str, example: str, project_id: str) -> str:
    """Return an ID that does not exist in the project, in the form of the example."""
    if name == "key":
        return re.sub(_ULID, "0" * 26, example)
    rest = example.removeprefix(project_id)
    return example[: len(example) - len(rest)] + unknown_id(name, rest)


def _body_value(route: Route, name: str) -> Any:
    return "read" if str(route) == "POST /api/v1/files/{fileId}/shares" else _BODY_VALUES[name]


def send_request(client: Client, route: Route, ids: dict[str, str], *id_parameters: IdParameter) -> Response:
    """Call a route with these IDs: those that it requires, and the optional ones in `id_parameters`."""
    path, query, body = route.path.removeprefix(BASE_PATH), ["filename=a.jpg"] * route.guard.file_body, {}
    wanted = {(parameter.location, parameter.name) for parameter in id_parameters}
    for location, name, required in route.parameters():
        value = ids.get(name) or NON_ID_VALUES.get(name, "")
        if location == "path":
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        elif location == "query" and (location, name) in wanted:
            query.append(f"{name}={quote(value, safe='')}")
        elif location == "body" and (required or (location, name) in wanted):
            body[name] = (
                _body_value(route, name) if name not in ID_PARAMETER_NAMES else [value] if name == "ids" else value
            )
    return client.request(route.method, path + ("?" + "&".join(query) if query else ""), body or None)
