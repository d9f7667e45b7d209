"""What a request about members, invitations and API keys costs, and one that comes by a key.

A list of people is one round trip more than its rows, for who they are. A letter costs one message, and a transaction that
says that it is on its way; the limiter counts it twice, for who asks and for the address. A key is admitted by one read of
all that it stands on, and one update of its limiter; the note of its last use is written once a minute, and stands in no
number here.
"""

from typing import Any

from tests.api import members, people, post
from tests.api.client import Answer
from tests.api.cloud import announce
from tests.api.members import Program
from tests.house.budget import Case, Request, get
from tests.house.scene import Scene

_PROJECT = "/api/v1/projects/{projectId}"


def _of_member(method: str, role: str = "viewer", said: Any = None) -> Any:
    """A request about another member."""

    def prepared(scene: Scene) -> Request:
        other = members.joined(scene.client, scene.project_id, scene.cloud, role).user["id"]
        return lambda: scene.client.request(method, f"/projects/{scene.project_id}/members/{other}", said)

    return prepared


def _left(scene: Scene) -> Request:
    other = members.joined(scene.client, scene.project_id, scene.cloud)
    return lambda: other.post(f"/projects/{scene.project_id}/leave")


def _handed_on(scene: Scene) -> Request:
    other = members.joined(scene.client, scene.project_id, scene.cloud, "editor").user["id"]
    return lambda: scene.client.post(f"/projects/{scene.project_id}/transfer", {"userId": other})


def _invited(scene: Scene) -> Request:
    said = {"email": scene.new_email(), "role": "viewer"}
    return lambda: scene.client.post(f"/projects/{scene.project_id}/invitations", said)


def _withdrawn(scene: Scene) -> Request:
    made = members.invite(scene.client, scene.project_id, scene.new_email())["id"]
    post.posted(scene.cloud)
    return lambda: scene.client.delete(f"/projects/{scene.project_id}/invitations/{made}")


def _accepted(scene: Scene) -> Request:
    invitee = people.signed_in()
    token = members.invited(scene.client, scene.project_id, scene.cloud, invitee.user["email"])
    return lambda: members.accept(invitee, token)


def _made(scene: Scene) -> Request:
    said = {"name": "Robot", "scopes": ["files.read"]}
    return lambda: scene.client.post(f"/projects/{scene.project_id}/keys", said)


def _of_key(method: str, said: Any = None) -> Any:
    def prepared(scene: Scene) -> Request:
        key = members.program(scene.client, scene.project_id).id
        return lambda: scene.client.request(method, f"/projects/{scene.project_id}/keys/{key}", said)

    return prepared


def _by_key(ask: Any) -> Any:
    """A request of a program whose last use was noted a moment ago."""

    def prepared(scene: Scene) -> Request:
        scene.begun()  # the first upload of an installation fits its counters to its quota
        key = members.program(scene.client, scene.project_id)
        key.get(f"/projects/{scene.project_id}").data()
        return lambda: _asked(ask, scene, key)

    return prepared


def _asked(ask: Any, scene: Scene, key: Program) -> Answer:
    answer: Answer = ask(scene, key)
    return answer


CASES_OF_MEMBERS = (
    Case(f"GET {_PROJECT}/members", 200, get("/projects/{project}/members"), dynamodb=3),
    Case(f"PATCH {_PROJECT}/members/{{userId}}", 200, _of_member("PATCH", said={"role": "editor"}), dynamodb=3),
    Case(
        f"PATCH {_PROJECT}/members/{{userId}}",
        200,
        _of_member("PATCH", said={"role": "viewer"}),
        dynamodb=2,
        what="that changes nothing",
    ),
    Case(f"DELETE {_PROJECT}/members/{{userId}}", 204, _of_member("DELETE", "owner"), dynamodb=3),
    Case(f"POST {_PROJECT}/leave", 204, _left, dynamodb=2),
    Case(f"POST {_PROJECT}/transfer", 200, _handed_on, dynamodb=3),
    Case(f"POST {_PROJECT}/invitations", 201, _invited, dynamodb=5, sqs=1),
    Case(f"GET {_PROJECT}/invitations", 200, get("/projects/{project}/invitations"), dynamodb=2),
    Case(f"DELETE {_PROJECT}/invitations/{{invitationId}}", 204, _withdrawn, dynamodb=3),
    Case("POST /api/v1/invitations/accept", 200, _accepted, dynamodb=5),
    Case(f"POST {_PROJECT}/keys", 201, _made, dynamodb=3),
    # Of no key: then nobody is asked who made it.
    Case(f"GET {_PROJECT}/keys", 200, get("/projects/{project}/keys"), dynamodb=2),
    Case(
        f"GET {_PROJECT}/keys",
        200,
        lambda scene: _of_key("GET")(scene) and get("/projects/{project}/keys")(scene),
        dynamodb=3,
        what="with their makers",
    ),
    Case(f"PATCH {_PROJECT}/keys/{{keyId}}", 200, _of_key("PATCH", {"enabled": False}), dynamodb=3),
    Case(f"DELETE {_PROJECT}/keys/{{keyId}}", 204, _of_key("DELETE"), dynamodb=2),
    Case(
        f"GET {_PROJECT}",
        200,
        _by_key(lambda scene, key: key.get(f"/projects/{scene.project_id}")),
        dynamodb=2,
        what="by a key",
    ),
    Case("GET /api/v1/files", 200, _by_key(lambda _, key: key.get("/files")), dynamodb=3, what="by a key"),
    Case(
        "POST /api/v1/files/init-upload",
        201,
        _by_key(lambda _, key: key.post("/files/init-upload", announce(b"x", contentType="text/plain"))),
        dynamodb=4,
        what="by a key",
    ),
)
