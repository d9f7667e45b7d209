"""Errors on the wire: RFC 9457, with a stable code. The one table from kinds of failure to statuses stands here."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from holdall.platform import observability
from holdall.platform.errors import (
    AlreadyProcessed,
    BadRequest,
    Conflict,
    Forbidden,
    HoldallError,
    NotFound,
    PayloadTooLarge,
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
    AlreadyProcessed: HTTPStatus.CONFLICT,
    PayloadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ValidationFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    ServiceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_CODES = {  # pydantic's names for what is wrong, in ours; the rest keep theirs
    "extra_forbidden": "unknown_field",
    "missing": "required",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_many",
}


def from_error(error: HoldallError) -> Response[str]:
    """The answer to a failure of a kind in the table."""
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    headers: dict[str, str | list[str]] = {}
    if isinstance(error, ServiceUnavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests):
        headers |= {"Retry-After": str(error.rate_limit.resets_in), **error.rate_limit.headers}
    more: dict[str, Any] = {}
    if isinstance(error, AlreadyProcessed):
        more["id"] = error.resource_id
    if isinstance(error, ValidationFailed) and error.pointer is not None:
        more["errors"] = [{"pointer": error.pointer, "code": error.code, "detail": error.detail}]
    return problem(status, error.code, error.detail, headers=headers, **more)


def from_validation(error: RequestValidationError) -> Response[str]:
    """The answer to a request that does not fit its schema: each place, and what is wrong there."""
    errors = [
        {
            "pointer": _pointer(each["loc"]),
            "code": _CODES.get(each["type"], each["type"]),
            "detail": str(each["msg"]).removeprefix("Value error, "),
        }
        for each in error.errors()
    ]
    places = ", ".join(dict.fromkeys(each["pointer"] or "body" for each in errors))
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"Not valid: {places}.", errors=errors)


def method_not_allowed(allowed: Iterable[str]) -> Response[str]:
    """The answer to a method that this path does not have (RFC 9110, section 15.5.6)."""
    names = ", ".join(sorted(allowed))
    detail = f"Allowed methods: {names}."
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, headers={"Allow": names})


def internal_error() -> Response[str]:
    """The answer to a failure of ours: nothing but the request id goes out."""
    detail = "An internal error occurred. Report the request ID to the operator."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail)


def problem(
    status: HTTPStatus, code: str, detail: str, *, headers: dict[str, str | list[str]] | None = None, **extensions: Any
) -> Response[str]:
    """The one shape of an error."""
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
    """The place as a JSON pointer (RFC 6901) in the body; one outside of it begins with its room, as "query/limit"."""
    room, *path = location
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in path]
    return "".join(f"/{part}" for part in parts) if room == "body" else "/".join([str(room), *parts])
