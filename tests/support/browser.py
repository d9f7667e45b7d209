"""A browser, which stores the session cookie and sends it with every request."""

from dataclasses import dataclass, field
from typing import Any

from tests.support import users
from tests.support.client import Client, Response

ORIGIN = "https://files.example.test"
_COOKIE = "__Host-session"


@dataclass
class Browser:
    """A browser with the cookie of a session or of a sign-in with a provider, and its attributes."""

    session_cookie: str = ""
    csrf_token: str = ""
    user: dict[str, Any] = field(default_factory=dict)
    cookie_attributes: set[str] = field(default_factory=set)

    @classmethod
    def sign_in(cls, email: str) -> "Browser":
        """Create a session with a cookie."""
        browser = cls()
        body = {"email": email, "password": users.PASSWORD, "mode": "cookie"}
        data = browser.send("POST", "/auth/login", body, origin=ORIGIN).data()
        browser.csrf_token, browser.user = data["csrfToken"], data["user"]
        return browser

    def get(self, path: str) -> Response:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """Send the cookie and these headers. An underscore in the name of a header is a hyphen."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.session_cookie:
            sent["cookie"] = f"{_COOKIE}={self.session_cookie}"
        response = Client().request(method, path, body, headers=sent)
        for cookie in response.cookies:
            pair, *attributes = cookie.split("; ")
            name, _, self.session_cookie = pair.partition("=")
            assert name == _COOKIE
            self.cookie_attributes = set(attributes)
        return response

    def send_same_origin(self, method: str, path: str, body: Any = None) -> Response:
        """Send a request as a page of the console does, with the CSRF token and the origin."""
        csrf_token = self.csrf_token or self.get("/auth/me").data()["csrfToken"]
        return self.send(method, path, body, origin=ORIGIN, x_csrf_token=csrf_token)
