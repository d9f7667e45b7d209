"""A user's devices: what is signed in, since when and from where, and how to end it."""

import pytest

from tests.api.conftest import FrozenClock
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.browser import CookieClient
from tests.support.client import Client

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def get_session_id(client: Client) -> str:
    return client.refresh_token.split("_")[1]


def test_devices_are_listed_latest_first(client: Client, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(seconds=5)
    Client().post(
        "/auth/login", {"email": client.user["email"], "password": users.PASSWORD}, headers={"user-agent": FIREFOX}
    ).data()
    frozen_clock.advance(seconds=5)
    CookieClient.sign_in(client.user["email"])

    devices = client.get("/auth/sessions").data()
    assert [(each["device"], each["mode"], each["current"]) for each in devices] == [
        ("Unknown device", "cookie", False),
        ("Firefox on Linux", "token", False),
        ("Unknown device", "token", True),
    ]
    assert {each["address"] for each in devices} == {"192.0.2.7"}
    assert devices[-1]["id"] == get_session_id(client)
    assert set(devices[0]) == {"id", "device", "mode", "address", "createdAt", "lastUsedAt", "current"}


def test_a_refresh_is_a_use(client: Client, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(minutes=5)
    Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()

    (device,) = client.get("/auth/sessions").data()
    assert device["lastUsedAt"] > device["createdAt"]


def test_devices_come_in_pages(client: Client) -> None:
    for _ in range(2):
        users.sign_in(client.user["email"])
    first = client.get("/auth/sessions?limit=2")
    rest = client.get(f"/auth/sessions?limit=2&cursor={first.json()['pagination']['next']}")

    assert len(first.data()) == 2
    assert [each["current"] for each in rest.data()] == [True]


def test_one_device_is_ended_and_the_others_stay(client: Client) -> None:
    other = users.sign_in(client.user["email"])

    assert client.delete(f"/auth/sessions/{get_session_id(other)}").status == 204
    assert other.get("/auth/me").status == 401
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401
    assert [each["current"] for each in client.get("/auth/sessions").data()] == [True]


def test_an_ended_device_and_one_of_somebody_else_are_not_there(client: Client, stranger: Client) -> None:
    other = users.sign_in(client.user["email"])
    client.delete(f"/auth/sessions/{get_session_id(other)}")

    answers = [
        client.delete(f"/auth/sessions/{each}").problem()
        for each in (get_session_id(other), get_session_id(stranger), "0" * 26, "x", "x" * 3000)
    ]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["status"] == 404
    assert stranger.get("/auth/me").status == 200


def test_the_end_of_a_device_is_audited(client: Client, fake_aws: FakeAws) -> None:
    other = users.sign_in(client.user["email"])
    client.delete(f"/auth/sessions/{get_session_id(other)}")

    (row,) = fake_aws.find_rows("audit", action="session.end")
    assert (row["actor"], row["target"]) == (client.user["id"], get_session_id(other))


def test_the_end_of_all_leaves_none(client: Client) -> None:
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
def test_what_guards_the_account_wants_a_fresh_session(
    client: Client, frozen_clock: FrozenClock, method: str, path: str, body: object
) -> None:
    frozen_clock.advance(minutes=11)
    refused = client.request(method, path, body)
    assert (refused.status, refused.problem()["code"]) == (403, "fresh_session_required")

    again = users.sign_in(client.user["email"]).request(method, path, body)
    assert again.status != 403


def test_a_refresh_makes_no_session_fresh(client: Client, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(minutes=11)
    data = Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()

    refused = Client(data["accessToken"]).post("/auth/2fa/setup")
    assert refused.problem()["code"] == "fresh_session_required"
