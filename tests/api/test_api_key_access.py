"""What an API key opens (Z2, Z5, S2): its scopes as far as its maker's role goes, in its project, and nothing beside."""

import json
import re
from typing import Any

import pytest

from holdall.http.auth import Access
from holdall.roles import permissions
from holdall.roles.permissions import PERMISSIONS
from tests.api.test_rate_limits import HIGH_LIMIT, LIMIT_NAMES
from tests.support import users
from tests.support.aws import FakeAws, make_upload_request
from tests.support.browser import CookieClient
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.projects import ALL_SCOPES, ApiKeyClient, create_api_key_client, create_member, create_shared_project
from tests.support.routes import Route, list_routes

API_PREFIX = "/api/v1"
PROJECT_ROUTES = [
    route for route in list_routes() if route.guard.access is Access.PERMISSION and route.guard.project_from
]
INSTALLATION_ROUTES = [
    route for route in list_routes() if route.guard.access is Access.PERMISSION and not route.guard.project_from
]
SESSION_ROUTES = [route for route in list_routes() if route.guard.access in (Access.SESSION, Access.RECENT_SESSION)]
ROLES = ("viewer", "editor", "owner")


def send_request(client: Client, route: Route, project_id: str, query: str = "") -> Response:
    """Ask a route for something in a project that is not there, but for the project."""
    path = route.path.removeprefix(API_PREFIX).replace("{projectId}", project_id)
    path = re.sub("{(fileId|uploadId|invitationId)}", f"{project_id}-{'0' * 26}", path)
    path = re.sub("{keyId}", f"{project_id}-{'0' * 26}-{'0' * 26}", path)
    path = re.sub("{[a-zA-Z]+}", "0" * 26, path)
    told = path != route.path.removeprefix(API_PREFIX)
    if route.method == "GET":
        query = query or ("" if told else f"?projectId={project_id}")
        return client.get(path + query)
    if route.method == "DELETE":
        return client.delete(path + query)
    ids = {"projectId": project_id, "uploadId": f"{project_id}-{'0' * 26}"}
    body = {name: ids[name] for name in route.guard.project_from if name in ids and not told}
    return client.request(route.method, path + query, body or None)


@pytest.mark.parametrize("route", PROJECT_ROUTES, ids=str)
def test_a_key_may_what_its_scopes_say_as_far_as_its_maker_may(
    client: Client, fake_aws: FakeAws, shared_project: str, route: Route
) -> None:
    """Each route with a key for its permission, one for all others, and one for all, under each role of its maker."""
    wanted = route.guard.permission
    creator = create_member(client, shared_project, fake_aws, "owner")
    keys = {"all": (create_api_key_client(creator, shared_project), set(ALL_SCOPES))}
    others = set(ALL_SCOPES) - {wanted}
    keys["others"] = (create_api_key_client(creator, shared_project, *sorted(others)), others)
    if PERMISSIONS[wanted].is_key_scope:
        keys["its own"] = (create_api_key_client(creator, shared_project, wanted), {wanted})
    for role in ROLES:
        client.request("PATCH", f"/projects/{shared_project}/members/{creator.user['id']}", {"role": role}).data()
        for which, (key, scopes) in keys.items():
            held = scopes & permissions.get_project_role_permissions(role)
            answer = send_request(key, route, shared_project)
            if wanted in held:
                assert answer.status not in (401, 403), (which, role, answer.text)
            else:
                assert (answer.status, answer.problem()["code"]) == (403, "forbidden"), (which, role)


@pytest.mark.parametrize("route", [each for each in PROJECT_ROUTES if each.guard.extra], ids=str)
def test_a_flag_wants_its_scope_as_well(client: Client, shared_project: str, route: Route) -> None:
    for flag, wanted in route.guard.extra.items():
        weak = create_api_key_client(client, shared_project, *sorted(set(ALL_SCOPES) - {wanted}))
        assert send_request(weak, route, shared_project, f"?{flag}=true").status == 403
        assert send_request(weak, route, shared_project, f"?{flag}=false").status != 403
        assert (
            send_request(create_api_key_client(client, shared_project), route, shared_project, f"?{flag}=true").status
            != 403
        )


def test_all_scopes_are_tried_here() -> None:
    assert set(ALL_SCOPES) == {name for name, each in PERMISSIONS.items() if each.is_key_scope}
    assert len(SESSION_ROUTES) > 10
    assert len(PROJECT_ROUTES) > 20
    assert len(INSTALLATION_ROUTES) > 2


@pytest.mark.parametrize("route", SESSION_ROUTES, ids=str)
def test_what_concerns_a_person_wants_a_session(client: Client, shared_project: str, route: Route) -> None:
    answer = send_request(create_api_key_client(client, shared_project), route, shared_project)

    assert (answer.status, answer.problem()["code"]) == (403, "session_required")


@pytest.mark.parametrize("route", INSTALLATION_ROUTES, ids=str)
def test_outside_of_its_project_a_key_has_no_rights(fake_aws: FakeAws, route: Route) -> None:
    superuser = users.create_superuser()
    answer = send_request(
        create_api_key_client(superuser, create_shared_project(superuser)), route, users.personal_project_id(superuser)
    )

    assert (answer.status, answer.problem()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("route", PROJECT_ROUTES, ids=str)
def test_in_another_project_of_its_maker_a_key_finds_nothing(client: Client, shared_project: str, route: Route) -> None:
    key, other = create_api_key_client(client, shared_project), create_shared_project(client)
    foreign, unknown, bad = (send_request(key, route, each) for each in (other, "0" * 12, "ABC"))

    assert (foreign.status, foreign.problem()["code"]) == (404, "not_found")
    assert foreign.problem() == unknown.problem() == bad.problem()
    assert set(foreign.headers) == set(unknown.headers)


def test_a_key_of_a_superuser_goes_nowhere_else(client: Client, shared_project: str, fake_aws: FakeAws) -> None:
    superuser = users.create_superuser()
    key = create_api_key_client(superuser, create_shared_project(superuser))

    assert superuser.get(f"/projects/{shared_project}").status == 200
    assert key.get(f"/projects/{shared_project}").status == 404
    assert fake_aws.find_rows("audit", action="projects.any", target=shared_project) != []
    assert len(fake_aws.find_rows("audit", action="projects.any")) == 1


def test_a_route_that_names_no_project_means_the_keys(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    key = create_api_key_client(client, shared_project)
    signed_in_browser = fake_aws.upload(client, b"home", contentType="text/plain")["fileId"]
    made = fake_aws.upload(key, b"x", contentType="text/plain")

    assert made["fileId"].startswith(shared_project)
    assert [each["id"] for each in key.get("/files").data()] == [made["fileId"]]
    assert key.get(f"/files/{signed_in_browser}").status == 404


def test_what_a_key_makes_was_made_by_its_maker_and_the_journal_tells_the_key(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    key = create_api_key_client(client, shared_project)
    made = fake_aws.upload(key, b"x", contentType="text/plain")
    key.delete(f"/files/{made['fileId']}").data()
    fake_aws.upload(client, b"y", contentType="text/plain", projectId=shared_project)

    assert made["file"]["createdBy"] == client.user["id"]
    by_key = {row["action"] for row in fake_aws.find_rows("audit", key=key.key_id)}
    assert by_key == {"uploads.init", "uploads.commit", "files.trash"}
    assert {row["actor"] for row in fake_aws.find_rows("audit", key=key.key_id)} == {client.user["id"]}
    assert len(fake_aws.find_rows("audit", action="uploads.init", actor=client.user["id"])) == 2
    told = users.create_superuser().get(f"/audit?target={made['fileId']}").data()
    assert [(each["action"], each["key"], each["actor"]) for each in told] == [
        ("files.trash", key.key_id, client.user["id"])
    ]


CREDENTIAL_PAIRS = [
    "key and token",
    "key and cookie",
    "token and cookie",
    "all three",
    "key and nonsense",
    "empty key and token",
]


@pytest.mark.parametrize("pair", CREDENTIAL_PAIRS)
def test_two_credentials_at_once_are_refused(client: Client, fake_aws: FakeAws, shared_project: str, pair: str) -> None:
    key, browser = create_api_key_client(client, shared_project), CookieClient.sign_in(client.user["email"])
    shown = {
        "key": {"x-api-key": key.api_key},
        "empty key": {"x-api-key": ""},
        "token": {"authorization": f"Bearer {client.access_token}"},
        "cookie": {"cookie": f"__Host-session={browser.session_cookie}"},
        "nonsense": {"authorization": "Basic abc"},
        "all three": {
            "x-api-key": key.api_key,
            "authorization": f"Bearer {client.access_token}",
            "cookie": f"__Host-session={browser.session_cookie}",
        },
    }
    headers = {name: value for part in pair.split(" and ") for name, value in shown[part].items()}
    before = fake_aws.find_rows("main", record_type="upload")
    for method, path, body in (("GET", "/files", None), ("POST", "/files/init-upload", make_upload_request(b"x"))):
        answer = Client().request(method, path, body, headers=headers)
        assert (answer.status, answer.problem()["code"]) == (400, "ambiguous_credentials")
    assert fake_aws.find_rows("main", record_type="upload") == before


@pytest.mark.parametrize("name", ["x-api-key", "X-Api-Key", "apiKey", "api_key", "key", "token", "access_token"])
def test_a_key_in_the_query_opens_nothing(client: Client, shared_project: str, name: str) -> None:
    key = create_api_key_client(client, shared_project)
    alone = Client().get(f"/files?{name}={key.api_key}")
    beside = client.get(f"/files?{name}={key.api_key}")

    assert (alone.status, alone.problem()["code"]) == (401, "unauthenticated")
    assert (beside.status, beside.problem()["code"]) == (422, "unknown_parameter")
    assert key.secret not in alone.text + beside.text


def test_a_key_is_no_bearer_token_and_a_token_is_no_key(client: Client, shared_project: str) -> None:
    key = create_api_key_client(client, shared_project)

    assert Client(key.api_key).get("/files").status == 401
    assert ApiKeyClient(api_key=str(client.access_token)).get("/files").status == 401
    assert Client().get("/files", headers={"cookie": f"__Host-session={key.api_key}"}).status == 401


@pytest.mark.parametrize("origin", [None, "https://evil.test", "null"])
def test_no_csrf_token_is_asked_of_a_key(client: Client, shared_project: str, origin: str | None) -> None:
    headers = {"origin": origin} if origin else {}

    assert (
        create_api_key_client(client, shared_project)
        .post("/files/init-upload", make_upload_request(b"x"), headers=headers)
        .status
        == 201
    )


def test_an_idempotency_key_of_a_key_and_of_its_maker_do_not_meet(client: Client, shared_project: str) -> None:
    said, once = make_upload_request(b"x", projectId=shared_project), {"idempotency-key": "same"}
    program_a, program_b = create_api_key_client(client, shared_project), create_api_key_client(client, shared_project)
    begun = [each.post("/files/init-upload", said, headers=once).created() for each in (client, program_a, program_b)]
    again = program_a.post("/files/init-upload", said, headers=once).created()

    assert len({each["uploadId"] for each in begun}) == 3
    assert again["uploadId"] == begun[1]["uploadId"]


@pytest.fixture
def set_rate_limits(override_settings: OverrideSettings, frozen_clock: FrozenClock) -> OverrideSettings:
    """Set one limit, as in `limited(key=[3, 60])`, while the clock stands."""

    def change(**limit: list[int]) -> None:
        override_settings(LIMITS=json.dumps({**dict.fromkeys(LIMIT_NAMES, HIGH_LIMIT), **limit}))

    return change


def test_a_key_has_a_limit_of_its_own(client: Client, shared_project: str, set_rate_limits: OverrideSettings) -> None:
    key, other = create_api_key_client(client, shared_project), create_api_key_client(client, shared_project)
    set_rate_limits(key=[3, 60])
    answers = [key.get("/files") for _ in range(5)]

    assert [each.status for each in answers] == [200, 200, 200, 429, 429]
    assert answers[0].headers["ratelimit-policy"] == '"key";q=3;w=60'
    assert answers[0].headers["ratelimit"].startswith('"key";r=2;t=')
    refused = answers[3]
    assert refused.problem()["code"] == "too_many_requests"
    assert refused.headers["ratelimit"].startswith('"key";r=0;t=')
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert client.get(f"/files?projectId={shared_project}").status == 200
    assert other.get("/files").status == 200


def test_a_refused_request_of_a_key_counts_and_one_with_a_wrong_secret_does_not(
    client: Client, shared_project: str, set_rate_limits: OverrideSettings
) -> None:
    key = create_api_key_client(client, shared_project)
    set_rate_limits(key=[2, 60])
    wrong = ApiKeyClient(api_key=f"hk_{key.key_id}_{'0' * 26}")

    assert [wrong.get("/files").status for _ in range(3)] == [401] * 3
    assert [key.get(path).status for path in ("/users/me", f"/files/{'0' * 12}-{'0' * 26}", "/files")] == [
        403,
        404,
        429,
    ]


def test_what_a_key_creates_is_not_counted_against_its_maker(
    client: Client, shared_project: str, set_rate_limits: OverrideSettings
) -> None:
    key = create_api_key_client(client, shared_project)
    set_rate_limits(create=[4, 60])
    said: dict[str, Any] = make_upload_request(b"x", projectId=shared_project)

    assert [key.post("/files/init-upload", said).status for _ in range(5)] == [201] * 4 + [429]
    # Who made a project and a key has two left.
    assert [client.post("/files/init-upload", said).status for _ in range(3)] == [201, 201, 429]


def test_a_key_accepts_no_invitation_and_sees_no_people(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    key = create_api_key_client(client, shared_project)

    assert key.post("/invitations/accept", {"token": "x"}).problem()["code"] == "session_required"
    for path in ("members", "invitations", "keys"):
        assert key.get(f"/projects/{shared_project}/{path}").status == 403
    made = key.post(f"/projects/{shared_project}/keys", {"name": "Child", "scopes": ["files.read"]})
    assert made.status == 403
    assert len(fake_aws.find_rows("main", record_type="api-key")) == 1
