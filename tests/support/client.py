"""A client that calls the handlers with events of the HTTP API, as API Gateway does."""

import base64
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from infra.catalog import FUNCTIONS
from tests.support.iam import load_handler

BASE_PATH = "/api/v1"


@dataclass
class Response:
    """A response."""

    status: int
    headers: dict[str, str]
    text: str
    cookies: tuple[str, ...] = ()

    def json(self) -> Any:
        return json.loads(self.text)

    def data(self) -> Any:
        """Return the data of a successful response."""
        assert self.status < 300, (self.status, self.text)
        return self.json()["data"]

    def created(self) -> Any:
        assert self.status == 201, (self.status, self.text)
        return self.json()["data"]

    def problem(self) -> dict[str, Any]:
        """Check the shape of an error. Return its fields without those that differ for every request."""
        assert self.status >= 400, (self.status, self.text)
        body = cast("dict[str, Any]", self.json())
        assert self.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "instance", "code", "message", "requestId"} <= set(body)
        assert body["status"] == self.status
        assert body["message"] == body["detail"]
        assert body["requestId"] == self.headers["x-request-id"]
        return {key: value for key, value in body.items() if key not in ("requestId", "instance")}


@dataclass
class Client:
    """A client of the API, anonymous or with an access token."""

    access_token: str | None = None
    user: dict[str, Any] = field(default_factory=dict)
    refresh_token: str = ""
    base_path: str = BASE_PATH

    def get(self, path: str, **kwargs: Any) -> Response:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Response:
        return self.request("POST", path, body, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Response:
        return self.request("DELETE", path, **kwargs)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        source: str = "192.0.2.7",
    ) -> Response:
        sent = {
            "user-agent": "tests",
            **({"authorization": f"Bearer {self.access_token}"} if self.access_token else {}),
        }
        content = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        if content is not None:
            sent["content-type"] = "application/json"
        event = build_http_api_event(method, path, sent | (headers or {}), content, base_path=self.base_path)
        event["requestContext"]["http"]["sourceIp"] = source
        handler = find_handler(event["rawPath"])
        response = handler(event, SimpleNamespace(aws_request_id="aws", function_name="test"))
        text = response.get("body") or ""
        if response.get("isBase64Encoded"):
            text = base64.b64decode(text).decode()
        return Response(response["statusCode"], response["headers"], text, tuple(response.get("cookies", ())))


def build_http_api_event(
    method: str, path: str, headers: dict[str, str], body: bytes | None, *, base_path: str = BASE_PATH
) -> dict[str, Any]:
    """Return an event (API Gateway developer guide, Lambda proxy integration, payload format 2.0)."""
    split = urlsplit(path if path.startswith("/api/") else base_path + path)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(split.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(split.path),
        "rawQueryString": split.query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "stage": "$default",
            "http": {"method": method, "path": unquote(split.path), "sourceIp": "192.0.2.7", "protocol": "HTTP/1.1"},
        },
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in query.items()}
    if body is not None:
        try:
            event["body"] = body.decode()
        except UnicodeDecodeError:
            event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event


def find_handler(path: str) -> Any:
    """Return the handler of a path: that of the longest prefix, or of the default route."""
    by_prefix = {prefix: function.name for function in FUNCTIONS for prefix in function.path_prefixes}
    matching = [prefix for prefix in by_prefix if path == prefix or path.startswith(prefix + "/")]
    default = next(function.name for function in FUNCTIONS if function.is_default_route)
    return load_handler(by_prefix[max(matching, key=len)] if matching else default)
