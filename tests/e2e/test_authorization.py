"""Authorization on the deployed stack: one route of each kind of guard in each function that has one.

`tests/api/test_authorization.py` calls every route as every principal.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from holdall.roles.permissions import PERMISSIONS
from tests.support.access_rules import (
    ACCESS_RULES,
    ANONYMOUS,
    Principal,
    Target,
    TargetName,
    build_request,
    expected_refusal,
)
from tests.support.e2e.actions import add_member, create_project, create_superuser, init_upload, upload_file
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.mailbox import Mailbox

ROUTES = (
    "GET /.well-known/jwks.json",
    "GET /auth/me",
    "POST /auth/2fa/setup",
    "GET /users",
    "GET /projects/{projectId}",
    "PATCH /projects/{projectId}",
    "POST /projects/{projectId}/keys",
    "POST /files/init-upload",
    "POST /files/commit",
    "GET /files",
    "GET /files/{fileId}",
    "DELETE /files/{fileId}?permanent=true",
)


@dataclass(frozen=True)
class Caller:
    """A principal and its client. An API key is sent as a header."""

    principal: Principal
    client: Client
    api_key: str = ""


@dataclass(frozen=True)
class World:
    callers: list[Caller]
    targets: dict[TargetName, Target]

    def cells(self) -> Iterator[tuple[str, Caller, TargetName]]:
        for route in ROUTES:
            targets = list(self.targets) if ACCESS_RULES[route].is_in_project else list(self.targets)[:1]
            for caller in self.callers:
                for target in targets:
                    yield route, caller, target


def create_target(owner: Client) -> Target:
    project_id = create_project(owner)
    text = {"projectId": project_id, "filename": "a.txt", "contentType": "text/plain"}
    ids = {
        "fileId": upload_file(owner, b"x", **text)["fileId"],
        "storedUploadId": init_upload(owner, b"y", **text)["uploadId"],
    }
    return Target(project_id, ids)


@pytest.fixture(scope="module")
def world(api_gateway: Server, aws_state: AwsState, mailbox: Mailbox) -> World:
    owner, viewer = create_client(api_gateway), create_client(api_gateway)
    own = create_target(owner)
    add_member(owner, own.project_id, mailbox, viewer, "viewer")
    scopes = {
        "key with all scopes": frozenset(name for name, each in PERMISSIONS.items() if each.is_key_scope),
        "key with files.read": frozenset({"files.read"}),
    }
    callers = [
        Caller(ANONYMOUS, Client(api_gateway)),
        Caller(Principal("user", frozenset({"user"})), create_client(api_gateway)),
        Caller(Principal("superuser", frozenset({"superuser"})), create_superuser(api_gateway, aws_state)),
        Caller(Principal("viewer", frozenset({"user"}), "viewer"), viewer),
        Caller(Principal("owner", frozenset({"user"}), "owner"), owner),
    ]
    for name, each in scopes.items():
        body = {"name": name, "scopes": sorted(each)}
        key = owner.post(f"/projects/{own.project_id}/keys", body).data()["key"]
        callers.append(Caller(Principal(name, project_role="owner", scopes=each), Client(api_gateway), key))
    return World(callers, {"own": own, "other": create_target(create_client(api_gateway))})


def test_principals_are_allowed_or_refused_as_the_access_rules_say(world: World) -> None:
    wrong = {}
    for route, caller, target in world.cells():
        rule = ACCESS_RULES[route]
        expected = expected_refusal(rule, caller.principal, target) or (422, "unknown_parameter")
        request = build_request(route, rule, world.targets[target], unknown_parameter=True)
        response = caller.client.request(*request, headers={"x-api-key": caller.api_key} if caller.api_key else {})
        if (response.status, response.json().get("code")) != expected:
            wrong[f"{caller.principal}: {route} in {target}"] = response.status, expected

    assert wrong == {}
