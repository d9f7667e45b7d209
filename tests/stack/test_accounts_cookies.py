"""The console's cookie, through CloudFront as browsers send it: S7."""

from dataclasses import dataclass

import pytest

from infra.local.testing import Running
from tests.stack.client import PASSWORD, Answer, Client, Server, cookie_of, signed_in


@dataclass(frozen=True)
class Browser:
    """Somebody who is signed in by a cookie, at a page of ours."""

    client: Client
    cookie: str
    csrf: str
    origin: str

    def get(self, path: str) -> Answer:
        return self.client.get(path, cookie=self.cookie)

    def change(self, path: str, **otherwise: str) -> Answer:
        """A POST as our own page sends it, but for what is said otherwise; an empty value leaves a header out."""
        sent = {"cookie": self.cookie, "x_csrf_token": self.csrf, "origin": self.origin, **otherwise}
        return self.client.post(path, **{name: value for name, value in sent.items() if value})


@pytest.fixture
def origin(deployed: Running) -> str:
    """Where our pages come from."""
    return deployed.outputs["ConsoleUrl"].removesuffix("/")


@pytest.fixture
def logged_in(direct: Server, edge: Server) -> tuple[Client, Answer]:
    """Somebody, and the answer to their login by a browser."""
    client = signed_in(direct)
    return client, Client(edge).post("/auth/login", {"email": client.email, "password": PASSWORD, "mode": "cookie"})


@pytest.fixture
def browser(logged_in: tuple[Client, Answer], edge: Server, origin: str) -> Browser:
    _, answer = logged_in
    return Browser(Client(edge), cookie_of(answer), answer.data()["csrfToken"], origin)


def test_a_browser_gets_one_cookie_and_no_token(logged_in: tuple[Client, Answer]) -> None:
    client, answer = logged_in

    assert set(answer.data()) == {"csrfToken", "user"}
    assert answer.data()["user"]["id"] == client.user["id"]
    pair, *attributes = [part.strip() for part in answer.headers["set-cookie"].split(";")]
    assert pair.startswith(f"__Host-session=hc_{client.user['id']}_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(attributes)
    assert not [attribute for attribute in attributes if attribute.lower().startswith("domain")]
    assert answer.headers["cache-control"] == "no-store"


def test_a_cookie_reads_and_tells_its_csrf_token_again(browser: Browser) -> None:
    assert browser.get("/auth/me").data()["csrfToken"] == browser.csrf
    assert browser.get("/projects").status == 200


def test_a_cookie_changes_things_from_our_own_page(browser: Browser) -> None:
    assert browser.change("/auth/logout-all").status == 204


@pytest.mark.parametrize(
    ("otherwise", "code"),
    [
        ({"x_csrf_token": ""}, "csrf"),
        ({"x_csrf_token": "x" * 43}, "csrf"),
        ({"origin": ""}, "csrf"),
        ({"origin": "https://elsewhere.example"}, "foreign_origin"),
        ({"origin": "null"}, "foreign_origin"),
    ],
)
def test_a_cookie_changes_nothing_from_elsewhere(otherwise: dict[str, str], code: str, browser: Browser) -> None:
    browser.change("/auth/logout", **otherwise).problem(403, code)

    assert browser.get("/auth/me").status == 200


def test_another_sessions_csrf_token_does_not_do(browser: Browser, direct: Server) -> None:
    said = {"email": signed_in(direct).email, "password": PASSWORD, "mode": "cookie"}
    other = browser.client.post("/auth/login", said).data()["csrfToken"]

    browser.change("/auth/logout", x_csrf_token=other).problem(403, "csrf")


def test_a_logout_ends_the_cookie_here_and_there(browser: Browser) -> None:
    answer = browser.change("/auth/logout")

    assert answer.status == 204
    assert cookie_of(answer) == "__Host-session="
    browser.get("/auth/me").problem(401, "invalid_token")


def test_a_cookie_beside_a_bearer_token_is_refused(browser: Browser, client: Client) -> None:
    answer = browser.client.get("/auth/me", cookie=browser.cookie, authorization=f"Bearer {client.token}")

    answer.problem(400, "ambiguous_credentials")


def test_a_cookie_is_no_bearer_token(browser: Browser) -> None:
    secret = browser.cookie.partition("=")[2]

    browser.client.get("/auth/me", authorization=f"Bearer {secret}").problem(401, "invalid_token")
