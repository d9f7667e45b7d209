"""Commands of `auth`, which operators run with AWS credentials. No HTTP request can run them."""

from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from holdall.platform import clock
from holdall.platform.errors import Forbidden, NotFound
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.iam import load_handler


def run_command(**overrides: Any) -> dict[str, Any]:
    """Invoke the function as an operator does."""
    response: dict[str, Any] = load_handler("auth")(overrides, SimpleNamespace(aws_request_id="aws"))
    return response


def test_developer_token_has_the_permissions_of_its_user(frozen_clock: FrozenClock) -> None:
    email = users.sign_up()["email"]
    token = run_command(command="token", email=email.upper(), seconds=60)["accessToken"]

    assert Client(token).get("/auth/me").data()["email"] == email
    frozen_clock.advance(seconds=91)  # the verifier's leeway is 30 seconds
    assert Client(token).get("/auth/me").status == 401


def test_developer_token_lives_at_most_fifteen_minutes(frozen_clock: FrozenClock) -> None:
    token = run_command(command="token", email=users.sign_up()["email"], seconds=86400)["accessToken"]
    claims = jwt.decode(token, options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == 900
    assert claims["iat"] == int(clock.now().timestamp())


def test_stage_can_disable_developer_tokens(override_settings: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    override_settings(DEVELOPER_TOKENS="off")

    with pytest.raises(Forbidden):
        run_command(command="token", email=email, seconds=60)


def test_developer_token_of_an_unknown_user_is_not_found() -> None:
    with pytest.raises(NotFound):
        run_command(command="token", email=users.unique_email(), seconds=60)


def test_http_request_cannot_run_a_command(client: Client, fake_aws: FakeAws) -> None:
    event = {"command": "rotate-keys", "routeKey": "$default"}
    assert client.post("/auth/login", event).status == 422
    assert len(fake_aws.find_rows("main", pk="JWKS")) == 1


def test_unknown_command_does_nothing() -> None:
    with pytest.raises(KeyError):
        run_command(command="drop-tables")
