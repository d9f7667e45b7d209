"""The routes of a module, and the handler of a function."""

import json
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.middlewares import openapi_validation as validation
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic.alias_generators import to_camel

from holdall.http import body, file_body, problems
from holdall.http.auth import CONTEXT, Guard
from holdall.platform import ids, observability
from holdall.platform.config import settings
from holdall.platform.errors import HoldallError, NotFound, ValidationFailed
from holdall.platform.table import open_client

BASE_PATH = "/api/v1"
_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_EXPOSED_HEADERS = "etag, link, location, ratelimit, ratelimit-policy, retry-after, x-request-id"

Route = Callable[..., Any]
ErrorPage = Callable[[dict[str, Any], dict[str, Any]], Response[str] | None]
F = TypeVar("F", bound=Route)


class UnknownParameter(ValidationFailed):
    """The query contains a parameter that the route does not have."""

    code, detail = "unknown_parameter", "Unknown query parameter."


class Router:
    """The routes of a module. A route without a guard fails in mypy and at import."""

    def __init__(self, base_path: str = BASE_PATH) -> None:
        self.base_path = base_path
        self.routes = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]  # Powertools has no types here
        self.guards: dict[Route, Guard] = {}

    def get(self, path: str, *, guard: Guard, **options: Any) -> Callable[[F], F]:
        return self._add("GET", path, guard, options)

    def post(self, path: str, *, guard: Guard, **options: Any) -> Callable[[F], F]:
        return self._add("POST", path, guard, options)

    def patch(self, path: str, *, guard: Guard, put_alias: bool = False, **options: Any) -> Callable[[F], F]:
        """Add a route. With `put_alias`, PUT does the same, because the contract of version 1 names it."""

        def register(function: F) -> F:
            if put_alias:
                alias = {"operation_id": to_camel(f"{function.__name__}_by_put"), "deprecated": True}
                self._add("PUT", path, guard, options | alias)(function)
            return self._add("PATCH", path, guard, options)(function)

        return register

    def delete(self, path: str, *, guard: Guard, **options: Any) -> Callable[[F], F]:
        return self._add("DELETE", path, guard, options)

    def _add(self, method: str, path: str, guard: Guard, options: dict[str, Any]) -> Callable[[F], F]:
        def register(function: F) -> F:
            self.guards[function] = guard
            operation_id = to_camel(function.__name__)
            return self.routes.route(path, method, **({"operation_id": operation_id} | options))(function)

        return register


class HttpApp:
    """The handler of a function with routes.

        handler = HttpApp("projects", projects.router)

    A request is logged, authorized, and validated, in this order, before its route is called. Where people see pages,
    `error_page` makes a page of the event and its problem; for other requests it returns None.
    """

    def __init__(self, module: str, *routers: Router, error_page: ErrorPage | None = None) -> None:
        self._module = module
        self._error_page = error_page
        self.routers = routers
        self.guards = {function: guard for router in routers for function, guard in router.guards.items()}
        self.app = APIGatewayHttpResolver(
            serializer=partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
            json_body_deserializer=body.parse,
        )
        # With `enable_validation`, a client without credentials would get a 422 that describes the schema.
        validate_request = validation.OpenAPIRequestValidationMiddleware()  # type: ignore[no-untyped-call]
        # A response that does not match its schema is a defect of Holdall: a 500 instead of a 422.
        validate_response = validation.OpenAPIResponseValidationMiddleware(has_response_validation_error=True)
        self.app.use(middlewares=[self._authorize, validate_request, validate_response])
        self.app.exception_handler(HoldallError)(problems.from_error)
        self.app.exception_handler(RequestValidationError)(problems.from_validation)
        for router in routers:
            self.app.include_router(router.routes, prefix=router.base_path)
        open_client()

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Return the response to a request. Every error has the format of `problems`."""
        started_at = time.perf_counter()
        headers = event.get("headers") or {}
        observability.start_context(_request_id(headers))
        try:
            response = self.app.resolve(event, context)
        except Exception:  # noqa: BLE001  # the log gets the stack trace, the client gets only the request ID
            observability.logger.exception("unhandled_error")
            observability.count_metric("UnhandledError")
            response = _to_gateway_response(problems.internal_error())
        own_headers: dict[str, Any] = _lowercase(response["headers"] or {})
        is_problem = own_headers.get("content-type") == problems.CONTENT_TYPE
        page = self._error_page(event, json.loads(response["body"])) if self._error_page and is_problem else None
        if page:
            response |= {"statusCode": page.status_code, "body": page.body}
            del own_headers["content-type"]  # a redirect has none
            own_headers |= {name.lower(): value for name, value in page.headers.items()}
        response["headers"] = {**_SECURITY_HEADERS, **_cors_headers(headers), **own_headers}
        response["headers"]["x-request-id"] = observability.request_id()
        response["body"] = response.get("body") or ""  # Powertools makes "null" of the body of a 204 or 302
        method, status = event["requestContext"]["http"]["method"], int(response["statusCode"])
        duration = time.perf_counter() - started_at
        observability.log_request(self._module, method, self._route_template(event), status, duration)
        return response

    def list_routes(self) -> list[Any]:
        """Return the routes of Powertools in the order in which it tries them. It has no public list of them."""
        return [*self.app._static_routes, *self.app._dynamic_routes]  # noqa: SLF001

    def _authorize(self, app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
        event, route = app.current_event, app.context["_route"]
        guard = self.guards.get(route.func)
        if guard is None:  # Powertools calls the middlewares for an unknown path too
            return self._not_found(event.path)
        content = file_body.read(event) if guard.file_body else body.read(event, guard.max_body_bytes)
        context = guard.authorize(event, app.context["_route_args"])
        context.content = content
        app.context[CONTEXT] = context
        if route.dependant.body_params:
            body.check_json_object(event)
        known = {field.alias for field in route.dependant.query_params}
        known |= guard.query_parameters(route.method, route.openapi_path)
        for name in event.query_string_parameters:
            if name not in known and not guard.allow_unknown_query:
                raise UnknownParameter(pointer=f"query/{name[:100]}")
        response = next_middleware(app)
        if context.rate_limit:
            response.headers.update(context.rate_limit.headers)
        return response

    def _not_found(self, path: str) -> Response[str]:
        methods = {route.method for route in self.list_routes() if route.rule.match(path)}
        return problems.method_not_allowed(methods) if methods else problems.from_error(NotFound())

    def _route_template(self, event: dict[str, Any]) -> str:
        method, path = event["requestContext"]["http"]["method"], event.get("rawPath", "")
        for route in self.list_routes():
            if route.method == method and route.rule.match(path):
                return str(route.openapi_path)
        return "-"  # the path itself may contain a token


def _request_id(headers: dict[str, str]) -> str:
    requested = headers.get("x-request-id") or ""
    return requested if _VALID_REQUEST_ID.fullmatch(requested) else ids.new_id()


def _cors_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers that let a page of an allowed origin read the response. Origins are compared exactly."""
    origin = headers.get("origin") or ""
    if origin not in settings().allowed_origins:
        return {"vary": "origin"}
    return {
        "vary": "origin",
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": _EXPOSED_HEADERS,
    }


def _lowercase(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _to_gateway_response(response: Response[str]) -> dict[str, Any]:
    headers = {"content-type": response.content_type or "", **response.headers}
    return {"statusCode": response.status_code, "headers": headers, "body": response.body, "isBase64Encoded": False}
