"""Refresh tokens: each is spent once; an answer that was lost is given again, a theft ends the family (S3)."""

from typing import Any

import pytest

from tests.api.conftest import FrozenClock
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response


def refresh(token: str) -> Response:
    return Client().post("/auth/refresh", {"refreshToken": token})


def get_session_id(token: str) -> str:
    return token.split("_")[1]


def refresh_repeatedly(client: Client, times: int) -> list[str]:
    """The tokens of a session, each spent for the next."""
    tokens = [client.refresh_token]
    for _ in range(times):
        tokens.append(refresh(tokens[-1]).data()["refreshToken"])
    return tokens


def reuse_entries(fake_aws: FakeAws, token: str) -> list[dict[str, Any]]:
    return fake_aws.find_rows("audit", action="session.reuse", target=get_session_id(token))


def test_a_token_is_spent_for_another_of_the_same_session(client: Client) -> None:
    data = refresh(client.refresh_token).data()

    assert data["refreshToken"] != client.refresh_token
    assert get_session_id(data["refreshToken"]) == get_session_id(client.refresh_token)
    assert (data["tokenType"], data["expiresIn"]) == ("Bearer", 900)
    assert Client(data["accessToken"]).get("/auth/me").data()["id"] == client.user["id"]
    assert client.get("/auth/me").status == 200


def test_a_lost_answer_is_given_again_for_ten_seconds(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    first = refresh(client.refresh_token).data()
    frozen_clock.advance(seconds=10)
    again = refresh(client.refresh_token).data()

    assert again["refreshToken"] == first["refreshToken"]
    assert Client(again["accessToken"]).get("/auth/me").status == 200
    assert refresh(first["refreshToken"]).status == 200
    assert reuse_entries(fake_aws, client.refresh_token) == []


def test_a_spent_token_ends_the_family_after_ten_seconds(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    newest = refresh(client.refresh_token).data()
    frozen_clock.advance(seconds=10, milliseconds=1)
    refused = refresh(client.refresh_token)

    assert (refused.status, refused.problem()["code"]) == (401, "invalid_token")
    assert refresh(newest["refreshToken"]).status == 401
    assert Client(newest["accessToken"]).get("/auth/me").status == 401
    assert client.get("/auth/me").status == 401
    (row,) = reuse_entries(fake_aws, client.refresh_token)
    assert (row["actor"], row["outcome"]) == (client.user["id"], "denied")


def test_a_successor_that_was_used_is_not_given_again(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    tokens = refresh_repeatedly(client, 2)

    assert refresh(tokens[0]).status == 401
    assert refresh(tokens[2]).status == 401
    assert len(reuse_entries(fake_aws, tokens[0])) == 1


def test_the_first_of_three_rotations_ends_the_family(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws
) -> None:
    tokens = refresh_repeatedly(client, 3)
    frozen_clock.advance(seconds=30)

    assert refresh(tokens[0]).status == 401
    assert refresh(tokens[3]).status == 401
    assert len(reuse_entries(fake_aws, tokens[0])) == 1


def test_a_family_ends_once(client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws) -> None:
    tokens = refresh_repeatedly(client, 2)
    for token in tokens:
        assert refresh(token).status == 401

    assert len(reuse_entries(fake_aws, tokens[0])) == 1


def test_another_session_of_the_user_goes_on(client: Client, frozen_clock: FrozenClock) -> None:
    other = users.sign_in(client.user["email"])
    tokens = refresh_repeatedly(client, 2)
    refresh(tokens[0])

    assert refresh(other.refresh_token).status == 200


@pytest.mark.parametrize("place", ["session", "family", "rotation"])
def test_a_guess_is_refused(client: Client, stranger: Client, fake_aws: FakeAws, place: str) -> None:
    _, session, secret = client.refresh_token.split("_")
    guesses = {
        "session": f"hr_{'0' * 26}_{secret}",
        "family": f"hr_{session}_{'0' * 26}{secret[26:]}",
        "rotation": f"hr_{session}_{secret[:26]}{'0' * 26}",
    }

    assert refresh(guesses[place]).problem()["code"] == "invalid_token"
    # Who knows the family's half held a token of it once; nobody else can end it.
    family_ended = place == "rotation"
    assert refresh(client.refresh_token).status == (401 if family_ended else 200)
    assert len(reuse_entries(fake_aws, client.refresh_token)) == family_ended


def test_half_a_strangers_token_is_worth_nothing(client: Client, stranger: Client) -> None:
    mixed = f"hr_{get_session_id(client.refresh_token)}_{stranger.refresh_token.split('_')[2]}"

    assert refresh(mixed).status == 401
    assert refresh(client.refresh_token).status == 200


def test_a_lost_answer_is_given_again_once_its_successor_is_the_current(
    client: Client, frozen_clock: FrozenClock
) -> None:
    """Twice lost: the second token's answer is lost too, and each gives what it gave."""
    first = refresh(client.refresh_token).data()["refreshToken"]
    second = refresh(first).data()["refreshToken"]

    assert refresh(first).data()["refreshToken"] == second
