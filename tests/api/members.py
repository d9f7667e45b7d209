"""People who share a project, and programs that come with a key of it: as owners bring them in."""

from dataclasses import dataclass
from typing import Any

from tests.api import people, post
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud

SCOPES = ["events.read", "files.purge", "files.read", "files.share", "files.write", "jobs.read", "jobs.retry"]
NEW_KEY = {"name": "Robot", "scopes": ["files.read"]}
EVERY_SCOPE = [*SCOPES, "projects.read", "variants.sync"]


def shared(owner: Client, name: str = "Shared") -> str:
    """The id of a project that others may join."""
    return str(owner.post("/projects", {"name": name}).created()["id"])


def invite(owner: Client, project_id: str, email: str, role: str = "viewer") -> dict[str, Any]:
    """Ask somebody to join; the invitation."""
    said = {"email": email, "role": role}
    made: dict[str, Any] = owner.post(f"/projects/{project_id}/invitations", said).created()
    return made


def invited(owner: Client, project_id: str, cloud: Cloud, email: str, role: str = "viewer") -> str:
    """Ask somebody to join; the token that only the letter tells."""
    post.posted(cloud)
    invite(owner, project_id, email, role)
    return post.token(cloud, "join")


def accept(somebody: Client, token: str) -> Answer:
    """Answer an invitation."""
    return somebody.post("/invitations/accept", {"token": token})


def bring(owner: Client, project_id: str, cloud: Cloud, somebody: Client, role: str = "viewer") -> Client:
    """Make somebody a member by an invitation."""
    token = invited(owner, project_id, cloud, somebody.user["email"], role)
    accept(somebody, token).data()
    return somebody


def joined(owner: Client, project_id: str, cloud: Cloud, role: str = "viewer") -> Client:
    """A new member."""
    return bring(owner, project_id, cloud, people.signed_in(), role)


def roles(client: Client, project_id: str) -> dict[str, str]:
    """Who is what in a project."""
    return {each["userId"]: each["role"] for each in client.get(f"/projects/{project_id}/members").data()}


def change(client: Client, room: str, user_id: str, role: str) -> Answer:
    """Give a member another role."""
    return client.request("PATCH", f"/projects/{room}/members/{user_id}", {"role": role})


def remove(client: Client, room: str, user_id: str) -> Answer:
    """Remove a member."""
    return client.delete(f"/projects/{room}/members/{user_id}")


def leave(client: Client, room: str) -> Answer:
    """Leave a project."""
    return client.post(f"/projects/{room}/leave")


def transfer(client: Client, room: str, user_id: str) -> Answer:
    """Hand a project on."""
    return client.post(f"/projects/{room}/transfer", {"userId": user_id})


def code(answer: Answer) -> tuple[int, str]:
    """How an error is told."""
    return answer.status, answer.problem()["code"]


@dataclass
class Program(Client):
    """A program: it calls the API with a key and nothing else."""

    id: str = ""
    key: str = ""

    def request(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        return super().request(method, path, body, headers={"x-api-key": self.key, **(headers or {})}, **more)

    @property
    def secret(self) -> str:
        return self.key.rpartition("_")[2]


def program(maker: Client, project_id: str, *scopes: str, **said: Any) -> Program:
    """A program with a key of a project, and with all scopes unless some are named."""
    new = {"name": "Robot", "scopes": list(scopes or EVERY_SCOPE), **said}
    made = maker.post(f"/projects/{project_id}/keys", new).created()
    return Program(id=made["id"], key=made["key"])


def make(client: Client, room: str, **said: Any) -> Answer:
    """Ask for a key."""
    return client.post(f"/projects/{room}/keys", {**NEW_KEY, **said})


def listed(client: Client, room: str) -> list[dict[str, Any]]:
    """The keys of a project."""
    found: list[dict[str, Any]] = client.get(f"/projects/{room}/keys").data()
    return found
