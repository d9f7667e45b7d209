"""One Lambda behind the HTTP API: routers in, the house's manners around them."""

import json
import re
import time
from functools import partial
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.middlewares.openapi_validation import (
    OpenAPIRequestValidationMiddleware,
    OpenAPIResponseValidationMiddleware,
)
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from holdall.http import auth, body, problems
from holdall.platform import ids, observability
from holdall.platform.config import settings
from holdall.platform.errors import HoldallError, NotFound, ValidationFailed

BASE_PATH = "/api/v1"
_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_validate_request = OpenAPIRequestValidationMiddleware()  # type: ignore[no-untyped-call]
# An answer that does not fit its own schema is a mistake of ours, a 500, and never a 422.
_validate_response = OpenAPIResponseValidationMiddleware(has_response_validation_error=True)
_EXPOSED_HEADERS = "etag, link, location, ratelimit, ratelimit-policy, retry-after, x-request-id"


class Router(APIGatewayHttpRouter):
    """The routes of one file of a function."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Powertools gives it no types


class HttpApp:
    """The handler of a function with routes.

        handler = Api("projects", projects.router)

    A request is named and logged, then measured, admitted, read and validated, in this order, before its route sees it.
    """

    def __init__(self, module: str, *routers: APIGatewayHttpRouter) -> None:
        self._module = module
        self.routers = routers
        self.app = APIGatewayHttpResolver(
            serializer=partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
            json_body_deserializer=body.parse,
        )
        # Validation is listed here and not switched on in the resolver, which would put it before the admission.
        self.app.use(middlewares=[_authorize, _validate_request, _validate_response])
        self.app.exception_handler(HoldallError)(problems.from_error)
        self.app.exception_handler(RequestValidationError)(problems.from_validation)
        self.app.not_found(self._not_found)
        for router in routers:
            self.app.include_router(router, prefix=BASE_PATH)

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one request; nothing that goes wrong leaves without our error shape."""
        started = time.perf_counter()
        headers = event.get("headers") or {}
        observability.start_context(_request_id(headers))
        try:
            answer = self.app.resolve(event, context)
        except Exception:  # noqa: BLE001  # the last line of defence: the trace goes to the log, the request id to the client
            observability.logger.exception("unhandled_error")
            observability.count_metric("UnhandledError")
            answer = _to_gateway_response(problems.internal_error())
        answer["headers"] = {**_SECURITY_HEADERS, **_cors_headers(headers), **_lowercase(answer.get("headers") or {})}
        answer["headers"]["x-request-id"] = observability.request_id()
        answer["body"] = answer.get("body") or ""  # an answer without content (204, 302) has no body, and not "null"
        template = self._route_template(event)
        method = event["requestContext"]["http"]["method"]
        observability.log_request(
            self._module, method, template, int(answer["statusCode"]), time.perf_counter() - started
        )
        return answer

    def _not_found(self, _: NotFoundError) -> Response[str]:
        path = self.app.current_event.path
        methods = {route.method for route in self.routes() if route.rule.match(path)}
        return problems.method_not_allowed(methods) if methods else problems.from_error(NotFound())

    def _route_template(self, event: dict[str, Any]) -> str:
        method, path = event["requestContext"]["http"]["method"], event.get("rawPath", "")
        for route in self.routes():
            if route.method == method and route.rule.match(path):
                return str(route.openapi_path)
        return "-"  # never the path itself: it may hold a token

    def routes(self) -> list[Any]:
        """All routes, in the order in which they are tried. Powertools has no public list of them."""
        return [*self.app._static_routes, *self.app._dynamic_routes]  # noqa: SLF001


def _authorize(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    event, route = app.current_event, app.context["_route"]
    body.check_size(event)
    doors = auth.guard_of(route.func)
    if doors is None:  # the handler of unknown paths; that every route has a door is a test of the house
        return next_middleware(app)
    doors.authorize(event, app.context)
    if route.dependant.body_params:
        body.check_json_object(event)
    known = {field.alias for field in route.dependant.query_params} | doors.query_parameters
    for name in event.query_string_parameters:
        if name not in known and not doors.allow_unknown_query:
            raise ValidationFailed("Unknown query parameter.", code="unknown_parameter", pointer=f"query/{name[:100]}")
    response = next_middleware(app)
    if "rate_limit" in app.context:
        response.headers.update(app.context["rate_limit"].headers)
    return response


def _request_id(headers: dict[str, str]) -> str:
    given = headers.get("x-request-id") or ""
    return given if _VALID_REQUEST_ID.fullmatch(given) else ids.new_id()


def _cors_headers(headers: dict[str, str]) -> dict[str, str]:
    """The answer to a browser of another origin: only an origin of the list, exactly, may read it."""
    origin = headers.get("origin") or ""
    allowed = {"vary": "origin"}
    if origin in settings().allowed_origins.split(","):
        allowed |= {
            "access-control-allow-origin": origin,
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": _EXPOSED_HEADERS,
        }
    return allowed


def _lowercase(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _to_gateway_response(response: Response[str]) -> dict[str, Any]:
    headers = {"content-type": response.content_type or "", **response.headers}
    return {"statusCode": response.status_code, "headers": headers, "body": response.body, "isBase64Encoded": False}
