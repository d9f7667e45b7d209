"""`python -m infra.build.openapi`: write docs/openapi.json and docs/api.md from the routes of all functions."""

import importlib
import json
import os
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
    "this API issues the URLs and manages everything else. It also takes small files itself."
)
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-session"},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}
_STRING = {"type": "string"}
_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "An error (RFC 9457). `code` is stable and for programs, `detail` is for people.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "message", "requestId"],
    "properties": {
        **dict.fromkeys(("type", "title", "detail", "instance", "code", "message", "requestId"), _STRING),
        "status": {"type": "integer"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
    },
}
_FIELD_ERROR_SCHEMA = {
    "title": "FieldError",
    "description": "An invalid part of the request. `pointer` is a JSON pointer (RFC 6901) into the body, or `query/limit`.",
    "type": "object",
    "required": ["pointer", "code", "detail"],
    "properties": {"pointer": _STRING, "code": _STRING, "detail": _STRING},
}
_ERROR_RESPONSE = {
    "description": "An error (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_FILE_SCHEMA = {"type": "string", "format": "binary"}
_FILE_FORM_SCHEMA = {
    "title": "FileForm",
    "description": "A form with a file.",
    "type": "object",
    "required": ["file"],
    "properties": {"file": _FILE_SCHEMA},
    "additionalProperties": False,
}
_FILE_BODY = {
    "description": "The bytes of the file, with its own content type, or a form that contains it.",
    "required": True,
    "content": {
        "application/octet-stream": {"schema": _FILE_SCHEMA},
        "multipart/form-data": {"schema": {"$ref": "#/components/schemas/FileForm"}},
    },
}


def render() -> str:
    """Return the text of the document. It depends on the code alone."""
    return json.dumps(build_document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def build_document() -> dict[str, Any]:
    """Return the document: what Powertools reads from the routes, and what their guards add."""
    _set_placeholder_environment()
    http_app = importlib.import_module("holdall.http.app").HttpApp
    handlers = [importlib.import_module(f"functions.{each.name}.handler") for each in FUNCTIONS if each.path_prefixes]
    apps = [value for handler in handlers for value in vars(handler).values() if isinstance(value, http_app)]
    base_path = importlib.import_module("holdall.http.app").BASE_PATH
    routers = [router for each in apps for router in each.routers if router.base_path == base_path]
    app = http_app("all", *routers)
    document: dict[str, Any] = json.loads(
        app.app.get_openapi_json_schema(
            title="Holdall", version="1", openapi_version="3.1.0", description=_DESCRIPTION, servers=None
        )
    )
    document.pop("servers", None)
    document = _tidy_schemas(document)
    for route in app.list_routes():
        operation = document["paths"][route.openapi_path][route.method.lower()]
        _complete_operation(operation, route, app.guards[route.func])
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):  # of Powertools
        schemas.pop(name, None)
    schemas |= {"Problem": _PROBLEM_SCHEMA, "FieldError": _FIELD_ERROR_SCHEMA, "FileForm": _FILE_FORM_SCHEMA}
    document["components"]["securitySchemes"] = _SECURITY_SCHEMES
    return document


def _tidy_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """Give generic schemas the names of `holdall.http.responses`: UserPage, where pydantic says PageResponse_User_.

    Titles of properties only repeat their names, so they go. A response contains all properties, with or without a default.
    """
    schemas = document["components"]["schemas"]
    titles = {name: schema["title"] for name, schema in schemas.items() if name.endswith("_")}
    document["components"]["schemas"] = {titles.get(name, name): schema for name, schema in schemas.items()}
    for schema in schemas.values():
        properties = schema.get("properties", {})
        for each in properties.values():
            each.pop("title", None)
        if properties and schema.get("additionalProperties") is not False:  # requests reject unknown fields
            schema["required"] = sorted(properties)
    text = json.dumps(document)
    for name, title in titles.items():
        text = text.replace(f'schemas/{name}"', f'schemas/{title}"')
    tidy: dict[str, Any] = json.loads(text)
    return tidy


def _tidy_parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """Remove what the parameter itself says, and null, because an optional parameter is left out."""
    schema = {key: value for key, value in parameter["schema"].items() if key not in ("title", "description", "anyOf")}
    for each in parameter["schema"].get("anyOf", []):
        schema |= each if each != {"type": "null"} else {}
    return parameter | {"schema": schema}


def _complete_operation(operation: dict[str, Any], route: Any, guard: Any) -> None:
    operation["tags"] = [route.func.__module__.rpartition(".")[2].replace("_", "-")]
    parameters = [*_guard_parameters(operation, route, guard), *map(_tidy_parameter, operation.get("parameters", []))]
    if parameters:
        operation["parameters"] = parameters
    responses = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        if status in ("204", "302") or not response["content"]:
            response.pop("content")
        for content in response.get("content", {}).values():
            content["schema"].pop("title", None)  # "Return", the name of the parameter in Powertools
    responses["default"] = _ERROR_RESPONSE
    if guard.file_body:
        operation["requestBody"] = _FILE_BODY
    operation |= _authorization(route, guard)


def _guard_parameters(operation: dict[str, Any], route: Any, guard: Any) -> list[dict[str, Any]]:
    """Return the parameters that only the guard reads."""
    documented = {each["name"] for each in operation.get("parameters", [])}
    schema = {"type": "string", "maxLength": 64}
    in_path = [name for name in guard.project_from if f"{{{name}}}" in route.openapi_path and name not in documented]
    in_query = sorted(guard.query_parameters(route.method, route.openapi_path) - documented)
    description = "The project. Without it, the caller's personal project, or the project of the API key."
    return [
        *({"name": name, "in": "path", "required": True, "schema": schema} for name in in_path),
        *(
            {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
            for name in in_query
        ),
    ]


def _authorization(route: Any, guard: Any) -> dict[str, Any]:
    """Return the security requirements of a route, and the extensions that name its permissions."""
    if guard.access.value == "public":
        return {"security": []}
    # A request with the cookie needs a CSRF token too, if it changes something.
    cookie: dict[str, list[str]] = {"cookie": []} if route.method == "GET" else {"cookie": [], "csrf": []}
    key: list[dict[str, list[str]]] = [{"key": []}] if guard.accepts_api_keys else []
    result: dict[str, Any] = {"security": [{"bearer": []}, cookie, *key]}
    if guard.access.value == "recent_session":
        result["x-recent-session"] = True
    if guard.permission:
        result["x-permission"] = guard.permission
    if guard.extra:
        result["x-permission-when"] = guard.extra
    return result


def _set_placeholder_environment() -> None:
    """Set the variables that handlers read when they are imported. Their values belong to no stage."""
    if str(_CORE_LAYER) not in sys.path:
        sys.path.insert(0, str(_CORE_LAYER))
    numbers = {
        "argon2_memory_kib",
        "argon2_time_cost",
        "max_bytes",
        "max_files",
        "max_file_bytes",
        "max_bytes_per_project",
        "max_files_per_project",
        "max_open_bytes_per_user",
        "max_open_bytes_per_project",
    }
    words = {"sign_up": "open", "email_verification": "off", "developer_tokens": "off", "virtual_clock": "off", "rate_limits": "{}"}
    words |= {"oauth_providers": "[]", "schedules": "{}", "edge_store": "", "aws_region": "us-east-1"}
    os.environ.setdefault("AWS_DEFAULT_REGION", words["aws_region"])  # for the client of DynamoDB
    settings = importlib.import_module("holdall.platform.config").Settings
    for field in fields(settings):
        placeholder = "1" if field.name in numbers else words.get(field.name, f"placeholder-{field.name}")
        os.environ.setdefault(field.name.upper(), placeholder)


if __name__ == "__main__":
    text = render()
    OPENAPI_PATH.write_text(text)
    api_page.API_PAGE_PATH.write_text(api_page.render_page(json.loads(text)))
    sys.stdout.write(f"Wrote {OPENAPI_PATH.name} and {api_page.API_PAGE_PATH.name} to {OPENAPI_PATH.parent.name}/\n")
