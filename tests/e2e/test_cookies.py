"""Sessions of the console with a cookie, through CloudFront (S7)."""

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.browser import Browser
from tests.support.e2e.client import Client, Server, create_client


@pytest.fixture
def origin(deployment: E2EEnvironment) -> str:
    """Return the origin of the console."""
    return deployment.outputs["ConsoleUrl"].removesuffix("/")


@pytest.fixture
def browser(client: Client, cloudfront: Server, origin: str) -> Browser:
    """Return a browser that is signed in."""
    browser = Browser(cloudfront, origin)
    browser.sign_in(client.email)
    return browser


def test_sign_in_returns_one_cookie_and_no_token(client: Client, cloudfront: Server, origin: str) -> None:
    response = Browser(cloudfront, origin).sign_in(client.email)

    assert set(response.data()) == {"csrfToken", "user"}
    assert response.data()["user"]["id"] == client.user["id"]
    pair, *attributes = [part.strip() for part in response.headers["set-cookie"].split(";")]
    assert pair.startswith(f"__Host-session=hc_{client.user['id']}_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(attributes)
    assert not [attribute for attribute in attributes if attribute.lower().startswith("domain")]
    assert response.headers["cache-control"] == "no-store"


def test_cookie_is_enough_to_read(browser: Browser) -> None:
    assert browser.get("/auth/me").data()["csrfToken"] == browser.csrf_token
    assert browser.get("/projects").status == 200


def test_page_of_the_console_may_change(browser: Browser) -> None:
    assert browser.post("/auth/logout-all").status == 204


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x_csrf_token": ""}, "csrf"),
        ({"x_csrf_token": "x" * 43}, "csrf"),
        ({"origin": ""}, "csrf"),
        ({"origin": "https://elsewhere.example"}, "origin_not_allowed"),
        ({"origin": "null"}, "origin_not_allowed"),
    ],
)
def test_page_of_another_site_may_not_change(headers: dict[str, str], code: str, browser: Browser) -> None:
    browser.post("/auth/logout", **headers).problem(403, code)

    assert browser.get("/auth/me").status == 200


def test_csrf_token_of_another_session_is_rejected(browser: Browser, api_gateway: Server, origin: str) -> None:
    other = Browser(browser.server, origin)
    other.sign_in(create_client(api_gateway).email)

    browser.post("/auth/logout", x_csrf_token=other.csrf_token).problem(403, "csrf")


def test_logout_revokes_the_session_and_deletes_the_cookie(browser: Browser) -> None:
    session_cookie = browser.session_cookie

    assert browser.post("/auth/logout").status == 204
    assert browser.session_cookie == "__Host-session="
    browser.request("GET", "/auth/me", cookie=session_cookie).problem(401, "invalid_token")


def test_cookie_with_an_access_token_is_rejected(browser: Browser, client: Client) -> None:
    response = browser.request("GET", "/auth/me", authorization=f"Bearer {client.access_token}")

    response.problem(400, "ambiguous_credentials")


def test_cookie_is_not_a_bearer_token(browser: Browser) -> None:
    secret = browser.session_cookie.partition("=")[2]

    Client(browser.server).get("/auth/me", authorization=f"Bearer {secret}").problem(401, "invalid_token")
