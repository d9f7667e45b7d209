"""Sessions: what ends them ends them at once, and no token opens another's door (S2, S4)."""

from datetime import timedelta

import pytest

from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock


def refresh(client: Client) -> Client:
    data = Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()
    return Client(data["accessToken"], client.user, data["refreshToken"])


def dead(client: Client) -> bool:
    """Whether neither of the tokens counts any more."""
    me = client.get("/auth/me")
    again = Client().post("/auth/refresh", {"refreshToken": client.refresh_token})
    codes = {answer.problem()["code"] for answer in (me, again) if answer.status == 401}
    return (me.status, again.status, codes) == (401, 401, {"invalid_token"})


def test_a_logout_counts_on_the_next_request(client: Client) -> None:
    answer = client.post("/auth/logout")

    assert (answer.status, answer.text) == (204, "")
    assert dead(client)


def test_a_logout_ends_one_session(client: Client) -> None:
    other = people.log_in(client.user["email"])
    client.post("/auth/logout")

    assert other.get("/auth/me").status == 200
    assert refresh(other).get("/auth/me").status == 200


def test_a_logout_everywhere_counts_on_the_next_request(client: Client) -> None:
    other = people.log_in(client.user["email"])

    assert client.post("/auth/logout-all").status == 204
    assert dead(client)
    assert dead(other)


def test_a_login_after_a_logout_everywhere_counts(client: Client) -> None:
    client.post("/auth/logout-all")

    assert refresh(people.log_in(client.user["email"])).get("/auth/me").status == 200


def test_a_logout_everywhere_is_the_users_alone(client: Client, stranger: Client) -> None:
    client.post("/auth/logout-all")

    assert stranger.get("/auth/me").status == 200


def test_a_spent_token_gets_nothing_after_a_logout_everywhere(client: Client, frozen: Clock) -> None:
    refresh(client)
    people.log_in(client.user["email"]).post("/auth/logout-all")

    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401


def test_a_disabled_user_is_out_at_once(client: Client, cloud: Cloud) -> None:
    cloud.change(f"USER#{client.user['id']}", "USER", status="disabled")

    assert dead(client)


def test_a_spent_token_gets_nothing_for_a_disabled_user(client: Client, cloud: Cloud, frozen: Clock) -> None:
    refresh(client)
    cloud.change(f"USER#{client.user['id']}", "USER", status="disabled")

    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401


def test_logouts_are_audited(client: Client, cloud: Cloud) -> None:
    other = people.log_in(client.user["email"])
    other.post("/auth/logout")
    client.post("/auth/logout-all")

    actions = [row["action"] for row in cloud.rows("audit", actor=client.user["id"])]
    assert sorted(actions) == [
        "accounts.sign-up",
        "login",
        "login",
        "projects.create",
        "session.end",
        "session.end-all",
    ]


def test_a_refresh_token_is_no_access_token(client: Client) -> None:
    assert Client(client.refresh_token).get("/auth/me").problem()["code"] == "invalid_token"


def test_an_access_token_is_no_refresh_token(client: Client) -> None:
    answer = Client().post("/auth/refresh", {"refreshToken": str(client.token)[:128]})

    assert answer.problem()["code"] == "invalid_token"


def test_an_access_token_ends_by_the_clock(client: Client, frozen: Clock) -> None:
    frozen.forward(minutes=15, seconds=29)
    assert client.get("/auth/me").status == 200
    frozen.forward(seconds=2)
    assert client.get("/auth/me").problem()["code"] == "invalid_token"


@pytest.mark.parametrize(("idle", "status"), [(timedelta(days=6, hours=23), 200), (timedelta(days=7, seconds=1), 401)])
def test_a_session_ends_a_week_after_its_last_use(client: Client, frozen: Clock, idle: timedelta, status: int) -> None:
    frozen.forward(seconds=idle.total_seconds())

    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == status


def test_a_session_ends_a_month_after_its_birth(frozen: Clock) -> None:
    client = people.signed_in()
    for _ in range(5):
        frozen.forward(days=5)
        client = refresh(client)
    frozen.forward(days=5, seconds=1)

    assert dead(client)


def test_no_tokens_secret_is_stored(client: Client, cloud: Cloud) -> None:
    client = refresh(client)
    session_id, secret = client.refresh_token.split("_")[1:]

    rows = str(cloud.rows("main", pk=f"SESSION#{session_id}"))
    assert secret[:26] not in rows
    assert secret[26:] not in rows
