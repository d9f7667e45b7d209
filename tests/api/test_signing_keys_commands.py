"""Commands of `auth`: what an operator does with the rights of AWS, and no request."""

from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from functions.auth.handler import handler
from holdall import clock
from holdall.errors import Forbidden, NotFound
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed


def command(**said: Any) -> dict[str, Any]:
    """What an operator says to the function."""
    return handler(said, SimpleNamespace(aws_request_id="aws"))


def test_a_developers_token_opens_what_its_user_may(frozen: Clock) -> None:
    email = people.sign_up()["email"]
    token = command(command="token", email=email.upper(), seconds=60)["accessToken"]

    assert Client(token).get("/auth/me").data()["email"] == email
    frozen.forward(seconds=91)  # with the leeway of a verifier
    assert Client(token).get("/auth/me").status == 401


def test_a_developers_token_lives_no_longer_than_another(frozen: Clock) -> None:
    token = command(command="token", email=people.sign_up()["email"], seconds=86400)["accessToken"]
    claims = jwt.decode(token, options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == 900
    assert claims["iat"] == int(clock.now().timestamp())


def test_a_stage_may_make_no_tokens_by_command(installed: Installed) -> None:
    email = people.sign_up()["email"]
    installed(DEVELOPER_TOKENS="off")

    with pytest.raises(Forbidden):
        command(command="token", email=email, seconds=60)


def test_there_is_no_token_of_nobody() -> None:
    with pytest.raises(NotFound):
        command(command="token", email=people.new_address(), seconds=60)


def test_no_request_gives_a_command(client: Client, cloud: Cloud) -> None:
    event = {"command": "rotate-keys", "routeKey": "$default"}
    assert client.post("/auth/login", event).status == 422
    assert len(cloud.rows("main", pk="JWKS")) == 1


def test_a_command_that_is_none_does_nothing() -> None:
    with pytest.raises(KeyError):
        command(command="drop-tables")
