"""A server that behaves like GitHub: errors have status 200, and responses are forms unless the request accepts JSON.

It runs in a thread, on 127.0.0.1. A test can change its behavior while it runs.
"""

import base64
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlencode

from tests.support.oidc.provider import RunningProvider

ApiPath = Literal["/login/oauth/access_token", "/user", "/user/emails"]
Fault = Literal["slow", "error", "garbage", "drip"]
_SLOW_SECONDS = 10.0
_LOGIN_FORM = '<form method="post" action="/login/oauth/authorize?{query}"><input name="login"></form>'


@dataclass
class Behavior:
    email_verified: bool = True
    sends_wrong_state: bool = False
    email_scope_granted: bool = True  # whether the user granted it
    faults: dict[ApiPath, Fault] = field(default_factory=dict)


@dataclass(frozen=True)
class RunningGitHub(RunningProvider):
    """A running server. `url` is both the site and the API."""

    behavior: Behavior


@dataclass(frozen=True)
class _CodeGrant:
    login: str
    redirect_uri: str
    code_challenge: str


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a slow request may still run

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.running = RunningGitHub(
            f"http://127.0.0.1:{self.server_port}", "Iv1.holdall", "secret of tests", Behavior()
        )
        self.codes: dict[str, _CodeGrant] = {}
        self.tokens: dict[str, str] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that closed the connection before the end of a response."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        routes = {"/user": self._get_user, "/user/emails": self._get_emails}
        if path == "/login/oauth/authorize":
            self._respond(200, "text/html", _LOGIN_FORM.format(query=escape(query)).encode())
        elif path in routes and not self._inject_fault(path):
            login = self.server.tokens.get(self.headers.get("authorization", "").removeprefix("Bearer "))
            if login is None:
                self._respond_json(401, {"message": "Bad credentials"})
            else:
                routes[path](login)
        elif path not in routes:
            self._respond_json(404, {"message": "Not Found"})

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if path == "/login/oauth/authorize":
            self._authorize({name: values[0] for name, values in parse_qs(query).items()}, form["login"])
        elif path == "/login/oauth/access_token" and not self._inject_fault(path):
            response = self._issue_token(form)
            if "application/json" in self.headers.get("accept", ""):
                self._respond_json(200, response)
            else:
                self._respond(200, "application/x-www-form-urlencoded", urlencode(response).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in the base class
        pass

    def _authorize(self, params: Mapping[str, str], login: str) -> None:
        assert (params["client_id"], params["code_challenge_method"]) == (self.server.running.client_id, "S256")
        code = secrets.token_hex(10)
        self.server.codes[code] = _CodeGrant(login, params["redirect_uri"], params["code_challenge"])
        state = "another" if self.server.running.behavior.sends_wrong_state else params["state"]
        self.send_response(302)
        self.send_header("location", f"{params['redirect_uri']}?code={code}&state={quote(state)}")
        self.send_header("content-length", "0")
        self.end_headers()

    def _issue_token(self, form: Mapping[str, str]) -> dict[str, str]:
        running = self.server.running
        if (form.get("client_id"), form.get("client_secret")) != (running.client_id, running.client_secret):
            return {
                "error": "incorrect_client_credentials",
                "error_description": "The client_id and/or secret are wrong.",
            }
        grant = self.server.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if grant is None or (grant.redirect_uri, grant.code_challenge) != (form.get("redirect_uri"), challenge):
            return {"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}
        token = f"gho_{secrets.token_hex(18)}"
        self.server.tokens[token] = grant.login
        return {"access_token": token, "token_type": "bearer", "scope": "read:user,user:email"}

    def _get_user(self, login: str) -> None:
        number = int(hashlib.sha256(login.encode()).hexdigest()[:7], 16)
        # Users choose the address of their profile freely, so it proves nothing.
        profile_email = "other@example.test"
        self._respond_json(
            200, {"id": number, "login": login.partition("@")[0], "name": f"Person of {login}", "email": profile_email}
        )

    def _get_emails(self, login: str) -> None:
        behavior = self.server.running.behavior
        if not behavior.email_scope_granted:
            self._respond_json(404, {"message": "Not Found"})
            return
        verified = behavior.email_verified and not login.startswith("unverified-")
        primary = {
            "email": login.removeprefix("unverified-"),
            "primary": True,
            "verified": verified,
            "visibility": None,
        }
        other = {"email": f"other-{login}", "primary": False, "verified": True, "visibility": None}
        self._respond_json(200, [other, primary])

    def _inject_fault(self, path: str) -> bool:
        """Cause the fault of a path. Return whether there is one."""
        fault = {str(name): value for name, value in self.server.running.behavior.faults.items()}.get(path)
        if fault == "slow":
            time.sleep(_SLOW_SECONDS)
            self._respond_json(200, {})
        elif fault == "error":
            self._respond_json(500, {"message": "Server Error"})
        elif fault == "garbage":
            self._respond(200, "application/json", b'{"access_token": "gho_')
        elif fault == "drip":
            self._drip_header()
        return fault is not None

    def _drip_header(self) -> None:
        """Send a header that does not end, one character at a time. Each wait of the client is short, but their sum is not."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-more: ")
        for _ in range(int(_SLOW_SECONDS * 10)):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def _respond_json(self, status: int, body: Any) -> None:
        self._respond(status, "application/json; charset=utf-8", json.dumps(body).encode())

    def _respond(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def run_github(port: int = 0) -> Iterator[RunningGitHub]:
    """Run the server on a port, by default a free one.

    The login is the primary address of a user. With the prefix `unverified-` it is another user with the same address, not
    verified.
    """
    server = _Server(port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
