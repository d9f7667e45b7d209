"""What an API key opens (Z2, Z5, S2): its scopes as far as its maker's role goes, in its project, and nothing beside."""

import json
import re
from typing import Any

import pytest

from holdall.http.admission import Door
from holdall.roles import permissions
from holdall.roles.permissions import PERMISSIONS
from tests.api import people
from tests.api.browser import Browser
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud, announce
from tests.api.conftest import Clock, Installed
from tests.api.members import EVERY_SCOPE, Program, joined, program, shared
from tests.api.test_limits import EVERY, HIGH
from tests.house.routes import Route, routes

BASE = "/api/v1"
INSIDE = [route for route in routes() if route.door and route.door.kind == "permission" and route.door.of]
OUTSIDE = [route for route in routes() if route.door and route.door.kind == "permission" and not route.door.of]
OF_SESSIONS = [route for route in routes() if route.door and route.door.kind in ("session", "fresh")]
ROLES = ("viewer", "editor", "owner")


def door(route: Route) -> Door:
    assert route.door is not None
    return route.door


def ask(key: Client, route: Route, project_id: str, query: str = "") -> Answer:
    """Ask a route for something in a project that is not there, but for the project."""
    path = route.path.removeprefix(BASE).replace("{projectId}", project_id)
    path = re.sub("{(fileId|uploadId|invitationId)}", f"{project_id}-{'0' * 26}", path)
    path = re.sub("{keyId}", f"{project_id}-{'0' * 26}-{'0' * 26}", path)
    path = re.sub("{[a-zA-Z]+}", "0" * 26, path)
    told = path != route.path.removeprefix(BASE)
    if route.method == "GET":
        query = query or ("" if told else f"?projectId={project_id}")
        return key.get(path + query)
    if route.method == "DELETE":
        return key.delete(path + query)
    ids = {"projectId": project_id, "uploadId": f"{project_id}-{'0' * 26}"}
    body = {name: ids[name] for name in door(route).of if name in ids and not told}
    return key.request(route.method, path + query, body or None)


@pytest.mark.parametrize("route", INSIDE, ids=str)
def test_a_key_may_what_its_scopes_say_as_far_as_its_maker_may(
    client: Client, cloud: Cloud, room: str, route: Route
) -> None:
    """Each route with a key for its permission, one for all others, and one for all, under each role of its maker."""
    wanted = door(route).permission
    maker = joined(client, room, cloud, "owner")
    keys = {"all": (program(maker, room), set(EVERY_SCOPE))}
    others = set(EVERY_SCOPE) - {wanted}
    keys["others"] = (program(maker, room, *sorted(others)), others)
    if PERMISSIONS[wanted].key_scope:
        keys["its own"] = (program(maker, room, wanted), {wanted})
    for role in ROLES:
        client.request("PATCH", f"/projects/{room}/members/{maker.user['id']}", {"role": role}).data()
        for which, (key, scopes) in keys.items():
            held = scopes & permissions.of_project_role(role)
            answer = ask(key, route, room)
            if wanted in held:
                assert answer.status not in (401, 403), (which, role, answer.text)
            else:
                assert (answer.status, answer.problem()["code"]) == (403, "forbidden"), (which, role)


@pytest.mark.parametrize("route", [each for each in INSIDE if door(each).when], ids=str)
def test_a_flag_wants_its_scope_as_well(client: Client, room: str, route: Route) -> None:
    for flag, wanted in door(route).when.items():
        weak = program(client, room, *sorted(set(EVERY_SCOPE) - {wanted}))
        assert ask(weak, route, room, f"?{flag}=true").status == 403
        assert ask(weak, route, room, f"?{flag}=false").status != 403
        assert ask(program(client, room), route, room, f"?{flag}=true").status != 403


def test_all_scopes_are_tried_here() -> None:
    assert set(EVERY_SCOPE) == {name for name, each in PERMISSIONS.items() if each.key_scope}
    assert len(OF_SESSIONS) > 10
    assert len(INSIDE) > 20
    assert len(OUTSIDE) > 2


@pytest.mark.parametrize("route", OF_SESSIONS, ids=str)
def test_what_concerns_a_person_wants_a_session(client: Client, room: str, route: Route) -> None:
    answer = ask(program(client, room), route, room)

    assert (answer.status, answer.problem()["code"]) == (403, "session_required")


@pytest.mark.parametrize("route", OUTSIDE, ids=str)
def test_outside_of_its_project_a_key_has_no_rights(cloud: Cloud, route: Route) -> None:
    root = people.superuser()
    answer = ask(program(root, shared(root)), route, people.personal_project(root))

    assert (answer.status, answer.problem()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("route", INSIDE, ids=str)
def test_in_another_project_of_its_maker_a_key_finds_nothing(client: Client, room: str, route: Route) -> None:
    key, other = program(client, room), shared(client)
    foreign, unknown, bad = (ask(key, route, each) for each in (other, "0" * 12, "ABC"))

    assert (foreign.status, foreign.problem()["code"]) == (404, "not_found")
    assert foreign.problem() == unknown.problem() == bad.problem()
    assert set(foreign.headers) == set(unknown.headers)


def test_a_key_of_a_superuser_goes_nowhere_else(client: Client, room: str, cloud: Cloud) -> None:
    root = people.superuser()
    key = program(root, shared(root))

    assert root.get(f"/projects/{room}").status == 200
    assert key.get(f"/projects/{room}").status == 404
    assert cloud.rows("audit", action="projects.any", target=room) != []
    assert len(cloud.rows("audit", action="projects.any")) == 1


def test_a_route_that_names_no_project_means_the_keys(client: Client, cloud: Cloud, room: str) -> None:
    key = program(client, room)
    home = cloud.upload(client, b"home", contentType="text/plain")["fileId"]
    made = cloud.upload(key, b"x", contentType="text/plain")

    assert made["fileId"].startswith(room)
    assert [each["id"] for each in key.get("/files").data()] == [made["fileId"]]
    assert key.get(f"/files/{home}").status == 404


def test_what_a_key_makes_was_made_by_its_maker_and_the_journal_tells_the_key(
    client: Client, cloud: Cloud, room: str
) -> None:
    key = program(client, room)
    made = cloud.upload(key, b"x", contentType="text/plain")
    key.delete(f"/files/{made['fileId']}").data()
    cloud.upload(client, b"y", contentType="text/plain", projectId=room)

    assert made["file"]["createdBy"] == client.user["id"]
    by_key = {row["action"] for row in cloud.rows("audit", key=key.id)}
    assert by_key == {"uploads.init", "uploads.commit", "files.trash"}
    assert {row["actor"] for row in cloud.rows("audit", key=key.id)} == {client.user["id"]}
    assert len(cloud.rows("audit", action="uploads.init", actor=client.user["id"])) == 2
    told = people.superuser().get(f"/audit?target={made['fileId']}").data()
    assert [(each["action"], each["key"], each["actor"]) for each in told] == [
        ("files.trash", key.id, client.user["id"])
    ]


PAIRS = ["key and token", "key and cookie", "token and cookie", "all three", "key and nonsense", "empty key and token"]


@pytest.mark.parametrize("pair", PAIRS)
def test_two_credentials_at_once_are_refused(client: Client, cloud: Cloud, room: str, pair: str) -> None:
    key, browser = program(client, room), Browser.signed_in(client.user["email"])
    shown = {
        "key": {"x-api-key": key.key},
        "empty key": {"x-api-key": ""},
        "token": {"authorization": f"Bearer {client.token}"},
        "cookie": {"cookie": f"__Host-session={browser.cookie}"},
        "nonsense": {"authorization": "Basic abc"},
        "all three": {
            "x-api-key": key.key,
            "authorization": f"Bearer {client.token}",
            "cookie": f"__Host-session={browser.cookie}",
        },
    }
    headers = {name: value for part in pair.split(" and ") for name, value in shown[part].items()}
    before = cloud.rows("main", record_kind="upload")
    for method, path, body in (("GET", "/files", None), ("POST", "/files/init-upload", announce(b"x"))):
        answer = Client().request(method, path, body, headers=headers)
        assert (answer.status, answer.problem()["code"]) == (400, "ambiguous_credentials")
    assert cloud.rows("main", record_kind="upload") == before


@pytest.mark.parametrize("name", ["x-api-key", "X-Api-Key", "apiKey", "api_key", "key", "token", "access_token"])
def test_a_key_in_the_query_opens_nothing(client: Client, room: str, name: str) -> None:
    key = program(client, room)
    alone = Client().get(f"/files?{name}={key.key}")
    beside = client.get(f"/files?{name}={key.key}")

    assert (alone.status, alone.problem()["code"]) == (401, "unauthenticated")
    assert (beside.status, beside.problem()["code"]) == (422, "unknown_parameter")
    assert key.secret not in alone.text + beside.text


def test_a_key_is_no_bearer_token_and_a_token_is_no_key(client: Client, room: str) -> None:
    key = program(client, room)

    assert Client(key.key).get("/files").status == 401
    assert Program(key=str(client.token)).get("/files").status == 401
    assert Client().get("/files", headers={"cookie": f"__Host-session={key.key}"}).status == 401


@pytest.mark.parametrize("origin", [None, "https://evil.test", "null"])
def test_no_csrf_token_is_asked_of_a_key(client: Client, room: str, origin: str | None) -> None:
    headers = {"origin": origin} if origin else {}

    assert program(client, room).post("/files/init-upload", announce(b"x"), headers=headers).status == 201


def test_an_idempotency_key_of_a_key_and_of_its_maker_do_not_meet(client: Client, room: str) -> None:
    said, once = announce(b"x", projectId=room), {"idempotency-key": "same"}
    program_a, program_b = program(client, room), program(client, room)
    begun = [each.post("/files/init-upload", said, headers=once).created() for each in (client, program_a, program_b)]
    again = program_a.post("/files/init-upload", said, headers=once).created()

    assert len({each["uploadId"] for each in begun}) == 3
    assert again["uploadId"] == begun[1]["uploadId"]


@pytest.fixture
def limited(installed: Installed, frozen: Clock) -> Installed:
    """Set one limit, as in `limited(key=[3, 60])`, while the clock stands."""

    def change(**limit: list[int]) -> None:
        installed(LIMITS=json.dumps({**dict.fromkeys(EVERY, HIGH), **limit}))

    return change


def test_a_key_has_a_limit_of_its_own(client: Client, room: str, limited: Installed) -> None:
    key, other = program(client, room), program(client, room)
    limited(key=[3, 60])
    answers = [key.get("/files") for _ in range(5)]

    assert [each.status for each in answers] == [200, 200, 200, 429, 429]
    assert answers[0].headers["ratelimit-policy"] == '"key";q=3;w=60'
    assert answers[0].headers["ratelimit"].startswith('"key";r=2;t=')
    refused = answers[3]
    assert refused.problem()["code"] == "too_many_requests"
    assert refused.headers["ratelimit"].startswith('"key";r=0;t=')
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert client.get(f"/files?projectId={room}").status == 200
    assert other.get("/files").status == 200


def test_a_refused_request_of_a_key_counts_and_one_with_a_wrong_secret_does_not(
    client: Client, room: str, limited: Installed
) -> None:
    key = program(client, room)
    limited(key=[2, 60])
    wrong = Program(key=f"hk_{key.id}_{'0' * 26}")

    assert [wrong.get("/files").status for _ in range(3)] == [401] * 3
    assert [key.get(path).status for path in ("/users/me", f"/files/{'0' * 12}-{'0' * 26}", "/files")] == [
        403,
        404,
        429,
    ]


def test_what_a_key_creates_is_not_counted_against_its_maker(client: Client, room: str, limited: Installed) -> None:
    key = program(client, room)
    limited(create=[4, 60])
    said: dict[str, Any] = announce(b"x", projectId=room)

    assert [key.post("/files/init-upload", said).status for _ in range(5)] == [201] * 4 + [429]
    # Who made a project and a key has two left.
    assert [client.post("/files/init-upload", said).status for _ in range(3)] == [201, 201, 429]


def test_a_key_accepts_no_invitation_and_sees_no_people(client: Client, cloud: Cloud, room: str) -> None:
    key = program(client, room)

    assert key.post("/invitations/accept", {"token": "x"}).problem()["code"] == "session_required"
    for path in ("members", "invitations", "keys"):
        assert key.get(f"/projects/{room}/{path}").status == 403
    made = key.post(f"/projects/{room}/keys", {"name": "Child", "scopes": ["files.read"]})
    assert made.status == 403
    assert len(cloud.rows("main", record_kind="key")) == 1
