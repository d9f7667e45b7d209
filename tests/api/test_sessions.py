"""Sessions: every way to end them takes effect on the next request, and tokens of one kind do not replace another (S2, S4)."""

from datetime import timedelta

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock


def refresh(client: Client) -> Client:
    data = Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()
    return Client(data["accessToken"], client.user, data["refreshToken"])


def is_signed_out(client: Client) -> bool:
    """Return whether both tokens are rejected."""
    me = client.get("/auth/me")
    refreshed = Client().post("/auth/refresh", {"refreshToken": client.refresh_token})
    codes = {response.problem()["code"] for response in (me, refreshed) if response.status == 401}
    return (me.status, refreshed.status, codes) == (401, 401, {"invalid_token"})


def test_sign_out_takes_effect_on_the_next_request(client: Client) -> None:
    response = client.post("/auth/logout")

    assert (response.status, response.text) == (204, "")
    assert is_signed_out(client)


def test_sign_out_revokes_one_session(client: Client) -> None:
    other = users.sign_in(client.user["email"])
    client.post("/auth/logout")

    assert other.get("/auth/me").status == 200
    assert refresh(other).get("/auth/me").status == 200


def test_sign_out_everywhere_takes_effect_on_the_next_request(client: Client) -> None:
    other = users.sign_in(client.user["email"])

    assert client.post("/auth/logout-all").status == 204
    assert is_signed_out(client)
    assert is_signed_out(other)


def test_session_after_a_sign_out_everywhere_is_active(client: Client) -> None:
    client.post("/auth/logout-all")

    assert refresh(users.sign_in(client.user["email"])).get("/auth/me").status == 200


def test_sign_out_everywhere_does_not_affect_other_users(client: Client, stranger: Client) -> None:
    client.post("/auth/logout-all")

    assert stranger.get("/auth/me").status == 200


def test_lost_response_is_not_repeated_after_a_sign_out_everywhere(client: Client, frozen_clock: FrozenClock) -> None:
    refresh(client)
    users.sign_in(client.user["email"]).post("/auth/logout-all")

    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401


def test_disabled_user_is_signed_out(client: Client, fake_aws: FakeAws) -> None:
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", status="disabled")

    assert is_signed_out(client)


def test_lost_response_is_not_repeated_for_a_disabled_user(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    refresh(client)
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", status="disabled")

    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 401


def test_sign_outs_are_audited(client: Client, fake_aws: FakeAws) -> None:
    other = users.sign_in(client.user["email"])
    other.post("/auth/logout")
    client.post("/auth/logout-all")

    actions = [row["action"] for row in fake_aws.find_rows("audit", actor=client.user["id"])]
    assert sorted(actions) == [
        "accounts.sign_up",
        "projects.create",
        "sessions.create",
        "sessions.create",
        "sessions.revoke",
        "sessions.revoke_all",
    ]


def test_refresh_token_is_not_an_access_token(client: Client) -> None:
    assert Client(client.refresh_token).get("/auth/me").problem()["code"] == "invalid_token"


def test_access_token_is_not_a_refresh_token(client: Client) -> None:
    response = Client().post("/auth/refresh", {"refreshToken": str(client.access_token)[:128]})

    assert response.problem()["code"] == "invalid_token"


def test_access_token_expires(frozen_clock: FrozenClock) -> None:
    client = users.create_client()  # now, because its token counts whole seconds
    frozen_clock.advance(minutes=15, seconds=29)
    assert client.get("/auth/me").status == 200
    frozen_clock.advance(seconds=2)
    assert client.get("/auth/me").problem()["code"] == "invalid_token"


@pytest.mark.parametrize(("idle", "status"), [(timedelta(days=6, hours=23), 200), (timedelta(days=7, seconds=1), 401)])
def test_session_expires_a_week_after_its_last_use(
    client: Client, frozen_clock: FrozenClock, idle: timedelta, status: int
) -> None:
    frozen_clock.advance(seconds=idle.total_seconds())

    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == status


def test_session_expires_30_days_after_its_creation(frozen_clock: FrozenClock) -> None:
    client = users.create_client()
    for _ in range(5):
        frozen_clock.advance(days=5)
        client = refresh(client)
    frozen_clock.advance(days=5, seconds=1)

    assert is_signed_out(client)


def test_secrets_of_tokens_are_not_stored(client: Client, fake_aws: FakeAws) -> None:
    client = refresh(client)
    session_id, secret = client.refresh_token.split("_")[1:]

    rows = str(fake_aws.find_rows("main", pk=f"SESSION#{session_id}"))
    assert secret[:26] not in rows
    assert secret[26:] not in rows
