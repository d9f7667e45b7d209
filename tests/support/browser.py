"""A browser: it keeps our cookie, and sends it by itself with the Origin of the page that it shows."""

from dataclasses import dataclass, field
from typing import Any

from tests.support import users
from tests.support.client import Client, Response

ORIGIN = "https://files.example.test"


@dataclass
class CookieClient:
    """Somebody whose session is a cookie."""

    session_cookie: str
    csrf_token: str
    user: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def sign_in(cls, email: str) -> "CookieClient":
        """Begin a session."""
        said = {"email": email, "password": users.PASSWORD, "mode": "cookie"}
        answer = Client().post("/auth/login", said)
        data = answer.data()
        return cls(read_session_cookie(answer), data["csrfToken"], data["user"])

    def get(self, path: str) -> Response:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """A request with the cookie and what a test adds, and nothing else."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client().request(method, path, body, headers={"cookie": f"__Host-session={self.session_cookie}", **told})

    def send_same_origin(self, method: str, path: str, body: Any = None) -> Response:
        """A request of our own page."""
        return self.send(method, path, body, origin=ORIGIN, x_csrf_token=self.csrf_token)


def read_session_cookie(response: Response) -> str:
    """The value of the only cookie that an answer sets."""
    (cookie,) = response.cookies
    name, _, rest = cookie.partition("=")
    assert name == "__Host-session"
    return rest.partition(";")[0]
