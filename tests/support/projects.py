"""Projects with members, invitations and API keys, as owners create them through the API."""

from dataclasses import dataclass
from typing import Any

from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response

KEY_SCOPES = ["events.read", "files.purge", "files.read", "files.share", "files.write", "jobs.read", "jobs.retry"]
NEW_KEY = {"name": "Robot", "scopes": ["files.read"]}
ALL_SCOPES = [*KEY_SCOPES, "projects.read", "variants.sync"]


def create_shared_project(owner: Client, name: str = "Shared") -> str:
    """Create a private project that is not personal, and return its ID."""
    return str(owner.post("/projects", {"name": name}).created()["id"])


def delete_project(client: Client, project: dict[str, Any], query: str = "") -> Response:
    return client.delete(f"/projects/{project['id']}{query}")


def restore_project(client: Client, project: dict[str, Any]) -> Response:
    return client.post(f"/projects/{project['id']}/restore")


def list_project_statuses(client: Client) -> dict[str, str]:
    """Return the status of each project by ID."""
    return {each["id"]: each["status"] for each in client.get("/projects").data()}


def create_invitation(owner: Client, project_id: str, email: str, role: str = "viewer") -> dict[str, Any]:
    """Create an invitation, and return it."""
    body = {"email": email, "role": role}
    invitation: dict[str, Any] = owner.post(f"/projects/{project_id}/invitations", body).created()
    return invitation


def create_invitation_token(owner: Client, project_id: str, fake_aws: FakeAws, email: str, role: str = "viewer") -> str:
    """Create an invitation, and return the token in its email."""
    mailbox.receive_emails(fake_aws)
    create_invitation(owner, project_id, email, role)
    return mailbox.receive_token(fake_aws, "project-invitation")


def accept_invitation(client: Client, token: str) -> Response:
    return client.post("/invitations/accept", {"token": token})


def add_member(owner: Client, project_id: str, fake_aws: FakeAws, client: Client, role: str = "viewer") -> Client:
    """Invite a user, who accepts."""
    token = create_invitation_token(owner, project_id, fake_aws, client.user["email"], role)
    accept_invitation(client, token).data()
    return client


def create_member(owner: Client, project_id: str, fake_aws: FakeAws, role: str = "viewer") -> Client:
    """Create a user, and add the user to a project."""
    return add_member(owner, project_id, fake_aws, users.create_client(), role)


def get_member_roles(client: Client, project_id: str) -> dict[str, str]:
    """Return the role of each member by user ID."""
    return {each["userId"]: each["role"] for each in client.get(f"/projects/{project_id}/members").data()}


def change_member_role(client: Client, project_id: str, user_id: str, role: str) -> Response:
    return client.request("PATCH", f"/projects/{project_id}/members/{user_id}", {"role": role})


def remove_member(client: Client, project_id: str, user_id: str) -> Response:
    return client.delete(f"/projects/{project_id}/members/{user_id}")


def leave_project(client: Client, project_id: str) -> Response:
    return client.post(f"/projects/{project_id}/leave")


def transfer_ownership(client: Client, project_id: str, user_id: str) -> Response:
    return client.post(f"/projects/{project_id}/transfer", {"userId": user_id})


def status_and_code(response: Response) -> tuple[int, str]:
    return response.status, response.problem()["code"]


@dataclass
class ApiKeyClient(Client):
    """A client that calls the API with an API key."""

    key_id: str = ""
    api_key: str = ""

    def request(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> Response:
        return super().request(method, path, body, headers={"x-api-key": self.api_key, **(headers or {})}, **kwargs)

    @property
    def secret(self) -> str:
        return self.api_key.rpartition("_")[2]


def create_api_key_client(creator: Client, project_id: str, *scopes: str, **overrides: Any) -> ApiKeyClient:
    """Create an API key, with all scopes unless some are given."""
    body = {"name": "Robot", "scopes": list(scopes or ALL_SCOPES), **overrides}
    created = creator.post(f"/projects/{project_id}/keys", body).created()
    return ApiKeyClient(key_id=created["id"], api_key=created["key"])


def request_api_key(client: Client, project_id: str, **overrides: Any) -> Response:
    return client.post(f"/projects/{project_id}/keys", {**NEW_KEY, **overrides})


def list_api_keys(client: Client, project_id: str) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = client.get(f"/projects/{project_id}/keys").data()
    return keys
