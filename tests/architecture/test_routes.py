"""The contract: the document is the code's, every route says who may come in, and says no in the one shape."""

import json
import re
from collections import Counter
from typing import Any

from holdall.http.auth import guard_of
from holdall.roles.permissions import PERMISSIONS
from infra.build.api_page import API_PAGE_PATH, render_page
from infra.build.openapi import OPENAPI_PATH, render
from infra.catalog import FUNCTIONS
from tests.support.lists import LISTS
from tests.support.routes import list_routes

# Routes without a permission are few, and stand here: a new one is a decision that somebody takes twice.
_PUBLIC_ROUTES = {
    "GET /api/v1/.well-known/jwks.json",
    "POST /api/v1/auth/2fa/verify",
    "POST /api/v1/auth/accept-invitation",
    "POST /api/v1/auth/confirm-email",
    "POST /api/v1/auth/forgot-password",
    "POST /api/v1/auth/login",
    "GET /api/v1/auth/oauth/{provider}/callback",
    "GET /api/v1/auth/oauth/{provider}/start",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/reset-password",
    "POST /api/v1/auth/sign-up",
    "POST /api/v1/auth/verify-email",
    "POST /api/v1/auth/verify-email/resend",
    "GET /api/v1/docs",
    "GET /api/v1/docs/{asset}",
    "GET /api/v1/health",
    "GET /api/v1/health/ready",
    "GET /api/v1/openapi.json",
}
_SESSION_ROUTES = {
    "POST /api/v1/auth/logout",
    "POST /api/v1/auth/logout-all",
    "GET /api/v1/auth/me",
    "GET /api/v1/auth/sessions",
    "DELETE /api/v1/auth/sessions/{sessionId}",
    "GET /api/v1/auth/identities",
    "POST /api/v1/auth/change-password",  # asks for the password
    "POST /api/v1/auth/change-email",  # asks for the password
    "GET /api/v1/users/me",
    "PUT /api/v1/users/me",
    "POST /api/v1/authz/explain",  # about oneself; about others it asks for users.read
    "POST /api/v1/invitations/accept",  # of one's own address
    "GET /api/v1/projects",  # those of the caller; there is no other project to have rights in
}
# What guards an account is not changed by a session that was forgotten somewhere.
_RECENT_SESSION_ROUTES = {
    "POST /api/v1/auth/2fa/setup",
    "POST /api/v1/auth/2fa/enable",
    "POST /api/v1/auth/2fa/disable",
    "POST /api/v1/auth/2fa/recovery-codes",
    "POST /api/v1/auth/identities/{provider}/link",
    "DELETE /api/v1/auth/identities/{provider}",
    "DELETE /api/v1/users/me",
}
# An answer above 399 that is no problem: the route was understood, and what it found is told in its own shape.
_NOT_PROBLEM_RESPONSES = {("GET /api/v1/health/ready", "503")}
_PROBLEM_CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

_DOCUMENT: dict[str, Any] = json.loads(OPENAPI_PATH.read_text())
_OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in _DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def test_the_document_is_current() -> None:
    assert render() == OPENAPI_PATH.read_text(), "docs/openapi.json is not what the code says: run `make openapi`"


def test_the_page_of_routes_is_current() -> None:
    assert API_PAGE_PATH.read_text() == render_page(json.loads(render())), (
        "docs/api.md is not what the code says: run `make openapi`"
    )


def test_the_document_holds_every_route_and_no_other() -> None:
    assert set(_OPERATIONS) == {str(route) for route in list_routes()}


def test_every_route_has_a_door() -> None:
    assert [str(route) for route in list_routes() if route.guard is None] == []


def test_who_may_come_in_without_a_permission_is_written_down() -> None:
    by_kind: dict[str, set[str]] = {"public": set(), "session": set(), "recent_session": set(), "permission": set()}
    for route in list_routes():
        by_kind[route.guard.access if route.guard else "missing"].add(str(route))

    assert by_kind["public"] == _PUBLIC_ROUTES
    assert by_kind["session"] == _SESSION_ROUTES
    assert by_kind["recent_session"] == _RECENT_SESSION_ROUTES


def test_every_permission_that_a_route_names_exists() -> None:
    doors = [(route, route.guard) for route in list_routes() if route.guard and route.guard.access == "permission"]
    named = {name: route for route, door in doors for name in (door.permission, *door.extra.values())}

    assert {name: str(route) for name, route in named.items() if name not in PERMISSIONS} == {}


def test_a_permission_of_a_project_says_where_the_project_is() -> None:
    inside = {name for name, permission in PERMISSIONS.items() if permission.project_roles}

    for route in list_routes():
        if route.guard and route.guard.access == "permission":
            assert (route.guard.permission in inside) == bool(route.guard.project_from), str(route)


def test_what_leads_to_a_project_is_a_parameter_of_the_route() -> None:
    for route in list_routes():
        for name in (*route.guard.project_from, *route.guard.extra) if route.guard else ():
            assert name in _parameter_names(str(route)), f"{route} is asked for {name}, which it does not take"


def test_every_body_refuses_what_it_does_not_know() -> None:
    loose = [
        f"{name}: {model}"
        for name, operation in _OPERATIONS.items()
        for model in _object_schemas(_request_schemas(operation))
        if model.get("additionalProperties") is not False
    ]

    assert loose == []


def test_every_route_says_no_as_a_problem() -> None:
    for name, operation in _OPERATIONS.items():
        answers = operation["responses"]
        assert answers["default"]["content"] == _PROBLEM_CONTENT, name
        for status, answer in answers.items():
            if status.isdigit() and int(status) >= 400 and (name, status) not in _NOT_PROBLEM_RESPONSES:
                assert answer["content"] == _PROBLEM_CONTENT, f"{name} {status}"


def test_every_route_is_the_only_one_of_its_kind() -> None:
    # Parameters may have other names in another function, and would still be the same place.
    places = Counter(f"{route.method} {re.sub('{[^}]*}', '{}', route.path)}" for route in list_routes())

    assert [place for place, number in places.items() if number > 1] == []
    assert len({operation["operationId"] for operation in _OPERATIONS.values()}) == len(_OPERATIONS)


def test_the_gateway_leads_to_the_function_that_has_the_route() -> None:
    for route in list_routes():
        assert _function_for(re.sub("{[^}]*}", "anything", route.path)) == route.function, str(route)


def test_every_prefix_of_the_catalogue_leads_somewhere() -> None:
    for function in FUNCTIONS:
        for prefix in function.path_prefixes:
            led = [
                path
                for path in {route.path for route in list_routes()}
                if path == prefix or path.startswith(f"{prefix}/")
            ]
            assert led or prefix in _RESERVED_PREFIXES, f"{function.name}: nothing lies below {prefix}"


def test_what_a_list_costs_is_measured_among_ten_thousand_rows() -> None:
    measured = {listed.route.replace(" ", " /api/v1") for listed in LISTS.values()}

    assert {route for route in _OPERATIONS if "limit" in _parameter_names(route)} - measured == set()


def test_a_route_without_a_door_would_be_seen() -> None:
    def bare() -> None: ...

    assert guard_of(bare) is None


# Prefixes that are deployed before their routes, so that a later capability changes no infrastructure.
_RESERVED_PREFIXES = {"/api/v1/uploads", "/api/v1/trash", "/api/v1/jobs"}


def _function_for(path: str) -> str:
    prefixes = {prefix: function.name for function in FUNCTIONS for prefix in function.path_prefixes}
    fitting = [prefix for prefix in prefixes if path == prefix or path.startswith(f"{prefix}/")]
    return prefixes[max(fitting, key=len)] if fitting else "$default"


def _parameter_names(route: str) -> set[str]:
    operation = _OPERATIONS[route]
    bodies = _object_schemas(_request_schemas(operation))
    return {each["name"] for each in operation.get("parameters", [])} | {
        name for model in bodies for name in model.get("properties", {})
    }


def _request_schemas(operation: dict[str, Any]) -> Any:
    contents = operation.get("requestBody", {}).get("content", {})
    return [content["schema"] for content in contents.values()]


def _object_schemas(schema: Any) -> list[dict[str, Any]]:
    """Every object that a schema leads to, through references and lists."""
    if isinstance(schema, list):
        return [found for each in schema for found in _object_schemas(each)]
    if not isinstance(schema, dict):
        return []
    if "$ref" in schema:
        return _object_schemas(_DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    here = [schema] if schema.get("type") == "object" else []
    return here + [found for value in schema.values() for found in _object_schemas(value)]
