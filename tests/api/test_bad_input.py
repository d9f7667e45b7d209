"""Bad input: the right status, an error in one format, and never a 500 (P1, P2).

What the middleware checks is proved with all inputs on one route, and with one input on every route. What a route checks by
itself is proved on every route.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any

import pytest

from tests.support import contract, examples, users
from tests.support.aws import FakeAws
from tests.support.checkpoints import Checkpoint
from tests.support.client import Client, Response
from tests.support.contract import Route
from tests.support.fixtures import OverrideSettings
from tests.support.world import World

ROUTES = contract.list_routes()
# The callback ignores unknown parameters (RFC 6749, section 4.1.2), and pages send metadata of their own.
STRICT_ROUTES = [route for route in ROUTES if route.name not in (examples.OAUTH_CALLBACK, "GET /u/{token}/s3/params")]
ROUTES_WITH_BODY = [route for route in ROUTES if route.body is not None]
ROUTES_WITH_PATH_PARAMETERS = [route for route in ROUTES if route.parameters_in("path")]
ROUTES_WITH_QUERY = [route for route in STRICT_ROUTES if route.parameters_in("query")]
ROUTES_WITH_CURSOR = [
    route for route in ROUTES if any(each["name"] == "cursor" for each in route.parameters_in("query"))
]
PROTECTED_ROUTES = [route for route in ROUTES if not route.is_public]
CREATE_PROJECT = next(route for route in ROUTES if route.name == "POST /projects")
LIST_FILES = next(route for route in ROUTES if route.name == "GET /files")
PROJECT_FIELDS = {"ids", "projectId", "fileId", "uploadId", "key"}  # the guard reads them before they are validated
VALUES_BY_TYPE: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "integer": [7, -1, 10**40],
    "number": [1.5, -0.5],
    "string": ["", "text", "x" * 5000, "\u0000", "\u202e"],
    "array": [[], [1], [None]],
    "object": [{}, {"a": 1}],
}


class Api:
    """A client that has all permissions, so that only the input is bad, and a valid request for each route."""

    def __init__(self, client: Client, valid_requests: dict[str, Any]) -> None:
        self.client = client
        self.valid_requests = valid_requests
        self._checkpoint = Checkpoint.save()

    def send(
        self,
        route: Route,
        query: str = "",
        *,
        client: Client | None = None,
        path: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> Response:
        """Send a valid request with these changes, in the initial state."""
        self._checkpoint.restore()
        in_project = self.valid_requests["project_path"] if route.path.startswith("/projects/{projectId}") else {}
        of_token = {"/u/{token}": "companion_path", "/s/{token}": "share_path"}.get(route.path[:10], "")
        of_link = self.valid_requests.get(of_token, {})
        url = route.path.format(**{**self.valid_requests["path"], **in_project, **of_link, **(path or {})})
        url += query or self.valid_requests["query"].get(route.name, "")
        if route.body is not None and "raw" not in kwargs:
            kwargs.setdefault("body", self.valid_body(route))
        return (client or self.client).request(route.method, url, **kwargs)

    def valid_body(self, route: Route) -> dict[str, Any]:
        body: dict[str, Any] = deepcopy(self.valid_requests["body"].get(route.name, {}))
        return body


@pytest.fixture
def api(world: World, fake_aws: FakeAws, override_settings: OverrideSettings) -> Api:
    def create() -> tuple[Client, dict[str, Any]]:
        users.create_superuser()  # another one, so that this client may delete its account
        client = users.create_superuser()
        return client, examples.make_valid_requests(client, fake_aws, override_settings)

    prepared = world.step("valid requests", create)
    examples.configure_provider(fake_aws, override_settings)
    return Api(*prepared)


def assert_problem(response: Response, *statuses: int) -> dict[str, Any]:
    problem = response.problem()
    assert response.status in statuses, (response.status, response.text)
    return problem


# Requests that only succeed after another one, or never with the prepared world.
SPECIAL_CASES: dict[str, Any] = {
    "POST /auth/2fa/disable": ("/auth/2fa/enable", 204),
    "POST /auth/2fa/recovery-codes": ("/auth/2fa/enable", 200),
    "DELETE /auth/identities/{provider}": ("", 404),
    "POST /projects/{projectId}/leave": ("", 409),  # the client is the only owner
    "POST /projects/{projectId}/restore": ("", 409),  # the project is not deleted
    "POST /files/{fileId}/restore": ("", 409),  # the file is not in the trash
    examples.OAUTH_CALLBACK: ("", 401),  # no provider redirected the browser here
}


def test_valid_requests_succeed(api: Api, subtests: pytest.Subtests) -> None:
    for route in ROUTES:
        with subtests.test(route=route.name):
            before, status = SPECIAL_CASES.get(route.name, ("", 399))
            response = api.send(route)
            if before:
                assert response.status == 409
                api.client.post(before, api.valid_requests["body"][f"POST {before}"]).data()
                response = api.client.request(route.method, route.path)
            assert response.status <= status, response.text


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


@pytest.mark.parametrize(("raw", "status", "code"), INVALID_BODIES)
def test_invalid_body_is_rejected(api: Api, raw: bytes, status: int, code: str) -> None:
    assert assert_problem(api.send(CREATE_PROJECT, raw=raw), status)["code"] == code


def test_every_route_rejects_ambiguous_json(api: Api) -> None:
    for route in ROUTES_WITH_BODY:
        problem = assert_problem(api.send(route, raw=b'{"a": 1, "a": 2}'), 400)
        assert problem["code"] == "malformed_json", route.name


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "APPLICATION/JSON"],
)
def test_other_media_type_is_rejected(api: Api, media_type: str) -> None:
    response = api.send(CREATE_PROJECT, headers={"content-type": media_type})

    assert assert_problem(response, 415)["code"] == "unsupported_media_type"


def test_every_route_rejects_forms(api: Api) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}  # what a page of another site could send
    for route in ROUTES_WITH_BODY:
        problem = assert_problem(api.send(route, headers=headers), 415)
        assert problem["code"] == "unsupported_media_type", route.name


def test_missing_field_is_named(api: Api) -> None:
    for route in ROUTES_WITH_BODY:
        assert route.body is not None
        for name in route.body.get("required", []):
            body = {key: value for key, value in api.valid_body(route).items() if key != name}
            errors = assert_problem(api.send(route, body=body), 422)["errors"]
            assert errors == [{"pointer": f"/{name}", "code": "required", "detail": errors[0]["detail"]}], route.name


@pytest.mark.parametrize("name", ["unknown", "id", "", "a/b", "__proto__", "\u202e", "x" * 3000])
def test_unknown_field_is_rejected(api: Api, name: str) -> None:
    errors = assert_problem(api.send(CREATE_PROJECT, body={**api.valid_body(CREATE_PROJECT), name: 1}), 422)["errors"]

    assert [error["code"] for error in errors] == ["unknown_field"]


def test_every_route_rejects_unknown_fields(api: Api) -> None:
    for route in ROUTES_WITH_BODY:
        errors = assert_problem(api.send(route, body={**api.valid_body(route), "unknown": 1}), 422)["errors"]
        assert [error["code"] for error in errors] == ["unknown_field"], route.name


def snake_case_fields(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the path of each field of a schema whose name differs in Python."""
    schema = contract.resolve_ref(schema)
    for each in schema.get("anyOf", []):
        yield from snake_case_fields(each)
    for name, field in schema.get("properties", {}).items():
        snake_case = re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name)
        if snake_case != name:
            yield (snake_case,)
        yield from ((name, *path) for path in snake_case_fields(field))


def test_every_route_rejects_snake_case_names(api: Api) -> None:
    for route in ROUTES_WITH_BODY:
        assert route.body is not None
        for path in snake_case_fields(route.body):
            field: Any = "x"
            for name in reversed(path):
                field = {name: field}
            errors = assert_problem(api.send(route, body={**api.valid_body(route), **field}), 422)["errors"]
            rejected = [(error["pointer"], error["code"]) for error in errors]
            assert (f"/{'/'.join(path)}", "unknown_field") in rejected, route.name


def test_every_field_rejects_other_types(api: Api) -> None:
    for route in ROUTES_WITH_BODY:
        assert route.body is not None
        for name, schema in route.body["properties"].items():
            accepted = contract.accepted_types(schema)
            # The type that a lenient parser would convert, and null.
            wrong_types = {"integer" if "string" in accepted else "string", "null"} - accepted
            for value in [VALUES_BY_TYPE[each][-1] for each in wrong_types]:
                response = api.send(route, body={**api.valid_body(route), name: value})
                if name in PROJECT_FIELDS and isinstance(value, str):
                    assert_problem(response, 404)
                else:
                    errors = assert_problem(response, 422)["errors"]
                    assert errors[0]["pointer"].startswith(f"/{name}"), (route.name, name, value)


def test_no_value_of_the_right_type_is_an_internal_error(api: Api) -> None:
    for route in ROUTES_WITH_BODY:
        assert route.body is not None
        for name, schema in route.body["properties"].items():
            for right_type in contract.accepted_types(schema) & set(VALUES_BY_TYPE):
                for value in VALUES_BY_TYPE[right_type]:
                    response = api.send(route, body={**api.valid_body(route), name: value})
                    assert response.status < 400 or assert_problem(response, 401, 404, 409, 422), route.name


def test_every_parameter_rejects_other_types(api: Api) -> None:
    wrong = {
        "integer": ["x", "0", "101", "-1", "1.5", "NaN", "1e2", "", "9" * 5000, "%00"],
        "boolean": ["maybe", "2", "", "truefalse"],
        "enum": ["nonsense", "", "IMAGE", "%00"],
        "string": ["x" * 5000],
        "array": ["", "x", "0", "1,x", "1,,2"],
    }
    for route in ROUTES_WITH_QUERY:
        for parameter in route.parameters_in("query"):
            name, types = parameter["name"], contract.accepted_types(parameter["schema"]) - {"null"}
            lowest = f"{parameter['schema'].get('minimum', 1):.0f}"
            for value in [value for each in types for value in wrong[each] if value != lowest]:
                response = api.send(route, f"?{name}={value}")
                if name in PROJECT_FIELDS:
                    assert_problem(response, *((404, 422) if route.is_public else (404,)))
                else:
                    assert_problem(response, 422)


def test_every_parameter_rejects_duplicates(api: Api) -> None:
    values = {
        "limit": "5",
        "from": "2026-11-20T00:00:00Z",
        "to": "2026-11-20T00:00:00Z",
        "permanent": "false",
        "signed": "true",
        "wait": "1",
        "kind": "image",
        "sort": "name",
        "disposition": "inline",
    }
    for route in ROUTES_WITH_QUERY:
        for parameter in route.parameters_in("query"):
            pair = f"{parameter['name']}={values.get(parameter['name'], 'x')}"
            assert_problem(api.send(route, f"?{pair}&{pair}"), 422, 404)


@pytest.mark.parametrize("name", ["unknown", "Limit", "limit%20", "x" * 3000, "%00", "%FF", "a%2Fb"])
def test_unknown_parameter_is_rejected(api: Api, name: str) -> None:
    problem = assert_problem(api.send(LIST_FILES, f"?{name}=1"), 422)

    assert problem["code"] == "unknown_parameter"
    assert len(problem["errors"][0]["pointer"]) < 200


def test_every_route_rejects_unknown_parameters(api: Api) -> None:
    for route in STRICT_ROUTES:
        assert assert_problem(api.send(route, "?unknown=1"), 422)["code"] == "unknown_parameter", route.name


def test_query_cannot_name_the_project_of_a_body_or_path(api: Api) -> None:
    routes = {route.name: route for route in ROUTES}
    for name, parameter in (
        ("POST /files/init-upload", "projectId"),
        ("POST /files/init-upload", "fileId"),
        ("PATCH /projects/{projectId}", "projectId"),
        ("GET /files/{fileId}", "fileId"),
    ):
        response = api.send(routes[name], f"?{parameter}={api.valid_requests['path'][parameter]}")
        assert assert_problem(response, 422)["code"] == "unknown_parameter", name


@pytest.mark.parametrize(
    "cursor", ["x", "", "%00", "bnVsbA", "W10", "x" * 4096, "eyJhIjoxfQ", "WyJ4IiwibiIsInkiXQ", "%E2%82%AC"]
)
def test_invalid_cursor_is_rejected(api: Api, cursor: str) -> None:
    assert assert_problem(api.send(LIST_FILES, f"?cursor={cursor}"), 400)["code"] == "bad_cursor"


def test_every_list_rejects_invalid_cursors(api: Api) -> None:
    for route, query in product(ROUTES_WITH_CURSOR, ("?cursor=x", "?cursor=bnVsbA")):
        assert assert_problem(api.send(route, query), 400)["code"] == "bad_cursor", route.name
    for query in ("sort=name", "kind=image", "prefix=a"):
        assert assert_problem(api.send(LIST_FILES, f"?{query}&cursor=x"), 400)["code"] == "bad_cursor", query


# The callback rejects an unknown state, whatever the provider is called.
STATUSES_BY_PARAMETER = {
    "number": (404, 422),
    "asset": (404, 422),
    "provider": (401, 404, 422),
    "partNumber": (404, 422),
}
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


def test_unknown_id_in_a_path_is_not_found(api: Api) -> None:
    for route in ROUTES_WITH_PATH_PARAMETERS:
        for parameter, value in product(route.parameters_in("path"), INVALID_PATH_VALUES):
            name = parameter["name"]
            assert_problem(api.send(route, path={name: value}), *STATUSES_BY_PARAMETER.get(name, (404,)))


def test_invalid_credentials_are_rejected(api: Api) -> None:
    token = str(api.client.access_token)
    header, claims, signature = token.split(".")
    for invalid in (
        "x",
        "a.b.c",
        f"{header}.{claims}.",
        f"{header}.{claims}.{signature[::-1]}",
        api.client.refresh_token,
        token * 100,
    ):
        response = api.send(CREATE_PROJECT, client=Client(invalid))
        assert assert_problem(response, 401)["code"] == "invalid_token"
        assert response.headers["www-authenticate"] == "Bearer"
    for authorization in ("Basic abc", "Bearer", f"Bearer {token} x", token):
        response = api.send(CREATE_PROJECT, client=Client(), headers={"authorization": authorization})
        assert assert_problem(response, 401)["code"] == "unauthenticated"


def test_every_protected_route_rejects_missing_and_invalid_credentials(api: Api) -> None:
    header, claims, signature = str(api.client.access_token).split(".")
    forged = Client(f"{header}.{claims}.{signature[::-1]}")
    for route in PROTECTED_ROUTES:
        assert assert_problem(api.send(route, client=Client()), 401)["code"] == "unauthenticated", route.name
        assert assert_problem(api.send(route, client=forged), 401)["code"] == "invalid_token", route.name


METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PURGE"}


def test_other_method_gets_the_allowed_ones(api: Api) -> None:
    operations = contract.load_openapi()["paths"]
    values = {
        **api.valid_requests["companion_path"],
        **api.valid_requests["project_path"],
        **api.valid_requests["path"],
    }
    for path in operations:
        url = path.format(**values)
        # `/uploads/companion-token` is also at the place of the ID of an upload.
        matching = [each for each in operations if re.fullmatch(re.sub("{[^}]*}", "[^/]+", each), url)]
        for method in METHODS - {method.upper() for each in matching for method in operations[each]}:
            response = api.client.request(method, url)
            assert assert_problem(response, 405)["code"] == "method_not_allowed"
            allowed = set(response.headers["allow"].split(", "))
            assert {each.upper() for each in operations[path]} <= allowed
            assert method not in allowed


def test_other_method_gets_the_allowed_ones_whatever_its_body_is(client: Client) -> None:
    for body in (b"\xff", b"x" * 262_145):
        response = client.request("PURGE", "/projects", raw=body)
        assert assert_problem(response, 405)["code"] == "method_not_allowed"


UNKNOWN_PATHS = [
    "/",
    "/nothing",
    "/auth",
    "/auth/nothing",
    "/files/a/b",
    "/files/a/content/b",
    "/projects/a/b",
    "/uploads/a/b",
    "/jobs/a/b",
    "/admin",
    "/docs/a/b",
    "/api/v2/projects",
    "/api/v1",
    "/.well-known/other",
    "/files%2Finit-upload%2Fx",
    "/%00",
    "/" + "x" * 3000,
]


def test_unknown_path_is_not_found(client: Client) -> None:
    for path, method in product(UNKNOWN_PATHS, ("GET", "POST", "DELETE")):
        assert assert_problem(client.request(method, path), 404)["code"] == "not_found", path


def test_put_updates_like_patch(api: Api) -> None:
    aliases = [
        (route, operations["put"])
        for route in ROUTES
        if "put" in (operations := contract.load_openapi()["paths"][f"/api/v1{route.path}"]) and route.method == "PATCH"
    ]
    for route, _ in aliases:
        alias = Route("PUT", route.path, route.is_public, route.parameters, None)
        put, patch = api.send(alias, body=api.valid_body(route)).data(), api.send(route).data()
        assert {**put, "updatedAt": ""} == {**patch, "updatedAt": ""}
    assert len(aliases) == 4
