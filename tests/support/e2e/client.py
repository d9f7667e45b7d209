"""Somebody who calls the deployed system, by the API's own address or through CloudFront.

By `http.client`, which sends a path and its headers as they are: a friendlier client would tidy up what a test is about.
"""

import http.client
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PASSWORD = "correct horse battery"
BASE_PATH = "/api/v1"
_TIMEOUT_SECONDS = 60  # seconds for one answer: sixty-four at once wait for each other
_PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance", "code", "message", "requestId"}


@dataclass(frozen=True)
class Response:
    """What came back. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    def data(self) -> Any:
        """What a successful answer of the API holds."""
        assert self.status < 300, (self.status, self.content[:500])
        assert self.json()["requestId"] == self.headers["x-request-id"]
        return self.json()["data"]

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """What an error of the API holds, its shape checked."""
        assert (self.status, self.headers["content-type"]) == (status, "application/problem+json"), self.content[:500]
        body: dict[str, Any] = self.json()
        assert set(body) - {"errors"} == _PROBLEM_FIELDS
        assert (body["status"], body["code"]) == (status, code)
        assert body["message"] == body["detail"]
        assert body["requestId"] == self.headers["x-request-id"]
        return body


@dataclass(frozen=True)
class Server:
    """Where requests go, the name that they ask for there, and what stands before each path."""

    port: int
    host: str
    prefix: str = ""

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        """One request, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, self.prefix + path, body, {"host": self.host, **(headers or {})})
            answer = connection.getresponse()
            return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@dataclass(frozen=True)
class Client:
    """Somebody who calls the API; with a `token`, somebody who is known."""

    server: Server
    access_token: str = ""
    refresh_token: str = ""
    user: Mapping[str, Any] = field(default_factory=dict)
    email: str = ""

    def get(self, path: str, **headers: str) -> Response:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Response:
        return self.request("POST", path, body, headers=headers)

    def delete(self, path: str, **headers: str) -> Response:
        return self.request("DELETE", path, headers=headers)

    def request(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        """One request below the base path. An underscore in the name of a header is a hyphen."""
        sent = {"authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        return self.server.request(method, BASE_PATH + path, headers=sent, body=content)


def request_url(
    url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Response:
    """Ask for an address that the API gave away. Names below `localhost` are this machine, as browsers take them."""
    split = urlsplit(url)
    path = f"{split.path}?{split.query}" if split.query else split.path
    return Server(split.port or 80, split.netloc).request(method, path, headers=headers, body=body)


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.test"


def read_session_cookie(response: Response) -> str:
    """The pair of name and value that an answer sets, as a browser sends it back."""
    pair, *_ = response.headers["set-cookie"].partition(";")
    assert pair.startswith("__Host-session="), pair
    return pair


def create_client(server: Server) -> Client:
    """Somebody with a new account."""
    email, anonymous = new_email(), Client(server)
    anonymous.post("/auth/sign-up", {"email": email, "password": PASSWORD}).data()
    return sign_in(server, email)


def sign_in(server: Server, email: str) -> Client:
    """Somebody with a new session."""
    told = Client(server).post("/auth/login", {"email": email, "password": PASSWORD}).data()
    return Client(server, told["accessToken"], told["refreshToken"], told["user"], email)
