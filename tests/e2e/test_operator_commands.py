"""Commands of the operator, which no HTTP route has: developer tokens and the rotation of signing keys."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.local.e2e_environment import E2EEnvironment
from infra.local.progress import UserError
from infra.operator_cli import OperatorClient
from tests.support.e2e.client import Client, Server, new_email, sign_in


@pytest.fixture
def operator(deployment: E2EEnvironment) -> OperatorClient:
    return OperatorClient.from_outputs(deployment.cloud.lambda_client(), deployment.outputs)


def test_developer_token_is_a_token_of_the_user(operator: OperatorClient, client: Client) -> None:
    token = operator.issue_token(client.email, 900)

    assert Client(client.server, token).get("/auth/me").data()["id"] == client.user["id"]


def test_developer_token_needs_a_short_lifetime_and_an_existing_user(operator: OperatorClient, client: Client) -> None:
    with pytest.raises(UserError, match="1 to 900 seconds"):
        operator.issue_token(client.email, 901)
    with pytest.raises(UserError, match="No account has this email address"):
        operator.issue_token(new_email(), 60)


def test_next_signing_key_is_published_before_it_signs(
    operator: OperatorClient, client: Client, api_gateway: Server
) -> None:
    before = _published_key_ids(api_gateway)

    activates_at = datetime.fromisoformat(operator.rotate_keys())

    assert timedelta() < activates_at - datetime.now(UTC) <= timedelta(minutes=10)
    assert operator.rotate_keys() == activates_at.isoformat()  # there is a next key already
    assert before <= _published_key_ids(api_gateway)
    assert len(_published_key_ids(api_gateway)) >= 2
    assert client.get("/auth/me").status == 200
    assert sign_in(api_gateway, client.email).get("/auth/me").status == 200


def _published_key_ids(server: Server) -> set[str]:
    return {key["kid"] for key in Client(server).get("/.well-known/jwks.json").json()["keys"]}
