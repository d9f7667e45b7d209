"""What only an operator does: tokens to try the API with, and another signing key. Never over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.local.e2e_environment import E2EEnvironment
from infra.local.progress import UserError
from infra.operator_cli import OperatorClient
from tests.support.e2e.client import Client, Server, new_email, sign_in


@pytest.fixture
def operator(deployment: E2EEnvironment) -> OperatorClient:
    return OperatorClient(deployment.cloud.lambda_client(), deployment.outputs["AuthFunction"])


def test_a_token_of_the_operators_is_somebodys(operator: OperatorClient, client: Client) -> None:
    token = operator.issue_token(client.email, 900)

    assert Client(client.server, token).get("/auth/me").data()["id"] == client.user["id"]


def test_nobody_gets_a_token_for_longer_or_for_nobody(operator: OperatorClient, client: Client) -> None:
    with pytest.raises(UserError, match="1 to 900 seconds"):
        operator.issue_token(client.email, 901)
    with pytest.raises(UserError, match="No account has this email address"):
        operator.issue_token(new_email(), 60)


def test_the_next_signing_key_is_published_before_it_signs(
    operator: OperatorClient, client: Client, api_gateway: Server
) -> None:
    before = _published_key_ids(api_gateway)

    signs_from = datetime.fromisoformat(operator.rotate_keys())

    assert timedelta() < signs_from - datetime.now(UTC) <= timedelta(minutes=10)
    assert operator.rotate_keys() == signs_from.isoformat()  # one is on its way, so none is added
    assert before <= _published_key_ids(api_gateway)
    assert len(_published_key_ids(api_gateway)) >= 2
    assert client.get("/auth/me").status == 200
    assert sign_in(api_gateway, client.email).get("/auth/me").status == 200


def _published_key_ids(server: Server) -> set[str]:
    return {key["kid"] for key in Client(server).get("/.well-known/jwks.json").json()["keys"]}
