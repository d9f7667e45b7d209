"""Sessions of browsers: one cookie that no script reads and no other site makes use of (S7)."""

from http.cookies import SimpleCookie
from typing import Any

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.browser import ORIGIN, CookieClient, read_session_cookie
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import inject_faults


@pytest.fixture
def browser() -> CookieClient:
    """Somebody with an account, signed in by a cookie."""
    return CookieClient.sign_in(users.sign_up()["email"])


def get_session_row(fake_aws: FakeAws, browser: CookieClient) -> dict[str, Any]:
    (found,) = fake_aws.find_rows("main", pk=f"SESSION#{browser.session_cookie.split('_')[2]}")
    return found


def test_a_login_by_cookie_gives_no_token() -> None:
    said = {"email": users.sign_up()["email"], "password": users.PASSWORD, "mode": "cookie"}
    answer = Client().post("/auth/login", said)

    assert set(answer.data()) == {"csrfToken", "user"}
    (line,) = answer.cookies
    (morsel,) = SimpleCookie(line).values()
    assert (morsel.key, morsel["path"], morsel["domain"]) == ("__Host-session", "/", "")
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "Lax")
    assert int(morsel["max-age"]) == 30 * 24 * 3600
    assert morsel.value.startswith(f"hc_{answer.data()['user']['id']}_")


def test_a_cookie_reads_without_more(browser: CookieClient) -> None:
    me = browser.get("/auth/me").data()

    assert (me["id"], me["csrfToken"]) == (browser.user["id"], browser.csrf_token)
    assert browser.send("GET", "/projects", origin="https://evil.test").status == 200


def test_a_cookie_changes_things_from_our_own_page(browser: CookieClient) -> None:
    assert browser.send_same_origin("PUT", "/users/me", {"name": "Ada"}).data()["name"] == "Ada"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": ORIGIN},
        {"x_csrf_token": "mine"},
        {"origin": ORIGIN, "x_csrf_token": "wrong"},
        {"origin": "https://evil.test", "x_csrf_token": "mine"},
        {"origin": "null", "x_csrf_token": "mine"},
    ],
)
@pytest.mark.parametrize("change", [("PUT", "/users/me", {"name": "x"}), ("POST", "/projects", {"name": "x"})])
def test_no_other_page_changes_anything(browser: CookieClient, headers: dict[str, str], change: Any) -> None:
    told = {name: browser.csrf_token if value == "mine" else value for name, value in headers.items()}

    refused = browser.send(*change, **told)
    assert refused.status == 403
    assert refused.problem()["code"] in ("csrf", "origin_not_allowed")
    assert [each["personal"] for each in browser.get("/projects").data()] == [True]


def test_the_csrf_token_of_another_session_is_none_of_this(browser: CookieClient) -> None:
    other = CookieClient.sign_in(browser.user["email"])

    assert browser.send("POST", "/auth/logout", origin=ORIGIN, x_csrf_token=other.csrf_token).status == 403


def test_a_cookie_and_a_token_at_once_are_refused(browser: CookieClient, client: Client) -> None:
    refused = browser.send("GET", "/auth/me", authorization=f"Bearer {client.access_token}")

    assert (refused.status, refused.problem()["code"]) == (400, "ambiguous_credentials")


def test_a_logout_ends_the_session_and_the_cookie(browser: CookieClient) -> None:
    answer = browser.send_same_origin("POST", "/auth/logout")

    assert answer.status == 204
    assert read_session_cookie(answer) == ""
    assert "Max-Age=0" in answer.cookies[0]
    assert browser.get("/auth/me").problem()["code"] == "invalid_token"


def test_another_secret_or_another_user_opens_nothing(browser: CookieClient, client: Client) -> None:
    kind, user, session, secret = browser.session_cookie.split("_")
    for cookie in (
        f"{kind}_{user}_{session}_{'0' * 26}",
        f"{kind}_{client.user['id']}_{session}_{secret}",
        f"{kind}_{user}_{client.refresh_token.split('_')[1]}_{client.refresh_token[-26:]}",
        f"hr_{user}_{session}_{secret}",
        browser.csrf_token,
    ):
        assert CookieClient(cookie, "").get("/auth/me").problem()["status"] == 401, cookie


def test_the_session_of_a_cookie_is_not_refreshed(browser: CookieClient) -> None:
    token = f"hr_{browser.session_cookie.split('_')[2]}_{'0' * 26}{browser.session_cookie.split('_')[3]}"

    assert Client().post("/auth/refresh", {"refreshToken": token}).status == 401


def test_the_last_use_is_written_once_a_minute_at_the_most(
    browser: CookieClient, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    born = get_session_row(fake_aws, browser)["used_at"]
    frozen_clock.advance(seconds=50)
    browser.get("/auth/me").data()
    assert get_session_row(fake_aws, browser)["used_at"] == born
    frozen_clock.advance(seconds=15)
    browser.get("/auth/me").data()
    touched = get_session_row(fake_aws, browser)["used_at"]
    assert touched > born
    frozen_clock.advance(seconds=50)
    browser.get("/auth/me").data()
    assert get_session_row(fake_aws, browser)["used_at"] == touched


def test_an_answer_does_not_wait_for_the_note_of_a_last_use(
    browser: CookieClient, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_clock.advance(seconds=65)
    with inject_faults(monkeypatch, 1) as faults:  # the caller is read first, the last use is written next
        assert browser.get("/auth/me").status == 200
        assert faults.was_reached


def test_a_cookie_ends_a_week_after_its_last_use(browser: CookieClient, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(days=6, hours=23)
    assert browser.get("/auth/me").status == 200
    frozen_clock.advance(days=6, hours=23)
    assert browser.get("/auth/me").status == 200
    frozen_clock.advance(days=7, seconds=1)
    assert browser.get("/auth/me").status == 401


def test_a_cookie_ends_a_month_after_its_birth(browser: CookieClient, frozen_clock: FrozenClock) -> None:
    for _ in range(5):
        frozen_clock.advance(days=5, hours=23)
        assert browser.get("/auth/me").status == 200
    frozen_clock.advance(days=1)

    assert browser.get("/auth/me").status == 401


def test_no_secret_of_a_cookie_is_stored(browser: CookieClient, fake_aws: FakeAws) -> None:
    assert browser.session_cookie.split("_")[3] not in str(fake_aws.find_rows("main"))
    assert browser.csrf_token not in str(fake_aws.find_rows("main"))
