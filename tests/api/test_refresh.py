"""Refresh tokens: each can be used once, a lost response is repeated, and any other reuse revokes the session (S3)."""

from typing import Any

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock


def refresh(token: str) -> Response:
    return Client().post("/auth/refresh", {"refreshToken": token})


def get_session_id(token: str) -> str:
    return token.split("_")[1]


def refresh_repeatedly(client: Client, times: int) -> list[str]:
    """Return the tokens of a session, each of which was used for the next one."""
    tokens = [client.refresh_token]
    for _ in range(times):
        tokens.append(refresh(tokens[-1]).data()["refreshToken"])
    return tokens


def reuse_entries(fake_aws: FakeAws, token: str) -> list[dict[str, Any]]:
    return fake_aws.find_rows("audit", action="sessions.reuse_detected", target=get_session_id(token))


def test_refresh_returns_the_next_token_of_the_session(client: Client) -> None:
    data = refresh(client.refresh_token).data()

    assert data["refreshToken"] != client.refresh_token
    assert get_session_id(data["refreshToken"]) == get_session_id(client.refresh_token)
    assert (data["tokenType"], data["expiresIn"]) == ("Bearer", 900)
    assert Client(data["accessToken"]).get("/auth/me").data()["id"] == client.user["id"]
    assert client.get("/auth/me").status == 200


def test_lost_response_is_repeated_for_ten_seconds(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    first = refresh(client.refresh_token).data()
    frozen_clock.advance(seconds=10)
    repeated = refresh(client.refresh_token).data()

    assert repeated["refreshToken"] == first["refreshToken"]
    assert Client(repeated["accessToken"]).get("/auth/me").status == 200
    assert refresh(first["refreshToken"]).status == 200
    assert reuse_entries(fake_aws, client.refresh_token) == []


def test_reuse_after_ten_seconds_revokes_the_session(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    newest = refresh(client.refresh_token).data()
    frozen_clock.advance(seconds=10, milliseconds=1)
    rejected = refresh(client.refresh_token)

    assert (rejected.status, rejected.problem()["code"]) == (401, "invalid_token")
    assert refresh(newest["refreshToken"]).status == 401
    assert Client(newest["accessToken"]).get("/auth/me").status == 401
    assert client.get("/auth/me").status == 401
    (row,) = reuse_entries(fake_aws, client.refresh_token)
    assert (row["actor"], row["outcome"]) == (client.user["id"], "denied")


def test_reuse_after_the_successor_was_used_revokes_the_session(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    tokens = refresh_repeatedly(client, 2)

    assert refresh(tokens[0]).status == 401
    assert refresh(tokens[2]).status == 401
    assert len(reuse_entries(fake_aws, tokens[0])) == 1


def test_reuse_of_an_old_token_revokes_the_session(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    tokens = refresh_repeatedly(client, 3)
    frozen_clock.advance(seconds=30)

    assert refresh(tokens[0]).status == 401
    assert refresh(tokens[3]).status == 401
    assert len(reuse_entries(fake_aws, tokens[0])) == 1


def test_reuse_is_audited_once(client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws) -> None:
    tokens = refresh_repeatedly(client, 2)
    for token in tokens:
        assert refresh(token).status == 401

    assert len(reuse_entries(fake_aws, tokens[0])) == 1


def test_reuse_does_not_revoke_other_sessions(client: Client, frozen_clock: FrozenClock) -> None:
    other = users.sign_in(client.user["email"])
    tokens = refresh_repeatedly(client, 2)
    refresh(tokens[0])

    assert refresh(other.refresh_token).status == 200


@pytest.mark.parametrize("part", ["session", "family", "rotation"])
def test_guessed_token_is_rejected(client: Client, stranger: Client, fake_aws: FakeAws, part: str) -> None:
    _, session, secret = client.refresh_token.split("_")
    guesses = {
        "session": f"hr_{'0' * 26}_{secret}",
        "family": f"hr_{session}_{'0' * 26}{secret[26:]}",
        "rotation": f"hr_{session}_{secret[:26]}{'0' * 26}",
    }

    assert refresh(guesses[part]).problem()["code"] == "invalid_token"
    # Only a client that had a token of the session knows the family secret, so only its guess revokes the session.
    is_revoked = part == "rotation"
    assert refresh(client.refresh_token).status == (401 if is_revoked else 200)
    assert len(reuse_entries(fake_aws, client.refresh_token)) == is_revoked


def test_token_with_the_secret_of_another_session_is_rejected(client: Client, stranger: Client) -> None:
    mixed = f"hr_{get_session_id(client.refresh_token)}_{stranger.refresh_token.split('_')[2]}"

    assert refresh(mixed).status == 401
    assert refresh(client.refresh_token).status == 200


def test_second_lost_response_is_repeated_too(client: Client, frozen_clock: FrozenClock) -> None:
    first = refresh(client.refresh_token).data()["refreshToken"]
    second = refresh(first).data()["refreshToken"]

    assert refresh(first).data()["refreshToken"] == second
