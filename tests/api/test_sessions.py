"""Sessions: what ends them ends them at once, and no token opens another's door (S2, S4)."""

from datetime import timedelta

import pytest

from tests.api.conftest import FrozenClock
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client


def refresh(client: Client) -> Client:
    data = Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()
    return Client(data["accessToken"], client.user, data["refreshToken"])


def is_signed_out(client: Client) -> bool:
    """Whether neither of the tokens counts any more."""
    me = client.get("/auth/me")
    again = Client().post("/auth/refresh", {"refreshToken": client.refresh_token})
    codes = {answer.problem()["code"] for answer in (me, again) if answer.status == 401}
    return (me.status, again.status, codes) == (401, 401, {"invalid_token"})


def test_a_logout_counts_on_the_next_request(client: Client) -> None:
    answer = client.post("/auth/logout")

    assert (answer.status, answer.text) == (204, "")
    assert is_signed_out(client)


def test_a_logout_ends_one_session(client: Client) -> None:
    other = users.sign_in(client.user["email"])
    client.post("/auth/logout")

    assert other.get("/auth/me").status == 200
    assert refresh(other).get("/auth/me").status == 200


def test_a_logout_everywhere_counts_on_the_next_request(client: Client) -> None:
    other = users.sign_in(client.user["email"])

    assert client.post("/auth/logout-all").status == 204
    assert is_signed_out(client)
    assert is_signed_out(other)


def test_a_login_after_a_logout_everywhere_counts(client: Client) -> None:
    client.post("/auth/logout-all")

    assert refresh(users.sign_in(client.user["email"])).get("/auth/me").status == 200


def test_a_logout_everywhere_is_the_users_alone(client: Client, stranger: Client) -> None:
    client.post("/auth/logout-all")

    assert stranger.get("/auth/me").status == 200


def test_a_spent_token_gets_nothing_after_a_logout_everywhere(client: Client, frozen_clock: FrozenClock) -> None:
    refresh(client)
    users.sign_in(client.user["email"]).post("/auth/logout-all")

    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401


def test_a_disabled_user_is_out_at_once(client: Client, fake_aws: FakeAws) -> None:
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", status="disabled")

    assert is_signed_out(client)


def test_a_spent_token_gets_nothing_for_a_disabled_user(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    refresh(client)
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", status="disabled")

    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401


def test_logouts_are_audited(client: Client, fake_aws: FakeAws) -> None:
    other = users.sign_in(client.user["email"])
    other.post("/auth/logout")
    client.post("/auth/logout-all")

    actions = [row["action"] for row in fake_aws.find_rows("audit", actor=client.user["id"])]
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
    answer = Client().post("/auth/refresh", {"refreshToken": str(client.access_token)[:128]})

    assert answer.problem()["code"] == "invalid_token"


def test_an_access_token_ends_by_the_clock(client: Client, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(minutes=15, seconds=29)
    assert client.get("/auth/me").status == 200
    frozen_clock.advance(seconds=2)
    assert client.get("/auth/me").problem()["code"] == "invalid_token"


@pytest.mark.parametrize(("idle", "status"), [(timedelta(days=6, hours=23), 200), (timedelta(days=7, seconds=1), 401)])
def test_a_session_ends_a_week_after_its_last_use(
    client: Client, frozen_clock: FrozenClock, idle: timedelta, status: int
) -> None:
    frozen_clock.advance(seconds=idle.total_seconds())

    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == status


def test_a_session_ends_a_month_after_its_birth(frozen_clock: FrozenClock) -> None:
    client = users.create_client()
    for _ in range(5):
        frozen_clock.advance(days=5)
        client = refresh(client)
    frozen_clock.advance(days=5, seconds=1)

    assert is_signed_out(client)


def test_no_tokens_secret_is_stored(client: Client, fake_aws: FakeAws) -> None:
    client = refresh(client)
    session_id, secret = client.refresh_token.split("_")[1:]

    rows = str(fake_aws.find_rows("main", pk=f"SESSION#{session_id}"))
    assert secret[:26] not in rows
    assert secret[26:] not in rows
