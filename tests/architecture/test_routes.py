"""Routes: each has a guard, its place in the OpenAPI document, and errors in one format."""

import json
import re
from collections import Counter
from typing import Any

from holdall.http.auth import (
    Access,
    AnonymousIdempotencyKey,
    CurrentCaller,
    CurrentClient,
    CurrentMembership,
    CurrentProject,
    CurrentUser,
)
from holdall.http.client_info import AsksForPage
from holdall.http.credentials import SessionCookie
from holdall.http.file_body import UploadedFile
from holdall.roles.permissions import PERMISSIONS
from infra.build.api_page import API_PAGE_PATH, render_page
from infra.build.openapi import OPENAPI_PATH, render
from infra.catalog import FUNCTIONS
from tests.support.lists import LISTS
from tests.support.routes import Route, list_page_routes, list_routes

# A route without a permission needs an entry here, so that no one adds it by mistake.
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
    "GET /api/v1/config",
    "GET /api/v1/docs",
    "GET /api/v1/docs/{asset}",
    "GET /api/v1/health",
    "GET /api/v1/health/ready",
    "GET /api/v1/openapi.json",
    # The token in the path is the credential, and the service authorizes its holder.
    "GET /api/v1/s/{token}",
    "POST /api/v1/s/{token}/download",
    "POST /api/v1/s/{token}/init-upload",
    "POST /api/v1/s/{token}/commit",
    "GET /s/{token}",
    "POST /s/{token}",
    "GET /s/{token}/download",
    "POST /s/{token}/download",
    "GET /s/{token}/upload",
    "POST /s/{token}/upload",
    "GET /api/v1/u/{token}/s3/params",
    "POST /api/v1/u/{token}/s3/multipart",
    "GET /api/v1/u/{token}/s3/multipart/{uploadId}",
    "DELETE /api/v1/u/{token}/s3/multipart/{uploadId}",
    "GET /api/v1/u/{token}/s3/multipart/{uploadId}/batch",
    "POST /api/v1/u/{token}/s3/multipart/{uploadId}/complete",
    "GET /api/v1/u/{token}/s3/multipart/{uploadId}/{partNumber}",
}
_SESSION_ROUTES = {
    "POST /api/v1/auth/logout",
    "POST /api/v1/auth/logout-all",
    "GET /api/v1/auth/me",
    "GET /api/v1/auth/sessions",
    "DELETE /api/v1/auth/sessions/{sessionId}",
    "GET /api/v1/auth/identities",
    "POST /api/v1/auth/change-password",  # requires the password
    "POST /api/v1/auth/change-email",  # requires the password
    "GET /api/v1/users/me",
    "PATCH /api/v1/users/me",
    "PUT /api/v1/users/me",
    "POST /api/v1/authz/explain",  # about the caller. The service requires users.read for other users
    "POST /api/v1/invitations/accept",  # of the caller's own address
    "GET /api/v1/projects",  # the caller's own
}
# These change how an account is protected, so a session that someone left open is not enough.
_RECENT_SESSION_ROUTES = {
    "POST /api/v1/auth/2fa/setup",
    "POST /api/v1/auth/2fa/enable",
    "POST /api/v1/auth/2fa/disable",
    "POST /api/v1/auth/2fa/recovery-codes",
    "POST /api/v1/auth/identities/{provider}/link",
    "DELETE /api/v1/auth/identities/{provider}",
    "DELETE /api/v1/users/me",
}
# The contract names PUT for these. Everything else documents and uses PATCH.
_PUT_ALIASES = {
    "PUT /api/v1/projects/{projectId}",
    "PUT /api/v1/roles/{name}",
    "PUT /api/v1/users/me",
    "PUT /api/v1/users/{userId}",
}
# Prefixes that are deployed before their routes, so that a later capability changes no infrastructure.
_RESERVED_PREFIXES = {"/api/v1/uploads", "/api/v1/trash"}
# A response with a status above 399 that is not a problem: the check ran, and its result is the response.
_NOT_PROBLEM_RESPONSES = {("GET /api/v1/health/ready", "503")}
_FREE_FORM = {"additionalProperties": True, "type": "object"}  # the metadata that a page gives a file
_PROBLEM_CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_SCHEMA_NAME = re.compile(r"([A-Z][a-z]+)+")
_OPERATION_ID = re.compile(r"[a-z]+([A-Z][a-z]+)*")

_DOCUMENT: dict[str, Any] = json.loads(OPENAPI_PATH.read_text())
_OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in _DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def test_openapi_document_is_current() -> None:
    assert render() == OPENAPI_PATH.read_text(), "docs/openapi.json differs from the code. Run `make openapi`."


def test_api_page_is_current() -> None:
    assert API_PAGE_PATH.read_text() == render_page(json.loads(render())), (
        "docs/api.md differs from the code. Run `make openapi`."
    )


def test_openapi_document_has_exactly_the_routes() -> None:
    assert set(_OPERATIONS) == {str(route) for route in list_routes()}


def test_names_in_the_openapi_document_are_readable() -> None:
    operation_ids = [operation["operationId"] for operation in _OPERATIONS.values()]

    assert [name for name in _DOCUMENT["components"]["schemas"] if not _SCHEMA_NAME.fullmatch(name)] == []
    assert [name for name in operation_ids if not _OPERATION_ID.fullmatch(name)] == []
    assert [name for name, count in Counter(operation_ids).items() if count > 1] == []


def test_routes_without_permission_are_listed() -> None:
    by_access: dict[Access, set[str]] = {access: set() for access in Access}
    for route in (*list_routes(), *list_page_routes()):
        by_access[route.guard.access].add(str(route))

    assert by_access[Access.PUBLIC] == _PUBLIC_ROUTES
    assert by_access[Access.SESSION] == _SESSION_ROUTES
    assert by_access[Access.RECENT_SESSION] == _RECENT_SESSION_ROUTES


def test_put_is_a_deprecated_alias_of_patch() -> None:
    routes = {str(route): route for route in list_routes()}

    assert {name for name, operation in _OPERATIONS.items() if operation.get("deprecated")} == _PUT_ALIASES
    assert {name for name in routes if name.startswith("PUT")} == _PUT_ALIASES
    for name in _PUT_ALIASES:
        patch = routes[name.replace("PUT", "PATCH")]
        assert patch.powertools_route.func is routes[name].powertools_route.func, name
        assert patch.guard is routes[name].guard, name


def test_permissions_of_guards_exist() -> None:
    guards = [(route, route.guard) for route in list_routes() if route.guard.access is Access.PERMISSION]
    permissions = {name: route for route, guard in guards for name in (guard.permission, *guard.extra.values())}

    assert {name: str(route) for name, route in permissions.items() if name not in PERMISSIONS} == {}


def test_project_permissions_need_a_project() -> None:
    project_permissions = {name for name, permission in PERMISSIONS.items() if permission.project_roles}

    for route in list_routes():
        if route.guard.access is Access.PERMISSION:
            assert (route.guard.permission in project_permissions) == bool(route.guard.project_from), str(route)


def test_guards_read_only_documented_parameters() -> None:
    for route in list_routes():
        flags = {*route.guard.extra, route.guard.allow_deleted} - {True, False}
        for name in (*route.guard.project_from, *flags):
            assert name in _parameter_names(str(route)), f"{route}: the guard reads {name}"


def test_routes_use_only_what_their_guards_provide() -> None:
    wrong = [
        f"{route}: {dependency.param_name}"
        for route in list_routes()
        for dependency in route.powertools_route.dependant.dependencies
        if dependency.depends not in _provided_dependencies(route)
    ]

    assert wrong == []


def test_bodies_reject_unknown_fields() -> None:
    open_schemas = [
        f"{name}: {schema}"
        for name, operation in _OPERATIONS.items()
        for schema in _object_schemas(_request_schemas(operation))
        if schema.get("additionalProperties") is not False and schema != _FREE_FORM
    ]

    assert open_schemas == []


def test_errors_of_all_routes_are_problems() -> None:
    for name, operation in _OPERATIONS.items():
        responses = operation["responses"]
        assert responses["default"]["content"] == _PROBLEM_CONTENT, name
        for status, response in responses.items():
            if status.isdigit() and int(status) >= 400 and (name, status) not in _NOT_PROBLEM_RESPONSES:
                assert response["content"] == _PROBLEM_CONTENT, f"{name} {status}"


def test_paths_are_unique_whatever_their_parameters_are_called() -> None:
    paths = Counter(f"{route.method} {re.sub('{[^}]*}', '{}', route.path)}" for route in list_routes())

    assert [path for path, count in paths.items() if count > 1] == []


def test_gateway_sends_each_path_to_the_function_of_its_route() -> None:
    for route in (*list_routes(), *list_page_routes()):
        assert _function_for(re.sub("{[^}]*}", "anything", route.path)) == route.function, str(route)


def test_each_prefix_of_the_catalog_has_routes() -> None:
    paths = {route.path for route in (*list_routes(), *list_page_routes())}
    for function in FUNCTIONS:
        for prefix in function.path_prefixes:
            has_routes = any(path == prefix or path.startswith(f"{prefix}/") for path in paths)
            assert has_routes or prefix in _RESERVED_PREFIXES, f"{function.name}: no route below {prefix}"


def test_cost_of_each_list_is_measured() -> None:
    measured = {listed.route.replace(" ", " /api/v1") for listed in LISTS.values()}

    assert {route for route in _OPERATIONS if "limit" in _parameter_names(route)} - measured == set()


def _provided_dependencies(route: Route) -> set[Any]:
    provided: list[Any] = [CurrentClient, SessionCookie, AsksForPage]
    if route.guard.access is Access.PUBLIC:
        provided += [AnonymousIdempotencyKey]
    else:
        provided += [CurrentCaller, CurrentUser]
    if route.guard.project_from:
        provided += [CurrentProject, CurrentMembership]
    if route.guard.file_body:
        provided += [UploadedFile]
    return {annotation.__metadata__[0] for annotation in provided}


def _function_for(path: str) -> str:
    prefixes = {prefix: function.name for function in FUNCTIONS for prefix in function.path_prefixes}
    matching = [prefix for prefix in prefixes if path == prefix or path.startswith(f"{prefix}/")]
    return prefixes[max(matching, key=len)] if matching else "$default"


def _parameter_names(route: str) -> set[str]:
    operation = _OPERATIONS[route]
    bodies = _object_schemas(_request_schemas(operation))
    return {each["name"] for each in operation.get("parameters", [])} | {
        name for schema in bodies for name in schema.get("properties", {})
    }


def _request_schemas(operation: dict[str, Any]) -> Any:
    contents = operation.get("requestBody", {}).get("content", {})
    return [content["schema"] for content in contents.values()]


def _object_schemas(schema: Any) -> list[dict[str, Any]]:
    """Return every object schema that a schema contains, through references and lists."""
    if isinstance(schema, list):
        return [found for each in schema for found in _object_schemas(each)]
    if not isinstance(schema, dict):
        return []
    if "$ref" in schema:
        return _object_schemas(_DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    own = [schema] if schema.get("type") == "object" else []
    return own + [found for value in schema.values() for found in _object_schemas(value)]
