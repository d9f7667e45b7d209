"""The console's cookie, through CloudFront as browsers send it: S7."""

from dataclasses import dataclass

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.client import PASSWORD, Client, Response, Server, create_client, read_session_cookie


@dataclass(frozen=True)
class CookieClient:
    """Somebody who is signed in by a cookie, at a page of ours."""

    client: Client
    session_cookie: str
    csrf_token: str
    origin: str

    def get(self, path: str) -> Response:
        return self.client.get(path, cookie=self.session_cookie)

    def send_same_origin(self, path: str, **headers: str) -> Response:
        """A POST as our own page sends it, but for what is said otherwise; an empty value leaves a header out."""
        sent = {"cookie": self.session_cookie, "x_csrf_token": self.csrf_token, "origin": self.origin, **headers}
        return self.client.post(path, **{name: value for name, value in sent.items() if value})


@pytest.fixture
def origin(deployment: E2EEnvironment) -> str:
    """Where our pages come from."""
    return deployment.outputs["ConsoleUrl"].removesuffix("/")


@pytest.fixture
def cookie_login(api_gateway: Server, cloudfront: Server) -> tuple[Client, Response]:
    """Somebody, and the answer to their login by a browser."""
    client = create_client(api_gateway)
    return client, Client(cloudfront).post(
        "/auth/login", {"email": client.email, "password": PASSWORD, "mode": "cookie"}
    )


@pytest.fixture
def browser(cookie_login: tuple[Client, Response], cloudfront: Server, origin: str) -> CookieClient:
    _, answer = cookie_login
    return CookieClient(Client(cloudfront), read_session_cookie(answer), answer.data()["csrfToken"], origin)


def test_a_browser_gets_one_cookie_and_no_token(cookie_login: tuple[Client, Response]) -> None:
    client, answer = cookie_login

    assert set(answer.data()) == {"csrfToken", "user"}
    assert answer.data()["user"]["id"] == client.user["id"]
    pair, *attributes = [part.strip() for part in answer.headers["set-cookie"].split(";")]
    assert pair.startswith(f"__Host-session=hc_{client.user['id']}_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(attributes)
    assert not [attribute for attribute in attributes if attribute.lower().startswith("domain")]
    assert answer.headers["cache-control"] == "no-store"


def test_a_cookie_reads_and_tells_its_csrf_token_again(browser: CookieClient) -> None:
    assert browser.get("/auth/me").data()["csrfToken"] == browser.csrf_token
    assert browser.get("/projects").status == 200


def test_a_cookie_changes_things_from_our_own_page(browser: CookieClient) -> None:
    assert browser.send_same_origin("/auth/logout-all").status == 204


@pytest.mark.parametrize(
    ("otherwise", "code"),
    [
        ({"x_csrf_token": ""}, "csrf"),
        ({"x_csrf_token": "x" * 43}, "csrf"),
        ({"origin": ""}, "csrf"),
        ({"origin": "https://elsewhere.example"}, "origin_not_allowed"),
        ({"origin": "null"}, "origin_not_allowed"),
    ],
)
def test_a_cookie_changes_nothing_from_elsewhere(otherwise: dict[str, str], code: str, browser: CookieClient) -> None:
    browser.send_same_origin("/auth/logout", **otherwise).problem(403, code)

    assert browser.get("/auth/me").status == 200


def test_another_sessions_csrf_token_does_not_do(browser: CookieClient, api_gateway: Server) -> None:
    said = {"email": create_client(api_gateway).email, "password": PASSWORD, "mode": "cookie"}
    other = browser.client.post("/auth/login", said).data()["csrfToken"]

    browser.send_same_origin("/auth/logout", x_csrf_token=other).problem(403, "csrf")


def test_a_logout_ends_the_cookie_here_and_there(browser: CookieClient) -> None:
    answer = browser.send_same_origin("/auth/logout")

    assert answer.status == 204
    assert read_session_cookie(answer) == "__Host-session="
    browser.get("/auth/me").problem(401, "invalid_token")


def test_a_cookie_beside_a_bearer_token_is_refused(browser: CookieClient, client: Client) -> None:
    answer = browser.client.get(
        "/auth/me", cookie=browser.session_cookie, authorization=f"Bearer {client.access_token}"
    )

    answer.problem(400, "ambiguous_credentials")


def test_a_cookie_is_no_bearer_token(browser: CookieClient) -> None:
    secret = browser.session_cookie.partition("=")[2]

    browser.client.get("/auth/me", authorization=f"Bearer {secret}").problem(401, "invalid_token")
