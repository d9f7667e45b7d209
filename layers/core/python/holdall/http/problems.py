"""Errors on the wire: RFC 9457, with a stable code. The one table from kinds of failure to statuses stands here."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from holdall import observe
from holdall.errors import (
    AlreadyDone,
    Conflict,
    Failure,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedType,
)
from holdall.limits.model import TooMany

CONTENT_TYPE = "application/problem+json"
STATUSES: dict[type[Failure], HTTPStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    AlreadyDone: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_WORDS = {  # pydantic's names for what is wrong, in ours; the rest keep theirs
    "extra_forbidden": "unknown_field",
    "missing": "required",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_many",
}


def of_failure(failure: Failure) -> Response[str]:
    """The answer to a failure of a kind in the table."""
    status = next(STATUSES[kind] for kind in type(failure).__mro__ if kind in STATUSES)
    headers: dict[str, str | list[str]] = {}
    if isinstance(failure, Unavailable):
        headers["Retry-After"] = str(failure.retry_after)
    if isinstance(failure, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(failure, TooMany):
        headers |= {"Retry-After": str(failure.allowance.resets_in), **failure.allowance.headers}
    more: dict[str, Any] = {}
    if isinstance(failure, AlreadyDone):
        more["id"] = failure.thing_id
    if isinstance(failure, Invalid) and failure.pointer is not None:
        more["errors"] = [{"pointer": failure.pointer, "code": failure.code, "detail": failure.detail}]
    return problem(status, failure.code, failure.detail, headers=headers, **more)


def of_validation(error: RequestValidationError) -> Response[str]:
    """The answer to a request that does not fit its schema: each place, and what is wrong there."""
    errors = [
        {
            "pointer": _pointer(each["loc"]),
            "code": _WORDS.get(each["type"], each["type"]),
            "detail": str(each["msg"]).removeprefix("Value error, "),
        }
        for each in error.errors()
    ]
    places = ", ".join(dict.fromkeys(each["pointer"] or "the body" for each in errors))
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"Not valid: {places}.", errors=errors)


def of_method(allowed: Iterable[str]) -> Response[str]:
    """The answer to a method that this path does not have (RFC 9110, section 15.5.6)."""
    names = ", ".join(sorted(allowed))
    detail = f"This path takes {names}."
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, headers={"Allow": names})


def of_mistake() -> Response[str]:
    """The answer to a failure of ours: nothing but the request id goes out."""
    detail = "Something went wrong on our side. Tell the operator the request id."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail)


def problem(
    status: HTTPStatus, code: str, detail: str, *, headers: dict[str, str | list[str]] | None = None, **more: Any
) -> Response[str]:
    """The one shape of an error."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "instance": f"urn:holdall:request:{observe.request_id()}",
        "code": code,
        "message": detail,
        "requestId": observe.request_id(),
        **more,
    }
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(status_code=int(status), content_type=CONTENT_TYPE, body=text, headers=headers or {})


def _pointer(place: tuple[str | int, ...]) -> str:
    """The place as a JSON pointer (RFC 6901) in the body; one outside of it begins with its room, as "query/limit"."""
    room, *path = place
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in path]
    return "".join(f"/{part}" for part in parts) if room == "body" else "/".join([str(room), *parts])
