"""Clients of the deployed stack, through API Gateway or CloudFront.

They use `http.client`, which sends paths and headers unchanged. Other libraries correct what a test is about.
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
_TIMEOUT_SECONDS = 60  # of one request, because 64 at once wait for each other
_PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance", "code", "message", "requestId"}


@dataclass(frozen=True)
class Response:
    """A response. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    def data(self) -> Any:
        """Return the data of a successful response."""
        assert self.status < 300, (self.status, self.content[:500])
        assert self.json()["requestId"] == self.headers["x-request-id"]
        return self.json()["data"]

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """Check status, code and shape of an error, and return it."""
        assert (self.status, self.headers["content-type"]) == (status, "application/problem+json"), self.content[:500]
        body: dict[str, Any] = self.json()
        assert set(body) - {"errors"} == _PROBLEM_FIELDS
        assert (body["status"], body["code"]) == (status, code)
        assert body["message"] == body["detail"]
        assert body["requestId"] == self.headers["x-request-id"]
        return body


@dataclass(frozen=True)
class Server:
    """A port of this machine, the Host of requests to it, and the prefix of their paths."""

    port: int
    host: str
    prefix: str = ""

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        """Send a request on a new connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, self.prefix + path, body, {"host": self.host, **(headers or {})})
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, received, response.read())
        finally:
            connection.close()


@dataclass(frozen=True)
class Client:
    """A client of the API, anonymous or with an access token."""

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
        """Send a request to a path below the base path. An underscore in the name of a header is a hyphen."""
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
    """Send a request to a URL of the API or of S3. Names below `localhost` are this machine, as in browsers."""
    split = urlsplit(url)
    path = f"{split.path}?{split.query}" if split.query else split.path
    return Server(split.port or 80, split.netloc).request(method, path, headers=headers, body=body)


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.test"


def read_session_cookie(response: Response) -> str:
    """Return the name and value of the session cookie in a response."""
    pair, *_ = response.headers["set-cookie"].partition(";")
    assert pair.startswith("__Host-session="), pair
    return pair


def create_client(server: Server) -> Client:
    """Create a user, and sign in."""
    email, anonymous = new_email(), Client(server)
    anonymous.post("/auth/sign-up", {"email": email, "password": PASSWORD}).data()
    return sign_in(server, email)


def sign_in(server: Server, email: str) -> Client:
    """Create a session."""
    data = Client(server).post("/auth/login", {"email": email, "password": PASSWORD}).data()
    return Client(server, data["accessToken"], data["refreshToken"], data["user"], email)
