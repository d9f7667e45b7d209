"""A browser: it keeps our cookie, and sends it by itself with the Origin of the page that it shows."""

from dataclasses import dataclass, field
from typing import Any

from tests.api import people
from tests.api.client import Answer, Client

HOME = "https://files.example.test"


@dataclass
class Browser:
    """Somebody whose session is a cookie."""

    cookie: str
    csrf: str
    user: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def signed_in(cls, email: str) -> "Browser":
        """Begin a session."""
        said = {"email": email, "password": people.PASSWORD, "mode": "cookie"}
        answer = Client().post("/auth/login", said)
        data = answer.data()
        return cls(cookie_of(answer), data["csrfToken"], data["user"])

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request with the cookie and what a test adds, and nothing else."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client().request(method, path, body, headers={"cookie": f"__Host-session={self.cookie}", **told})

    def change(self, method: str, path: str, body: Any = None) -> Answer:
        """A request of our own page."""
        return self.send(method, path, body, origin=HOME, x_csrf_token=self.csrf)


def cookie_of(answer: Answer) -> str:
    """The value of the only cookie that an answer sets."""
    (cookie,) = answer.cookies
    name, _, rest = cookie.partition("=")
    assert name == "__Host-session"
    return rest.partition(";")[0]
