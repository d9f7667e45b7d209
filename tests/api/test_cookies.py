"""Sessions of browsers: one cookie that no script reads and no other site makes use of (S7)."""

from http.cookies import SimpleCookie
from typing import Any

import pytest

from tests.api import people
from tests.api.browser import HOME, Browser, cookie_of
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock
from tests.api.faults import injected


@pytest.fixture
def browser() -> Browser:
    """Somebody with an account, signed in by a cookie."""
    return Browser.signed_in(people.sign_up()["email"])


def row(cloud: Cloud, browser: Browser) -> dict[str, Any]:
    (found,) = cloud.rows("main", pk=f"SESSION#{browser.cookie.split('_')[2]}")
    return found


def test_a_login_by_cookie_gives_no_token() -> None:
    said = {"email": people.sign_up()["email"], "password": people.PASSWORD, "mode": "cookie"}
    answer = Client().post("/auth/login", said)

    assert set(answer.data()) == {"csrfToken", "user"}
    (line,) = answer.cookies
    (morsel,) = SimpleCookie(line).values()
    assert (morsel.key, morsel["path"], morsel["domain"]) == ("__Host-session", "/", "")
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "Lax")
    assert int(morsel["max-age"]) == 30 * 24 * 3600
    assert morsel.value.startswith(f"hc_{answer.data()['user']['id']}_")


def test_a_cookie_reads_without_more(browser: Browser) -> None:
    me = browser.get("/auth/me").data()

    assert (me["id"], me["csrfToken"]) == (browser.user["id"], browser.csrf)
    assert browser.send("GET", "/projects", origin="https://evil.test").status == 200


def test_a_cookie_changes_things_from_our_own_page(browser: Browser) -> None:
    assert browser.change("PUT", "/users/me", {"name": "Ada"}).data()["name"] == "Ada"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": HOME},
        {"x_csrf_token": "mine"},
        {"origin": HOME, "x_csrf_token": "wrong"},
        {"origin": "https://evil.test", "x_csrf_token": "mine"},
        {"origin": "null", "x_csrf_token": "mine"},
    ],
)
@pytest.mark.parametrize("change", [("PUT", "/users/me", {"name": "x"}), ("POST", "/projects", {"name": "x"})])
def test_no_other_page_changes_anything(browser: Browser, headers: dict[str, str], change: Any) -> None:
    told = {name: browser.csrf if value == "mine" else value for name, value in headers.items()}

    refused = browser.send(*change, **told)
    assert refused.status == 403
    assert refused.problem()["code"] in ("csrf", "foreign_origin")
    assert [each["personal"] for each in browser.get("/projects").data()] == [True]


def test_the_csrf_token_of_another_session_is_none_of_this(browser: Browser) -> None:
    other = Browser.signed_in(browser.user["email"])

    assert browser.send("POST", "/auth/logout", origin=HOME, x_csrf_token=other.csrf).status == 403


def test_a_cookie_and_a_token_at_once_are_refused(browser: Browser, client: Client) -> None:
    refused = browser.send("GET", "/auth/me", authorization=f"Bearer {client.token}")

    assert (refused.status, refused.problem()["code"]) == (400, "ambiguous_credentials")


def test_a_logout_ends_the_session_and_the_cookie(browser: Browser) -> None:
    answer = browser.change("POST", "/auth/logout")

    assert answer.status == 204
    assert cookie_of(answer) == ""
    assert "Max-Age=0" in answer.cookies[0]
    assert browser.get("/auth/me").problem()["code"] == "invalid_token"


def test_another_secret_or_another_user_opens_nothing(browser: Browser, client: Client) -> None:
    kind, user, session, secret = browser.cookie.split("_")
    for cookie in (
        f"{kind}_{user}_{session}_{'0' * 26}",
        f"{kind}_{client.user['id']}_{session}_{secret}",
        f"{kind}_{user}_{client.refresh_token.split('_')[1]}_{client.refresh_token[-26:]}",
        f"hr_{user}_{session}_{secret}",
        browser.csrf,
    ):
        assert Browser(cookie, "").get("/auth/me").problem()["status"] == 401, cookie


def test_the_session_of_a_cookie_is_not_refreshed(browser: Browser) -> None:
    token = f"hr_{browser.cookie.split('_')[2]}_{'0' * 26}{browser.cookie.split('_')[3]}"

    assert Client().post("/auth/refresh", {"refreshToken": token}).status == 401


def test_the_last_use_is_written_once_a_minute_at_the_most(browser: Browser, frozen: Clock, cloud: Cloud) -> None:
    born = row(cloud, browser)["used_at"]
    frozen.forward(seconds=50)
    browser.get("/auth/me").data()
    assert row(cloud, browser)["used_at"] == born
    frozen.forward(seconds=15)
    browser.get("/auth/me").data()
    touched = row(cloud, browser)["used_at"]
    assert touched > born
    frozen.forward(seconds=50)
    browser.get("/auth/me").data()
    assert row(cloud, browser)["used_at"] == touched


def test_an_answer_does_not_wait_for_the_note_of_a_last_use(
    browser: Browser, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen.forward(seconds=65)
    with injected(monkeypatch, 1) as faults:  # the caller is read first, the last use is written next
        assert browser.get("/auth/me").status == 200
        assert faults.came


def test_a_cookie_ends_a_week_after_its_last_use(browser: Browser, frozen: Clock) -> None:
    frozen.forward(days=6, hours=23)
    assert browser.get("/auth/me").status == 200
    frozen.forward(days=6, hours=23)
    assert browser.get("/auth/me").status == 200
    frozen.forward(days=7, seconds=1)
    assert browser.get("/auth/me").status == 401


def test_a_cookie_ends_a_month_after_its_birth(browser: Browser, frozen: Clock) -> None:
    for _ in range(5):
        frozen.forward(days=5, hours=23)
        assert browser.get("/auth/me").status == 200
    frozen.forward(days=1)

    assert browser.get("/auth/me").status == 401


def test_no_secret_of_a_cookie_is_stored(browser: Browser, cloud: Cloud) -> None:
    assert browser.cookie.split("_")[3] not in str(cloud.rows("main"))
    assert browser.csrf not in str(cloud.rows("main"))
