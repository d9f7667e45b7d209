"""Sessions as their user sees them: the list, and how to revoke one."""

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.browser import Browser
from tests.support.client import Client
from tests.support.clock import FrozenClock

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def get_session_id(client: Client) -> str:
    return client.refresh_token.split("_")[1]


def test_sessions_are_listed_with_the_newest_first(client: Client, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(seconds=5)
    Client().post(
        "/auth/login", {"email": client.user["email"], "password": users.PASSWORD}, headers={"user-agent": FIREFOX}
    ).data()
    frozen_clock.advance(seconds=5)
    Browser.sign_in(client.user["email"])

    sessions = client.get("/auth/sessions").data()
    assert [(each["device"], each["mode"], each["current"]) for each in sessions] == [
        ("Unknown device", "cookie", False),
        ("Firefox on Linux", "token", False),
        ("Unknown device", "token", True),
    ]
    assert {each["clientIp"] for each in sessions} == {"192.0.2.7"}
    assert sessions[-1]["id"] == get_session_id(client)
    assert set(sessions[0]) == {"id", "device", "mode", "clientIp", "createdAt", "lastUsedAt", "current"}


def test_refresh_updates_the_last_use(client: Client, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(minutes=5)
    Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()

    (session,) = client.get("/auth/sessions").data()
    assert session["lastUsedAt"] > session["createdAt"]


def test_only_active_sessions_are_listed(client: Client, frozen_clock: FrozenClock) -> None:
    idle, used = (Browser.sign_in(client.user["email"]) for _ in range(2))
    frozen_clock.advance(days=6)
    used.get("/auth/me").data()
    frozen_clock.advance(days=2)

    assert idle.get("/auth/me").status == 401
    assert [each["current"] for each in used.get("/auth/sessions").data()] == [True]


def test_sessions_are_listed_in_pages(client: Client) -> None:
    for _ in range(2):
        users.sign_in(client.user["email"])
    first = client.get("/auth/sessions?limit=2")
    second = client.get(f"/auth/sessions?limit=2&cursor={first.json()['pagination']['next']}")

    assert len(first.data()) == 2
    assert [each["current"] for each in second.data()] == [True]


def test_revoking_a_session_keeps_the_others(client: Client) -> None:
    other = users.sign_in(client.user["email"])

    assert client.delete(f"/auth/sessions/{get_session_id(other)}").status == 204
    assert other.get("/auth/me").status == 401
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401
    assert [each["current"] for each in client.get("/auth/sessions").data()] == [True]


def test_revoked_and_foreign_sessions_look_alike(client: Client, stranger: Client) -> None:
    other = users.sign_in(client.user["email"])
    client.delete(f"/auth/sessions/{get_session_id(other)}")

    problems = [
        client.delete(f"/auth/sessions/{each}").problem()
        for each in (get_session_id(other), get_session_id(stranger), "0" * 26, "x", "x" * 3000)
    ]
    assert all(problem == problems[0] for problem in problems)
    assert problems[0]["status"] == 404
    assert stranger.get("/auth/me").status == 200


def test_revoking_a_session_is_audited(client: Client, fake_aws: FakeAws) -> None:
    other = users.sign_in(client.user["email"])
    client.delete(f"/auth/sessions/{get_session_id(other)}")

    (row,) = fake_aws.find_rows("audit", action="sessions.revoke")
    assert (row["actor"], row["target"]) == (client.user["id"], get_session_id(other))


def test_sign_out_everywhere_empties_the_list(client: Client) -> None:
    users.sign_in(client.user["email"])
    client.post("/auth/logout-all")

    again = users.sign_in(client.user["email"])
    assert [each["id"] for each in again.get("/auth/sessions").data()] == [get_session_id(again)]


RECENT_SESSION_REQUESTS = [
    ("POST", "/auth/2fa/setup", None),
    ("POST", "/auth/2fa/enable", {"code": "000000"}),
    ("POST", "/auth/2fa/disable", None),
    ("POST", "/auth/2fa/recovery-codes", None),
    ("POST", "/auth/identities/google/link", None),
    ("DELETE", "/auth/identities/google", None),
    ("DELETE", "/users/me", {"password": users.PASSWORD}),
]


@pytest.mark.parametrize(("method", "path", "body"), RECENT_SESSION_REQUESTS)
def test_security_settings_require_a_recent_session(
    client: Client, frozen_clock: FrozenClock, method: str, path: str, body: object
) -> None:
    frozen_clock.advance(minutes=11)
    rejected = client.request(method, path, body)
    assert (rejected.status, rejected.problem()["code"]) == (403, "fresh_session_required")

    response = users.sign_in(client.user["email"]).request(method, path, body)
    assert response.status != 403


def test_refresh_does_not_make_a_session_recent(client: Client, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(minutes=11)
    data = Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()

    rejected = Client(data["accessToken"]).post("/auth/2fa/setup")
    assert rejected.problem()["code"] == "fresh_session_required"
