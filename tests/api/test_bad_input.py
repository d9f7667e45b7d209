"""Bad input on every route of the contract: one error shape, the right status, and never a mistake of ours (P1, P2)."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.support import contract, examples, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.contract import Route
from tests.support.fixtures import OverrideSettings
from tests.support.world import World

ROUTES = contract.list_routes()
# A provider may send anything along, so what it sends is not held against the schema (RFC 6749, section 4.1.2).
STRICT_ROUTES = [route for route in ROUTES if route.name != examples.OAUTH_CALLBACK]
ROUTES_WITH_BODY = [route for route in ROUTES if route.body is not None]
ID_FIELDS = {"projectId", "fileId", "uploadId", "key"}
VALUES_BY_TYPE: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "integer": [7, -1, 10**40],
    "number": [1.5, -0.5],
    "string": ["", "text", "x" * 5000, "\u0000", "\u202e"],
    "array": [[], [1], [None]],
    "object": [{}, {"a": 1}],
}


@pytest.fixture
def prepared(world: World, fake_aws: FakeAws, override_settings: OverrideSettings) -> tuple[Client, dict[str, Any]]:
    """Return a client that may do everything, so that only the input is bad, and a valid request for each route."""

    def create() -> tuple[Client, dict[str, Any]]:
        users.create_superuser()  # another one, so that this client may delete its account
        client = users.create_superuser()
        return client, examples.make_valid_requests(client, fake_aws, override_settings)

    found = world.step("valid requests", create)
    examples.configure_provider(fake_aws, override_settings)
    return found


@pytest.fixture
def client(prepared: tuple[Client, dict[str, Any]]) -> Client:
    return prepared[0]


@pytest.fixture
def valid_requests(prepared: tuple[Client, dict[str, Any]]) -> dict[str, Any]:
    """Return a valid request for each route."""
    return prepared[1]


def send_valid(
    client: Client, route: Route, valid_requests: dict[str, Any], query: str = "", **overrides: Any
) -> Response:
    """Ask a route, all right but for what the test changes."""
    inside = valid_requests["project_path"] if route.path.startswith("/projects/{projectId}") else {}
    path = route.path.format(**{**valid_requests["path"], **inside, **overrides.pop("path", {})})
    if route.body is not None and "raw" not in overrides:
        overrides["body"] = overrides.get("body", valid_requests["body"][route.name])
    return client.request(route.method, path + (query or valid_requests["query"].get(route.name, "")), **overrides)


def assert_problem(response: Response, *statuses: int) -> dict[str, Any]:
    problem = response.problem()
    assert response.status in statuses, (response.status, response.text)
    return problem


# What is right only after something else, and the way back from a provider, which nobody went.
SPECIAL_CASES: dict[str, Any] = {
    "POST /auth/2fa/disable": ("/auth/2fa/enable", 204),
    "POST /auth/2fa/recovery-codes": ("/auth/2fa/enable", 200),
    "DELETE /auth/identities/{provider}": ("", 404),
    "POST /projects/{projectId}/leave": ("", 409),  # of its only owner
    "POST /projects/{projectId}/restore": ("", 409),  # of what lives
    examples.OAUTH_CALLBACK: ("", 401),
}


@pytest.mark.parametrize("route", ROUTES, ids=contract.route_id)
def test_what_is_right_is_taken(client: Client, valid_requests: dict[str, Any], route: Route) -> None:
    if route.name in SPECIAL_CASES:
        prepare, status = SPECIAL_CASES[route.name]
        if prepare:
            client.post(prepare, valid_requests["body"].get(f"POST {prepare}")).data()
    else:
        status = 399
    assert send_valid(client, route, valid_requests).status <= status


INVALID_BODIES = [
    (b"", 422, "invalid"),
    (b"null", 422, "wrong_type"),
    (b"[]", 422, "wrong_type"),
    (b'"text"', 422, "wrong_type"),
    (b"7", 422, "wrong_type"),
    (b"{", 400, "malformed_json"),
    (b"{'a': 1}", 400, "malformed_json"),
    (b'{"a": NaN}', 400, "malformed_json"),
    (b'{"a": 1e999}', 400, "malformed_json"),
    (b'{"a": 1, "a": 2}', 400, "malformed_json"),
    (b'{"a": "\\ud800"}', 400, "malformed_json"),
    (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", 400, "malformed_json"),
    (b"[" * 50_000, 400, "malformed_json"),
    (b'{"a": "\xff"}', 400, "malformed_body"),
    (b'{"a": "' + b"x" * 262_144 + b'"}', 413, "body_too_large"),
]
UNSUPPORTED_MEDIA_TYPES = [
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "APPLICATION/JSON",
]


@pytest.mark.parametrize("route", ROUTES_WITH_BODY, ids=contract.route_id)
def test_a_body_is_strict_json(
    client: Client, valid_requests: dict[str, Any], route: Route, subtests: pytest.Subtests
) -> None:
    for raw, status, code in INVALID_BODIES:
        with subtests.test(raw=raw[:40]):
            assert assert_problem(send_valid(client, route, valid_requests, raw=raw), status)["code"] == code


@pytest.mark.parametrize("route", ROUTES_WITH_BODY, ids=contract.route_id)
def test_a_body_of_another_type_is_refused(
    client: Client, valid_requests: dict[str, Any], route: Route, subtests: pytest.Subtests
) -> None:
    for media_type in UNSUPPORTED_MEDIA_TYPES:
        with subtests.test(media_type=media_type):
            answer = send_valid(client, route, valid_requests, headers={"content-type": media_type})
            assert assert_problem(answer, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("route", ROUTES_WITH_BODY, ids=contract.route_id)
def test_a_missing_field_is_named(client: Client, valid_requests: dict[str, Any], route: Route) -> None:
    assert route.body is not None
    for name in route.body.get("required", []):
        body = {key: value for key, value in valid_requests["body"][route.name].items() if key != name}
        errors = assert_problem(send_valid(client, route, valid_requests, body=body), 422)["errors"]
        assert errors == [{"pointer": f"/{name}", "code": "required", "detail": errors[0]["detail"]}]


@pytest.mark.parametrize("route", ROUTES_WITH_BODY, ids=contract.route_id)
def test_an_unknown_field_is_refused(
    client: Client, valid_requests: dict[str, Any], route: Route, subtests: pytest.Subtests
) -> None:
    for name in ("unknown", "id", "", "a/b", "__proto__", "\u202e", "x" * 3000):
        with subtests.test(name=name[:40]):
            body = {**valid_requests["body"][route.name], name: 1}
            errors = assert_problem(send_valid(client, route, valid_requests, body=body), 422)["errors"]
            assert [error["code"] for error in errors] == ["unknown_field"]


def snake_case_fields(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Where a body has a field of two words, as Python would write it: by the names of what it lies in, and its own."""
    schema = contract.resolve_ref(schema)
    for each in schema.get("anyOf", []):
        yield from snake_case_fields(each)
    for name, inner in schema.get("properties", {}).items():
        if (written := re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)) != name:
            yield (written,)
        yield from ((name, *inside) for inside in snake_case_fields(inner))


@pytest.mark.parametrize("route", ROUTES_WITH_BODY, ids=contract.route_id)
def test_a_field_has_the_one_name_that_the_contract_gives_it(
    client: Client, valid_requests: dict[str, Any], route: Route
) -> None:
    assert route.body is not None
    for path in snake_case_fields(route.body):
        body: Any = "x"
        for name in reversed(path):
            body = {name: body}
        errors = assert_problem(
            send_valid(client, route, valid_requests, body={**valid_requests["body"][route.name], **body}), 422
        )["errors"]
        assert (f"/{'/'.join(path)}", "unknown_field") in [(error["pointer"], error["code"]) for error in errors]


@pytest.mark.parametrize("route", ROUTES_WITH_BODY, ids=contract.route_id)
def test_a_field_has_its_type(client: Client, valid_requests: dict[str, Any], route: Route) -> None:
    assert route.body is not None
    for name, schema in route.body["properties"].items():
        wrong = set(VALUES_BY_TYPE) - contract.accepted_types(schema)
        for value in [value for kind in wrong for value in VALUES_BY_TYPE[kind]]:
            answer = send_valid(client, route, valid_requests, body={**valid_requests["body"][route.name], name: value})
            named = name in ID_FIELDS and isinstance(value, str)  # the door looks for it first
            errors = assert_problem(answer, 404 if named else 422).get("errors", [])
            assert named or errors[0]["pointer"].startswith(f"/{name}"), (name, value, errors)


@pytest.mark.parametrize("route", ROUTES_WITH_BODY, ids=contract.route_id)
def test_no_value_of_the_right_type_is_a_mistake_of_ours(
    client: Client, valid_requests: dict[str, Any], route: Route
) -> None:
    assert route.body is not None
    for name, schema in route.body["properties"].items():
        for value in [
            value for kind in contract.accepted_types(schema) & set(VALUES_BY_TYPE) for value in VALUES_BY_TYPE[kind]
        ]:
            answer = send_valid(client, route, valid_requests, body={**valid_requests["body"][route.name], name: value})
            if answer.status >= 400:
                assert_problem(answer, 401, 404, 409, 422)


@pytest.mark.parametrize(
    "route", [each for each in STRICT_ROUTES if each.parameters_in("query")], ids=contract.route_id
)
def test_a_parameter_has_its_type(client: Client, valid_requests: dict[str, Any], route: Route) -> None:
    wrong = {
        "integer": ["x", "0", "101", "-1", "1.5", "NaN", "1e2", "", "9" * 5000, "%00"],
        "boolean": ["maybe", "2", "", "truefalse"],
        "enum": ["nonsense", "", "IMAGE", "%00"],
        "string": ["x" * 5000],
    }
    for parameter in route.parameters_in("query"):
        name = parameter["name"]
        kinds = contract.accepted_types(parameter["schema"]) - {"null"}
        for value in [value for kind in kinds for value in wrong[kind]]:
            answer = send_valid(client, route, valid_requests, query=f"?{name}={value}")
            assert_problem(answer, 404 if name == "projectId" else 422)


@pytest.mark.parametrize(
    "route", [each for each in STRICT_ROUTES if each.parameters_in("query")], ids=contract.route_id
)
def test_a_parameter_stands_once(client: Client, valid_requests: dict[str, Any], route: Route) -> None:
    values = {
        "limit": "5",
        "from": "2026-11-20T00:00:00Z",
        "to": "2026-11-20T00:00:00Z",
        "permanent": "false",
        "kind": "image",
        "sort": "name",
        "disposition": "inline",
    }
    for parameter in route.parameters_in("query"):
        name = parameter["name"]
        value = values.get(name, "x")
        assert_problem(send_valid(client, route, valid_requests, query=f"?{name}={value}&{name}={value}"), 422, 404)


@pytest.mark.parametrize("route", STRICT_ROUTES, ids=contract.route_id)
def test_an_unknown_parameter_is_refused(
    client: Client, valid_requests: dict[str, Any], route: Route, subtests: pytest.Subtests
) -> None:
    for name in ("unknown", "Limit", "limit%20", "x" * 3000, "%00", "%FF", "a%2Fb"):
        with subtests.test(name=name[:40]):
            problem = assert_problem(send_valid(client, route, valid_requests, query=f"?{name}=1"), 422)
            assert problem["code"] == "unknown_parameter"
            assert len(problem["errors"][0]["pointer"]) < 200


INVALID_CURSORS = ["x", "", "%00", "bnVsbA", "W10", "x" * 4096, "eyJhIjoxfQ", "WyJ4IiwibiIsInkiXQ", "%E2%82%AC"]


@pytest.mark.parametrize(
    "path",
    [
        "/projects?",
        "/files?",
        "/files?sort=name&",
        "/files?kind=image&",
        "/audit?",
        "/audit/export?",
        "/users?",
        "/roles?",
        "/permissions?",
    ],
)
def test_a_bad_cursor_is_refused(client: Client, path: str, subtests: pytest.Subtests) -> None:
    for cursor in INVALID_CURSORS:
        with subtests.test(cursor=cursor[:40]):
            assert assert_problem(client.get(f"{path}cursor={cursor}"), 400)["code"] == "bad_cursor"


# A way back from a provider that nobody went to is refused as what it is: a state that counts nowhere.
STATUSES_BY_PARAMETER = {"asset": (404, 422), "provider": (401, 404, 422)}
INVALID_PATH_VALUES = [
    "x",
    "%00",
    "..",
    "%2e%2e",
    "x" * 64,
    "x" * 3000,
    "0" * 12,
    "%F0%9F%98%80",
    "'--",
    "{fileId}",
    "null",
    "undefined",
]


@pytest.mark.parametrize("route", [each for each in ROUTES if each.parameters_in("path")], ids=contract.route_id)
def test_a_path_that_leads_nowhere_is_not_there(
    client: Client, valid_requests: dict[str, Any], route: Route, subtests: pytest.Subtests
) -> None:
    for parameter, value in product(route.parameters_in("path"), INVALID_PATH_VALUES):
        with subtests.test(parameter=parameter["name"], value=value[:40]):
            answer = send_valid(client, route, valid_requests, path={parameter["name"]: value})
            assert_problem(answer, *STATUSES_BY_PARAMETER.get(parameter["name"], (404,)))


@pytest.mark.parametrize("route", [each for each in ROUTES if not each.is_public], ids=contract.route_id)
def test_nobody_in_particular_is_asked_who_they_are(
    client: Client, anonymous: Client, valid_requests: dict[str, Any], route: Route
) -> None:
    token = str(client.access_token)
    head, claims, signature = token.split(".")
    garbage = [
        "x",
        "a.b.c",
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[::-1]}",
        client.refresh_token,
        token * 100,
    ]

    assert assert_problem(send_valid(anonymous, route, valid_requests), 401)["code"] == "unauthenticated"
    for each in garbage:
        answer = send_valid(Client(each), route, valid_requests)
        assert assert_problem(answer, 401)["code"] == "invalid_token"
        assert answer.headers["www-authenticate"] == "Bearer"
    for header in ("Basic abc", "Bearer", f"Bearer {token} x", token):
        assert (
            assert_problem(send_valid(anonymous, route, valid_requests, headers={"authorization": header}), 401)["code"]
            == "unauthenticated"
        )


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_another_method_is_told_which_there_are(client: Client, valid_requests: dict[str, Any], path: str) -> None:
    methods = {route.method for route in ROUTES if route.path == path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PURGE"} - methods:
        answer = client.request(method, path.format(**{**valid_requests["project_path"], **valid_requests["path"]}))
        assert assert_problem(answer, 405)["code"] == "method_not_allowed"
        assert set(answer.headers["allow"].split(", ")) == methods


UNKNOWN_PATHS = [
    "/",
    "/nothing",
    "/auth",
    "/auth/nothing",
    "/files/a/b",
    "/files/a/content/b",
    "/projects/a/b",
    "/uploads",
    "/jobs",
    "/docs/a/b",
    "/api/v2/projects",
    "/api/v1",
    "/.well-known/other",
    "/files%2Finit-upload%2Fx",
    "/%00",
    "/" + "x" * 3000,
]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_not_there(client: Client, method: str, subtests: pytest.Subtests) -> None:
    for path in UNKNOWN_PATHS:
        with subtests.test(path=path[:40]):
            assert assert_problem(client.request(method, path), 404)["code"] == "not_found"


def test_the_document_names_all_fields_of_all_bodies() -> None:
    assert len(ROUTES) >= 19
    assert all(route.body["additionalProperties"] is False for route in ROUTES_WITH_BODY if route.body)
