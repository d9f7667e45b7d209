"""`python -m infra.build.openapi`: the OpenAPI document of all functions, made from their code, into docs/."""

import importlib
import json
import os
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from infra.build import routes
from infra.catalog import FUNCTIONS

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
_LAYER = Path(__file__).parents[2] / "layers" / "core" / "python"
_ABOUT = (
    "A file and media cloud of your own. Bytes go straight to S3 by presigned URLs; "
    "this API says where, and keeps the rest."
)


def render() -> str:
    """The document as text, the same for the same code."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    """The document: what Powertools reads off the routes, and what only Holdall knows of them."""
    _stand_in()
    api_module = importlib.import_module("holdall.http.api")
    admission = importlib.import_module("holdall.http.admission")
    handlers = [importlib.import_module(f"functions.{each.name}.handler") for each in FUNCTIONS if each.prefixes]
    apis = [found for handler in handlers for found in vars(handler).values() if isinstance(found, api_module.Api)]
    whole = api_module.Api("all", *(router for api in apis for router in api.routers))
    made: dict[str, Any] = json.loads(
        whole.app.get_openapi_json_schema(
            title="Holdall", version="1", openapi_version="3.1.0", description=_ABOUT, servers=None
        )
    )
    made.pop("servers", None)
    for route in whole.routes():
        operation = made["paths"][route.openapi_path][route.method.lower()]
        _complete(operation, route, admission.door_of(route.func))
    made["components"].setdefault("schemas", {}).pop("HTTPValidationError", None)
    made["components"]["schemas"].pop("ValidationError", None)
    made["components"]["schemas"].pop("ResponseValidationError", None)
    made["components"]["schemas"]["Problem"] = _PROBLEM
    made["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-session"},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
        "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    }
    return made


def _complete(operation: dict[str, Any], route: Any, door: Any) -> None:
    """What a client has to bring, and how every route says no."""
    function = route.func.__module__.split(".")
    operation["tags"] = [function[-1]]
    operation["operationId"] = f"{function[-1]}-{route.func.__name__.replace('_', '-')}"
    operation["responses"].pop("422", None)
    operation["responses"].pop(422, None)
    operation["responses"]["default"] = {
        "description": "What went wrong (RFC 9457).",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    said = _RESPONSES.get((route.method, re.sub(r"^/api/v1", "", route.openapi_path)))
    if said:
        operation["responses"] = {"default": operation["responses"]["default"], **said}
    operation["responses"].get("204", {}).pop("content", None)
    if door.kind == "anyone":
        operation["security"] = []
        return
    # With the cookie, a change wants the session's CSRF token too, and an Origin of ours.
    by_cookie: dict[str, list[str]] = {"cookie": []} if route.method == "GET" else {"cookie": [], "csrf": []}
    operation["security"] = [{"bearer": []}, by_cookie]
    if door.takes_keys:
        operation["security"].append({"key": []})
    if door.kind == "fresh":
        operation["x-fresh-session"] = True
    if door.permission:
        operation["x-permission"] = door.permission
    if door.when:
        operation["x-permission-when"] = door.when


def _stand_in() -> None:
    """Settings of no stage, so that handlers can be imported at the desk."""
    if str(_LAYER) not in sys.path:
        sys.path.insert(0, str(_LAYER))
    numbers = {"password_memory", "password_passes", "upload_expiry", "max_bytes", "max_files", "max_file_bytes"}
    words = {"sign_up": "open", "email_verification": "off", "developer_tokens": "off", "limits": "{}"}
    words |= {"oauth_providers": "[]", "aws_region": "us-east-1"}
    settings = importlib.import_module("holdall.config").Settings
    for field in fields(settings):
        stand_in = "1" if field.name in numbers else words.get(field.name, f"stand-in-{field.name}")
        os.environ.setdefault(field.name.upper(), stand_in)


_TEXT = {"type": "string"}


def _response(description: str, **schemas: dict[str, Any]) -> dict[str, Any]:
    """A response with its contents; `text_html` is the media type text/html."""
    content = {media_type.replace("_", "/"): {"schema": schema} for media_type, schema in schemas.items()}
    return {"description": description, **({"content": content} if content else {})}


def _model(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_COOKIE = {"Set-Cookie": {"description": "`__Host-session`, where there is one to set or to end.", "schema": _TEXT}}
_AWAY = {**_COOKIE, "Location": {"required": True, "schema": _TEXT}}


# What the types of a route cannot say: which content goes with which status, and what is no JSON of ours.
_ENTERED = {
    "200": _response(
        "Signed in: by tokens, or by the cookie of Set-Cookie; or a second factor is asked for.",
        application_json={
            "anyOf": [_model(f"Data_{each}_") for each in ("SignedIn", "SignedInByCookie", "MfaRequired")]
        },
    )
}
_ENTERED["200"]["headers"] = _COOKIE
_RESPONSES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/auth/sign-up"): {
        "201": _response("The account, where addresses are not verified.", application_json=_model("Data_SignedUp_")),
        "202": _response("A letter is on its way, known address or not.", application_json=_model("Data_Pending_")),
    },
    **{("POST", path): _ENTERED for path in ("/auth/login", "/auth/2fa/verify", "/auth/verify-email")},
    ("POST", "/auth/accept-invitation"): _ENTERED,
    ("POST", "/auth/logout"): {"204": {"description": "The session has ended, and its cookie.", "headers": _COOKIE}},
    ("POST", "/auth/logout-all"): {"204": {"description": "All sessions have ended.", "headers": _COOKIE}},
    ("GET", "/auth/oauth/{provider}/start"): {
        "302": {"description": "To the provider; the cookie binds the way back to this browser.", "headers": _AWAY},
    },
    ("GET", "/auth/oauth/{provider}/callback"): {
        "302": {"description": "To the path that was asked for, signed in by the cookie.", "headers": _AWAY},
    },
    ("POST", "/auth/identities/{provider}/link"): {
        "200": {
            "description": "Where to send the browser; it needs the cookie, if one is set, on its way back.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Data_LinkStarted_"}}},
            "headers": _COOKIE,
        },
    },
    ("GET", "/audit/export"): {
        "200": {
            "description": "A row on each line, as GET /audit shows it. Where more follow, Link says where.",
            "content": {"application/x-ndjson": {"schema": _TEXT}},
            "headers": {
                "Content-Disposition": {"required": True, "schema": _TEXT},
                "Link": {"description": '`<…>; rel="next"` (RFC 8288), relative to this address.', "schema": _TEXT},
            },
        },
    },
    ("GET", "/files/{fileId}/content"): {
        "302": _response("Where the bytes are, for five minutes at the most; a public variant: its permanent URL."),
        "202": _response(
            "The variant is being drawn: ask again after the seconds of Retry-After.",
            application_json=_model("Data_Waiting_"),
        ),
    },
    ("DELETE", "/files/{fileId}"): {
        "200": _response("The file, in the trash.", application_json=_model("Data_FileView_")),
        "202": _response("The job that removes the file for good.", application_json=_model("Data_Started_")),
    },
    ("DELETE", "/projects/{projectId}"): {
        "200": _response("The project, deleted.", application_json=_model("Data_ProjectView_")),
        "202": _response("The job that removes all of it for good.", application_json=_model("Data_Started_")),
    },
    ("POST", "/projects/{projectId}/sync-variants"): {
        "200": _response("What there is to do, for a dry run.", application_json=_model("Data_Forecast_")),
        "202": _response("The job that does it.", application_json=_model("Data_Started_")),
    },
    ("GET", "/health/ready"): {
        "200": _response("All stores can be reached.", application_json=_model("Data_Readiness_")),
        "503": _response("A store is down; the checks tell which.", application_json=_model("Data_Readiness_")),
    },
    ("GET", "/openapi.json"): {"200": _response("This document.", application_json={"type": "object"})},
    ("GET", "/docs"): {"200": _response("The page.", text_html=_TEXT)},
    ("GET", "/docs/{asset}"): {"200": _response("The asset.", text_css=_TEXT, text_javascript=_TEXT)},
}
_PROBLEM = {
    "title": "Problem",
    "description": "An error (RFC 9457). `code` is stable and for programs, `detail` is for people.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "message", "requestId"],
    "properties": {
        **dict.fromkeys(("type", "title", "detail", "instance", "code", "message", "requestId"), _TEXT),
        "status": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {"pointer": _TEXT, "code": _TEXT, "detail": _TEXT},
            },
        },
    },
}

if __name__ == "__main__":
    text = render()
    DOCUMENT.write_text(text)
    routes.PAGE.write_text(routes.page(json.loads(text)))
    sys.stdout.write(f"Written to {DOCUMENT.relative_to(Path.cwd())} and {routes.PAGE.relative_to(Path.cwd())}\n")
