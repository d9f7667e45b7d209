"""Budgets of members, invitations and API keys, and of requests with an API key.

A list of members is one read more, for the users. An email is one message and one transaction that deletes it from the
outbox, and two updates of the rate limiter, one for the caller and one for the address. A request with an API key is one
read for everything that the key depends on, and one update of the rate limiter. The time of its last use is written once a
minute, and is in no number here.
"""

from collections.abc import Callable
from typing import Any

from tests.architecture.round_trips import BudgetCase, SendRequest, authenticated_get
from tests.support import mailbox, projects, users
from tests.support.client import Response
from tests.support.factories import make_upload_request
from tests.support.projects import ApiKeyClient
from tests.support.scenario import Scenario

_PROJECT = "/api/v1/projects/{projectId}"


def _member_request(method: str, role: str = "viewer", body: Any = None) -> Any:
    """Send a request about another member."""

    def prepare(scenario: Scenario) -> SendRequest:
        user_id = projects.create_member(scenario.client, scenario.project_id, scenario.fake_aws, role).user["id"]
        return lambda: scenario.client.request(method, f"/projects/{scenario.project_id}/members/{user_id}", body)

    return prepare


def _leave_project(scenario: Scenario) -> SendRequest:
    member = projects.create_member(scenario.client, scenario.project_id, scenario.fake_aws)
    return lambda: member.post(f"/projects/{scenario.project_id}/leave")


def _transfer_ownership(scenario: Scenario) -> SendRequest:
    user_id = projects.create_member(scenario.client, scenario.project_id, scenario.fake_aws, "editor").user["id"]
    return lambda: scenario.client.post(f"/projects/{scenario.project_id}/transfer", {"userId": user_id})


def _create_invitation(scenario: Scenario) -> SendRequest:
    body = {"email": users.unique_email(), "role": "viewer"}
    return lambda: scenario.client.post(f"/projects/{scenario.project_id}/invitations", body)


def _delete_invitation(scenario: Scenario) -> SendRequest:
    id_ = projects.create_invitation(scenario.client, scenario.project_id, users.unique_email())["id"]
    mailbox.receive_emails(scenario.fake_aws)
    return lambda: scenario.client.delete(f"/projects/{scenario.project_id}/invitations/{id_}")


def _accept_invitation(scenario: Scenario) -> SendRequest:
    invitee = users.create_client()
    token = projects.create_invitation_token(
        scenario.client, scenario.project_id, scenario.fake_aws, invitee.user["email"]
    )
    return lambda: projects.accept_invitation(invitee, token)


def _create_api_key(scenario: Scenario) -> SendRequest:
    body = {"name": "Robot", "scopes": ["files.read"]}
    return lambda: scenario.client.post(f"/projects/{scenario.project_id}/keys", body)


def _api_key_request(method: str, body: Any = None) -> Any:
    def prepare(scenario: Scenario) -> SendRequest:
        key_id = projects.create_api_key_client(scenario.client, scenario.project_id).key_id
        return lambda: scenario.client.request(method, f"/projects/{scenario.project_id}/keys/{key_id}", body)

    return prepare


def _with_api_key(send: Callable[[Scenario, ApiKeyClient], Response]) -> Any:
    """Send a request with an API key. The time of its last use was written a moment ago."""

    def prepare(scenario: Scenario) -> SendRequest:
        scenario.upload()  # the first upload of an installation creates its counters
        key = projects.create_api_key_client(scenario.client, scenario.project_id)
        key.get(f"/projects/{scenario.project_id}").data()
        return lambda: send(scenario, key)

    return prepare


MEMBER_CASES = (
    BudgetCase(f"GET {_PROJECT}/members", 200, authenticated_get("/projects/{project}/members"), dynamodb=3),
    BudgetCase(
        f"PATCH {_PROJECT}/members/{{userId}}", 200, _member_request("PATCH", body={"role": "editor"}), dynamodb=3
    ),
    BudgetCase(
        f"PATCH {_PROJECT}/members/{{userId}}",
        200,
        _member_request("PATCH", body={"role": "viewer"}),
        dynamodb=2,
        label="without a change",
    ),
    BudgetCase(f"DELETE {_PROJECT}/members/{{userId}}", 204, _member_request("DELETE", "owner"), dynamodb=3),
    BudgetCase(f"POST {_PROJECT}/leave", 204, _leave_project, dynamodb=2),
    BudgetCase(f"POST {_PROJECT}/transfer", 200, _transfer_ownership, dynamodb=3),
    BudgetCase(f"POST {_PROJECT}/invitations", 201, _create_invitation, dynamodb=5, sqs=1),
    BudgetCase(f"GET {_PROJECT}/invitations", 200, authenticated_get("/projects/{project}/invitations"), dynamodb=2),
    BudgetCase(f"DELETE {_PROJECT}/invitations/{{invitationId}}", 204, _delete_invitation, dynamodb=3),
    BudgetCase("POST /api/v1/invitations/accept", 200, _accept_invitation, dynamodb=5),
    BudgetCase(f"POST {_PROJECT}/keys", 201, _create_api_key, dynamodb=3),
    # There is no key, and so no creator to read.
    BudgetCase(f"GET {_PROJECT}/keys", 200, authenticated_get("/projects/{project}/keys"), dynamodb=2),
    BudgetCase(
        f"GET {_PROJECT}/keys",
        200,
        lambda scenario: _api_key_request("GET")(scenario) and authenticated_get("/projects/{project}/keys")(scenario),
        dynamodb=3,
        label="with their creators",
    ),
    BudgetCase(f"PATCH {_PROJECT}/keys/{{keyId}}", 200, _api_key_request("PATCH", {"enabled": False}), dynamodb=3),
    BudgetCase(f"DELETE {_PROJECT}/keys/{{keyId}}", 204, _api_key_request("DELETE"), dynamodb=2),
    BudgetCase(
        f"GET {_PROJECT}",
        200,
        _with_api_key(lambda scenario, key: key.get(f"/projects/{scenario.project_id}")),
        dynamodb=2,
        label="by an API key",
    ),
    BudgetCase(
        "GET /api/v1/files", 200, _with_api_key(lambda _, key: key.get("/files")), dynamodb=3, label="by an API key"
    ),
    BudgetCase(
        "POST /api/v1/files/init-upload",
        201,
        _with_api_key(
            lambda _, key: key.post("/files/init-upload", make_upload_request(b"x", contentType="text/plain"))
        ),
        dynamodb=5,  # two of them are of rate limiters
        label="by an API key",
    ),
)
