"""`python -m infra.build.openapi`: the OpenAPI document of all functions, made from their code, into docs/."""

import importlib
import json
import os
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from infra.build import api_page
from infra.catalog import FUNCTIONS

OPENAPI_PATH = Path(__file__).parents[2] / "docs" / "openapi.json"
_CORE_LAYER = Path(__file__).parents[2] / "layers" / "core" / "python"
_DESCRIPTION = (
    "A self-hosted file and media cloud. Clients transfer file contents directly to and from S3 with presigned URLs; "
    "this API issues the URLs and manages everything else."
)


def render() -> str:
    """The document as text, the same for the same code."""
    return json.dumps(build_document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def build_document() -> dict[str, Any]:
    """The document: what Powertools reads off the routes, and what only Holdall knows of them."""
    _placeholder_environment()
    api_module = importlib.import_module("holdall.http.app")
    admission = importlib.import_module("holdall.http.auth")
    handlers = [importlib.import_module(f"functions.{each.name}.handler") for each in FUNCTIONS if each.path_prefixes]
    apis = [found for handler in handlers for found in vars(handler).values() if isinstance(found, api_module.HttpApp)]
    whole = api_module.HttpApp("all", *(router for api in apis for router in api.routers))
    made: dict[str, Any] = json.loads(
        whole.app.get_openapi_json_schema(
            title="Holdall", version="1", openapi_version="3.1.0", description=_DESCRIPTION, servers=None
        )
    )
    made.pop("servers", None)
    for route in whole.routes():
        operation = made["paths"][route.openapi_path][route.method.lower()]
        _complete_operation(operation, route, admission.guard_of(route.func))
    made["components"].setdefault("schemas", {}).pop("HTTPValidationError", None)
    made["components"]["schemas"].pop("ValidationError", None)
    made["components"]["schemas"].pop("ResponseValidationError", None)
    made["components"]["schemas"]["Problem"] = _PROBLEM_SCHEMA
    made["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-session"},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
        "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    }
    return made


def _complete_operation(operation: dict[str, Any], route: Any, guard: Any) -> None:
    """What a client has to bring, and how every route says no."""
    function = route.func.__module__.split(".")
    operation["tags"] = [function[-1]]
    operation["operationId"] = f"{function[-1]}-{route.func.__name__.replace('_', '-')}"
    operation["responses"].pop("422", None)
    operation["responses"].pop(422, None)
    operation["responses"]["default"] = {
        "description": "An error (RFC 9457).",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    said = _RESPONSES.get((route.method, re.sub(r"^/api/v1", "", route.openapi_path)))
    if said:
        operation["responses"] = {"default": operation["responses"]["default"], **said}
    operation["responses"].get("204", {}).pop("content", None)
    if guard.access == "public":
        operation["security"] = []
        return
    # With the cookie, a change wants the session's CSRF token too, and an Origin of ours.
    by_cookie: dict[str, list[str]] = {"cookie": []} if route.method == "GET" else {"cookie": [], "csrf": []}
    operation["security"] = [{"bearer": []}, by_cookie]
    if guard.accepts_api_keys:
        operation["security"].append({"key": []})
    if guard.access == "recent_session":
        operation["x-recent-session"] = True
    if guard.permission:
        operation["x-permission"] = guard.permission
    if guard.extra:
        operation["x-permission-when"] = guard.extra


def _placeholder_environment() -> None:
    """Settings of no stage, so that handlers can be imported at the desk."""
    if str(_CORE_LAYER) not in sys.path:
        sys.path.insert(0, str(_CORE_LAYER))
    numbers = {"argon2_memory_kib", "argon2_time_cost", "upload_expiry_seconds", "max_bytes", "max_files", "max_file_bytes"}
    words = {"sign_up": "open", "email_verification": "off", "developer_tokens": "off", "rate_limits": "{}"}
    words |= {"oauth_providers": "[]", "aws_region": "us-east-1"}
    settings = importlib.import_module("holdall.platform.config").Settings
    for field in fields(settings):
        stand_in = "1" if field.name in numbers else words.get(field.name, f"placeholder-{field.name}")
        os.environ.setdefault(field.name.upper(), stand_in)


_STRING = {"type": "string"}


def _response(description: str, **schemas: dict[str, Any]) -> dict[str, Any]:
    """A response with its contents; `text_html` is the media type text/html."""
    content = {media_type.replace("_", "/"): {"schema": schema} for media_type, schema in schemas.items()}
    return {"description": description, **({"content": content} if content else {})}


def _schema_ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_SET_COOKIE_HEADERS = {"Set-Cookie": {"description": "`__Host-session`, set or cleared.", "schema": _STRING}}
_REDIRECT_HEADERS = {**_SET_COOKIE_HEADERS, "Location": {"required": True, "schema": _STRING}}


# What the types of a route cannot say: which content goes with which status, and what is no JSON of ours.
_SIGN_IN_RESPONSES = {
    "200": _response(
        "Signed in with tokens or a session cookie, or a second factor is required.",
        application_json={
            "anyOf": [_schema_ref(f"DataResponse_{each}_") for each in ("TokenResponse", "CookieSessionResponse", "MfaRequired")]
        },
    )
}
_SIGN_IN_RESPONSES["200"]["headers"] = _SET_COOKIE_HEADERS
_RESPONSES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/auth/sign-up"): {
        "201": _response("The account, if email verification is off.", application_json=_schema_ref("DataResponse_SignUpResponse_")),
        "202": _response("An email is on its way, whether or not the address is registered.", application_json=_schema_ref("DataResponse_AcceptedResponse_")),
    },
    **{("POST", path): _SIGN_IN_RESPONSES for path in ("/auth/login", "/auth/2fa/verify", "/auth/verify-email")},
    ("POST", "/auth/accept-invitation"): _SIGN_IN_RESPONSES,
    ("POST", "/auth/logout"): {"204": {"description": "The session was revoked and its cookie cleared.", "headers": _SET_COOKIE_HEADERS}},
    ("POST", "/auth/logout-all"): {"204": {"description": "All sessions were revoked.", "headers": _SET_COOKIE_HEADERS}},
    ("GET", "/auth/oauth/{provider}/start"): {
        "302": {"description": "Redirect to the provider. The cookie binds the callback to this browser.", "headers": _REDIRECT_HEADERS},
    },
    ("GET", "/auth/oauth/{provider}/callback"): {
        "302": {"description": "Redirect to the requested path, with a session cookie.", "headers": _REDIRECT_HEADERS},
    },
    ("POST", "/auth/identities/{provider}/link"): {
        "200": {
            "description": "The authorization URL. Send the browser there; if a cookie is set, the callback needs it.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Data_LinkStarted_"}}},
            "headers": _SET_COOKIE_HEADERS,
        },
    },
    ("GET", "/audit/export"): {
        "200": {
            "description": "One audit entry per line, as in GET /audit. Link names the next page if there is one.",
            "content": {"application/x-ndjson": {"schema": _STRING}},
            "headers": {
                "Content-Disposition": {"required": True, "schema": _STRING},
                "Link": {"description": '`<…>; rel="next"` (RFC 8288), relative to this address.', "schema": _STRING},
            },
        },
    },
    ("GET", "/files/{fileId}/content"): {
        "302": _response("Redirect to a presigned URL that is valid for at most five minutes, or to the permanent URL of a public variant."),
        "202": _response(
            "The variant is being rendered. Try again after Retry-After seconds.",
            application_json=_schema_ref("DataResponse_ProcessingStatus_"),
        ),
    },
    ("DELETE", "/files/{fileId}"): {
        "200": _response("The file was moved to the trash.", application_json=_schema_ref("DataResponse_FileView_")),
        "202": _response("A job deletes the file permanently.", application_json=_schema_ref("DataResponse_JobAccepted_")),
    },
    ("DELETE", "/projects/{projectId}"): {
        "200": _response("The deleted project.", application_json=_schema_ref("Data_ProjectView_")),
        "202": _response("The job that deletes the project permanently.", application_json=_schema_ref("DataResponse_JobAccepted_")),
    },
    ("POST", "/projects/{projectId}/sync-variants"): {
        "200": _response("The estimate of a dry run.", application_json=_schema_ref("DataResponse_SyncEstimate_")),
        "202": _response("The job.", application_json=_schema_ref("DataResponse_JobAccepted_")),
    },
    ("GET", "/health/ready"): {
        "200": _response("All dependencies are reachable.", application_json=_schema_ref("Data_Readiness_")),
        "503": _response("A dependency is not reachable; see `checks`.", application_json=_schema_ref("Data_Readiness_")),
    },
    ("GET", "/openapi.json"): {"200": _response("This document.", application_json={"type": "object"})},
    ("GET", "/docs"): {"200": _response("The page.", text_html=_STRING)},
    ("GET", "/docs/{asset}"): {"200": _response("The asset.", text_css=_STRING, text_javascript=_STRING)},
}
_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "An error (RFC 9457). `code` is stable and for programs, `detail` is for people.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "message", "requestId"],
    "properties": {
        **dict.fromkeys(("type", "title", "detail", "instance", "code", "message", "requestId"), _STRING),
        "status": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {"pointer": _STRING, "code": _STRING, "detail": _STRING},
            },
        },
    },
}

if __name__ == "__main__":
    text = render()
    OPENAPI_PATH.write_text(text)
    api_page.API_PAGE_PATH.write_text(api_page.render_page(json.loads(text)))
    sys.stdout.write(f"Written to {OPENAPI_PATH.relative_to(Path.cwd())} and {api_page.API_PAGE_PATH.relative_to(Path.cwd())}\n")
