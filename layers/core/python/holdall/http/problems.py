"""Error responses (RFC 9457), with a stable code. No other module knows the HTTP status of an error."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from holdall.idempotency.model import AlreadyProcessed
from holdall.platform import observability
from holdall.platform.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    HoldallError,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    ServiceUnavailable,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationFailed,
)
from holdall.rate_limits.model import TooManyRequests

CONTENT_TYPE = "application/problem+json"
STATUSES: dict[type[HoldallError], HTTPStatus] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    PayloadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ValidationFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    ServiceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_CODES = {  # the error types of pydantic that have another name in the API
    "extra_forbidden": "unknown_field",
    "missing": "required",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_many",
}


def status_of(error: HoldallError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def from_error(error: HoldallError) -> Response[str]:
    """Return the response to an error."""
    status = status_of(error)
    headers: dict[str, str | list[str]] = {}
    if isinstance(error, ServiceUnavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests):
        headers |= {"Retry-After": str(error.rate_limit.resets_in), **error.rate_limit.headers}
    extensions: dict[str, Any] = {}
    if isinstance(error, AlreadyProcessed):
        extensions["id"] = error.resource_id
    if isinstance(error, ValidationFailed) and error.pointer is not None:
        extensions["errors"] = [{"pointer": error.pointer, "code": error.code, "detail": error.detail}]
    return problem(status, error.code, error.detail, headers=headers, **extensions)


def from_validation(error: RequestValidationError) -> Response[str]:
    """Return the response to an invalid request, with a JSON pointer (RFC 6901) for each error."""
    errors = [
        {
            "pointer": _pointer(each["loc"]),
            "code": _CODES.get(each["type"], each["type"]),
            "detail": str(each["msg"]).removeprefix("Value error, "),
        }
        for each in error.errors()
    ]
    pointers = ", ".join(dict.fromkeys(each["pointer"] or "body" for each in errors))
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"Not valid: {pointers}.", errors=errors)


def method_not_allowed(allowed: Iterable[str]) -> Response[str]:
    """Return the response to a method that the path does not support (RFC 9110, section 15.5.6)."""
    names = ", ".join(sorted(allowed))
    detail = f"Allowed methods: {names}."
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, headers={"Allow": names})


def internal_error() -> Response[str]:
    """Return the response to an unexpected error. The client learns only the request ID."""
    detail = "An internal error occurred. Report the request ID to the operator."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail)


def problem(
    status: HTTPStatus, code: str, detail: str, *, headers: dict[str, str | list[str]] | None = None, **extensions: Any
) -> Response[str]:
    """Return an error response."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "instance": f"urn:holdall:request:{observability.request_id()}",
        "code": code,
        "message": detail,
        "requestId": observability.request_id(),
        **extensions,
    }
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(status_code=int(status), content_type=CONTENT_TYPE, body=text, headers=headers or {})


def _pointer(location: tuple[str | int, ...]) -> str:
    """Return a JSON pointer (RFC 6901) into the body, or a path outside it that begins with its location: `query/limit`."""
    kind, *path = location
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in path]
    return "".join(f"/{part}" for part in parts) if kind == "body" else "/".join([str(kind), *parts])
