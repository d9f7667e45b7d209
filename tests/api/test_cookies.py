"""Sessions by cookie: no script can read the cookie, and no other site can use it for a change (S7)."""

import json
from http.cookies import SimpleCookie
from typing import Any

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.browser import ORIGIN, Browser
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import inject_faults
from tests.support.source_tree import ROOT
from tests.support.world import World


@pytest.fixture
def browser(world: World) -> Browser:
    """Return a client that is signed in with a cookie."""
    return world.step("browser", lambda: Browser.sign_in(users.sign_up()["email"]))


def find_last_uses(fake_aws: FakeAws, browser: Browser) -> list[str]:
    rows = fake_aws.find_rows("main", pk=f"SEEN#{browser.session_cookie.split('_')[2]}")
    return [row["used_at"] for row in rows]


def test_login_with_a_cookie_returns_no_token() -> None:
    body = {"email": users.sign_up()["email"], "password": users.PASSWORD, "mode": "cookie"}
    response = Client().request("POST", "/auth/login", body, headers={"origin": ORIGIN})

    assert set(response.data()) == {"csrfToken", "user"}
    (set_cookie,) = response.cookies
    (cookie,) = SimpleCookie(set_cookie).values()
    assert (cookie.key, cookie["path"], cookie["domain"]) == ("__Host-session", "/", "")
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert int(cookie["max-age"]) == 30 * 24 * 3600
    assert cookie.value.startswith(f"hc_{response.data()['user']['id']}_")


@pytest.mark.parametrize("origin", [None, "null", "https://evil.test", "https://sub.files.example.test"])
def test_no_other_page_signs_a_user_in(origin: str | None) -> None:
    email, headers = users.sign_up()["email"], {} if origin is None else {"origin": origin}
    paths = {path.removeprefix("/api/v1") for path in find_paths_with("mode")}
    assert paths == {"/auth/login", "/auth/2fa/verify", "/auth/verify-email"}

    bodies = {
        "/auth/login": {"email": email, "password": users.PASSWORD},
        "/auth/2fa/verify": {"mfaToken": "x" * 43, "code": "000000"},
        "/auth/verify-email": {"token": "x" * 43, "password": users.PASSWORD},
    }
    for path, body in bodies.items():
        response = Client().request("POST", path, {**body, "mode": "cookie"}, headers=headers)
        assert (response.status, response.problem()["code"]) == (403, "origin_not_allowed")
        assert response.cookies == ()


def find_paths_with(field: str) -> set[str]:
    """Return the paths of the routes whose request body has this field."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    found = set()
    for path, item in document["paths"].items():
        for operation in item.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            if field in document["components"]["schemas"].get(name, {}).get("properties", {}):
                found.add(path)
    return found


def test_cookie_is_enough_to_read(browser: Browser) -> None:
    user = browser.get("/auth/me").data()

    assert (user["id"], user["csrfToken"]) == (browser.user["id"], browser.csrf_token)
    assert browser.send("GET", "/projects", origin="https://evil.test").status == 200


def test_page_of_the_console_may_change(browser: Browser) -> None:
    assert browser.send_same_origin("PATCH", "/users/me", {"name": "Ada"}).data()["name"] == "Ada"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": ORIGIN},
        {"x_csrf_token": "own"},
        {"origin": ORIGIN, "x_csrf_token": "wrong"},
        {"origin": "https://evil.test", "x_csrf_token": "own"},
        {"origin": "null", "x_csrf_token": "own"},
    ],
)
@pytest.mark.parametrize("change", [("PATCH", "/users/me", {"name": "x"}), ("POST", "/projects", {"name": "x"})])
def test_page_of_another_site_may_not_change(browser: Browser, headers: dict[str, str], change: Any) -> None:
    sent = {name: browser.csrf_token if value == "own" else value for name, value in headers.items()}

    response = browser.send(*change, **sent)
    assert response.status == 403
    assert response.problem()["code"] in ("csrf", "origin_not_allowed")
    assert [each["personal"] for each in browser.get("/projects").data()] == [True]


def test_csrf_token_of_another_session_is_rejected(browser: Browser) -> None:
    other = Browser.sign_in(browser.user["email"])

    assert browser.send("POST", "/auth/logout", origin=ORIGIN, x_csrf_token=other.csrf_token).status == 403


def test_cookie_with_an_access_token_is_rejected(browser: Browser, client: Client) -> None:
    response = browser.send("GET", "/auth/me", authorization=f"Bearer {client.access_token}")

    assert (response.status, response.problem()["code"]) == (400, "ambiguous_credentials")


def test_logout_revokes_the_session_and_deletes_the_cookie(browser: Browser) -> None:
    session_cookie = browser.session_cookie
    response = browser.send_same_origin("POST", "/auth/logout")

    assert response.status == 204
    assert browser.session_cookie == ""
    assert "Max-Age=0" in browser.cookie_attributes
    assert Browser(session_cookie).get("/auth/me").problem()["code"] == "invalid_token"


def test_cookie_with_another_secret_or_user_is_rejected(browser: Browser, client: Client) -> None:
    kind, user, session, secret = browser.session_cookie.split("_")
    for cookie in (
        f"{kind}_{user}_{session}_{'0' * 26}",
        f"{kind}_{client.user['id']}_{session}_{secret}",
        f"{kind}_{user}_{client.refresh_token.split('_')[1]}_{client.refresh_token[-26:]}",
        f"hr_{user}_{session}_{secret}",
        browser.csrf_token,
    ):
        assert Browser(cookie).get("/auth/me").problem()["status"] == 401, cookie


def test_session_by_cookie_has_no_refresh_token(browser: Browser) -> None:
    token = f"hr_{browser.session_cookie.split('_')[2]}_{'0' * 26}{browser.session_cookie.split('_')[3]}"

    assert Client().post("/auth/refresh", {"refreshToken": token}).status == 401


def test_last_use_is_written_at_most_once_a_minute(
    browser: Browser, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    frozen_clock.advance(seconds=50)
    browser.get("/auth/me").data()
    assert find_last_uses(fake_aws, browser) == []
    frozen_clock.advance(seconds=15)
    browser.get("/auth/me").data()
    (first,) = find_last_uses(fake_aws, browser)
    frozen_clock.advance(seconds=50)
    browser.get("/auth/me").data()
    assert find_last_uses(fake_aws, browser) == [first]
    frozen_clock.advance(seconds=15)
    (session,) = browser.get("/auth/sessions").data()
    (second,) = find_last_uses(fake_aws, browser)
    assert second > first
    assert session["lastUsedAt"] == frozen_clock.time.isoformat().replace("+00:00", "Z")


def test_use_writes_no_row_of_the_session(browser: Browser, frozen_clock: FrozenClock, fake_aws: FakeAws) -> None:
    before = fake_aws.find_rows("main", record_type="session")
    frozen_clock.advance(seconds=65)
    browser.get("/auth/me").data()

    assert fake_aws.find_rows("main", record_type="session") == before


def test_response_does_not_depend_on_the_write_of_the_last_use(
    browser: Browser, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_clock.advance(seconds=65)
    with inject_faults(monkeypatch, 1) as faults:  # call 0 reads the caller, call 1 writes the last use
        assert browser.get("/auth/me").status == 200
        assert faults.was_reached


def test_cookie_expires_a_week_after_its_last_use(browser: Browser, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(days=6, hours=23)
    assert browser.get("/auth/me").status == 200
    frozen_clock.advance(days=6, hours=23)
    assert browser.get("/auth/me").status == 200
    frozen_clock.advance(days=7, seconds=1)
    assert browser.get("/auth/me").status == 401


def test_cookie_expires_30_days_after_the_login(browser: Browser, frozen_clock: FrozenClock) -> None:
    for _ in range(5):
        frozen_clock.advance(days=5, hours=23)
        assert browser.get("/auth/me").status == 200
    frozen_clock.advance(days=1)

    assert browser.get("/auth/me").status == 401


def test_secrets_of_a_cookie_are_not_stored(browser: Browser, fake_aws: FakeAws) -> None:
    assert browser.session_cookie.split("_")[3] not in str(fake_aws.find_rows("main"))
    assert browser.csrf_token not in str(fake_aws.find_rows("main"))
