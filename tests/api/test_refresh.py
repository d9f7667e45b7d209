"""Refresh tokens: each is spent once; an answer that was lost is given again, a theft ends the family (S3)."""

from typing import Any

import pytest

from tests.api import people
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock


def spend(token: str) -> Answer:
    return Client().post("/auth/refresh", {"refreshToken": token})


def session_of(token: str) -> str:
    return token.split("_")[1]


def chain(client: Client, length: int) -> list[str]:
    """The tokens of a session, each spent for the next."""
    tokens = [client.refresh_token]
    for _ in range(length):
        tokens.append(spend(tokens[-1]).data()["refreshToken"])
    return tokens


def reuses(cloud: Cloud, token: str) -> list[dict[str, Any]]:
    return cloud.rows("audit", action="session.reuse", target=session_of(token))


def test_a_token_is_spent_for_another_of_the_same_session(client: Client) -> None:
    data = spend(client.refresh_token).data()

    assert data["refreshToken"] != client.refresh_token
    assert session_of(data["refreshToken"]) == session_of(client.refresh_token)
    assert (data["tokenType"], data["expiresIn"]) == ("Bearer", 900)
    assert Client(data["accessToken"]).get("/auth/me").data()["id"] == client.user["id"]
    assert client.get("/auth/me").status == 200


def test_a_lost_answer_is_given_again_for_ten_seconds(client: Client, frozen: Clock, cloud: Cloud) -> None:
    first = spend(client.refresh_token).data()
    frozen.forward(seconds=10)
    again = spend(client.refresh_token).data()

    assert again["refreshToken"] == first["refreshToken"]
    assert Client(again["accessToken"]).get("/auth/me").status == 200
    assert spend(first["refreshToken"]).status == 200
    assert reuses(cloud, client.refresh_token) == []


def test_a_spent_token_ends_the_family_after_ten_seconds(client: Client, frozen: Clock, cloud: Cloud) -> None:
    newest = spend(client.refresh_token).data()
    frozen.forward(seconds=10, milliseconds=1)
    refused = spend(client.refresh_token)

    assert (refused.status, refused.problem()["code"]) == (401, "invalid_token")
    assert spend(newest["refreshToken"]).status == 401
    assert Client(newest["accessToken"]).get("/auth/me").status == 401
    assert client.get("/auth/me").status == 401
    (row,) = reuses(cloud, client.refresh_token)
    assert (row["actor"], row["outcome"]) == (client.user["id"], "denied")


def test_a_successor_that_was_used_is_not_given_again(client: Client, frozen: Clock, cloud: Cloud) -> None:
    tokens = chain(client, 2)

    assert spend(tokens[0]).status == 401
    assert spend(tokens[2]).status == 401
    assert len(reuses(cloud, tokens[0])) == 1


def test_the_first_of_three_rotations_ends_the_family(client: Client, frozen: Clock, cloud: Cloud) -> None:
    tokens = chain(client, 3)
    frozen.forward(seconds=30)

    assert spend(tokens[0]).status == 401
    assert spend(tokens[3]).status == 401
    assert len(reuses(cloud, tokens[0])) == 1


def test_a_family_ends_once(client: Client, frozen: Clock, cloud: Cloud) -> None:
    tokens = chain(client, 2)
    for token in tokens:
        assert spend(token).status == 401

    assert len(reuses(cloud, tokens[0])) == 1


def test_another_session_of_the_user_goes_on(client: Client, frozen: Clock) -> None:
    other = people.log_in(client.user["email"])
    tokens = chain(client, 2)
    spend(tokens[0])

    assert spend(other.refresh_token).status == 200


@pytest.mark.parametrize("place", ["session", "family", "rotation"])
def test_a_guess_is_refused(client: Client, stranger: Client, cloud: Cloud, place: str) -> None:
    _, session, secret = client.refresh_token.split("_")
    guesses = {
        "session": f"hr_{'0' * 26}_{secret}",
        "family": f"hr_{session}_{'0' * 26}{secret[26:]}",
        "rotation": f"hr_{session}_{secret[:26]}{'0' * 26}",
    }

    assert spend(guesses[place]).problem()["code"] == "invalid_token"
    # Who knows the family's half held a token of it once; nobody else can end it.
    family_ended = place == "rotation"
    assert spend(client.refresh_token).status == (401 if family_ended else 200)
    assert len(reuses(cloud, client.refresh_token)) == family_ended


def test_half_a_strangers_token_is_worth_nothing(client: Client, stranger: Client) -> None:
    mixed = f"hr_{session_of(client.refresh_token)}_{stranger.refresh_token.split('_')[2]}"

    assert spend(mixed).status == 401
    assert spend(client.refresh_token).status == 200


def test_a_lost_answer_is_given_again_once_its_successor_is_the_current(client: Client, frozen: Clock) -> None:
    """Twice lost: the second token's answer is lost too, and each gives what it gave."""
    first = spend(client.refresh_token).data()["refreshToken"]
    second = spend(first).data()["refreshToken"]

    assert spend(first).data()["refreshToken"] == second
