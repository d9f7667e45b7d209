"""What only an operator does: tokens to try the API with, and another signing key. Never over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.local.progress import Trouble
from infra.local.testing import Running
from infra.operator import Operator
from tests.stack.client import Client, Server, logged_in, new_email


@pytest.fixture
def operator(deployed: Running) -> Operator:
    return Operator(deployed.cloud.functions(), deployed.outputs["AuthFunction"])


def test_a_token_of_the_operators_is_somebodys(operator: Operator, client: Client) -> None:
    token = operator.token(client.email, 900)

    assert Client(client.server, token).get("/auth/me").data()["id"] == client.user["id"]


def test_nobody_gets_a_token_for_longer_or_for_nobody(operator: Operator, client: Client) -> None:
    with pytest.raises(Trouble, match="1 to 900 seconds"):
        operator.token(client.email, 901)
    with pytest.raises(Trouble, match="no account with this address"):
        operator.token(new_email(), 60)


def test_the_next_signing_key_is_published_before_it_signs(operator: Operator, client: Client, direct: Server) -> None:
    before = _keys(direct)

    signs_from = datetime.fromisoformat(operator.rotate_keys())

    assert timedelta() < signs_from - datetime.now(UTC) <= timedelta(minutes=10)
    assert operator.rotate_keys() == signs_from.isoformat()  # one is on its way, so none is added
    assert before <= _keys(direct)
    assert len(_keys(direct)) >= 2
    assert client.get("/auth/me").status == 200
    assert logged_in(direct, client.email).get("/auth/me").status == 200


def _keys(server: Server) -> set[str]:
    return {key["kid"] for key in Client(server).get("/.well-known/jwks.json").json()["keys"]}
