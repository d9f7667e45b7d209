"""Commands of `auth`: what an operator does with the rights of AWS, and no request."""

from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from functions.auth.handler import handler
from holdall.platform import clock
from holdall.platform.errors import Forbidden, NotFound
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client


def run_command(**overrides: Any) -> dict[str, Any]:
    """What an operator says to the function."""
    return handler(overrides, SimpleNamespace(aws_request_id="aws"))


def test_a_developers_token_opens_what_its_user_may(frozen_clock: FrozenClock) -> None:
    email = users.sign_up()["email"]
    token = run_command(command="token", email=email.upper(), seconds=60)["accessToken"]

    assert Client(token).get("/auth/me").data()["email"] == email
    frozen_clock.advance(seconds=91)  # with the leeway of a verifier
    assert Client(token).get("/auth/me").status == 401


def test_a_developers_token_lives_no_longer_than_another(frozen_clock: FrozenClock) -> None:
    token = run_command(command="token", email=users.sign_up()["email"], seconds=86400)["accessToken"]
    claims = jwt.decode(token, options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == 900
    assert claims["iat"] == int(clock.now().timestamp())


def test_a_stage_may_make_no_tokens_by_command(override_settings: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    override_settings(DEVELOPER_TOKENS="off")

    with pytest.raises(Forbidden):
        run_command(command="token", email=email, seconds=60)


def test_there_is_no_token_of_nobody() -> None:
    with pytest.raises(NotFound):
        run_command(command="token", email=users.unique_email(), seconds=60)


def test_no_request_gives_a_command(client: Client, fake_aws: FakeAws) -> None:
    event = {"command": "rotate-keys", "routeKey": "$default"}
    assert client.post("/auth/login", event).status == 422
    assert len(fake_aws.find_rows("main", pk="JWKS")) == 1


def test_a_command_that_is_none_does_nothing() -> None:
    with pytest.raises(KeyError):
        run_command(command="drop-tables")
