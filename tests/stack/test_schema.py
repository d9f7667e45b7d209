"""P2: a fuzzer reads the OpenAPI document and tries everything that it allows, and much that it does not."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from infra.build.openapi import DOCUMENT
from tests.stack.client import Client, Server, signed_in

_CONFIG: dict[str, Any] = {
    "seed": 7,
    # We bring the token; that none and a wrong one are refused is a check of its own.
    "generation": {"with-security-parameters": False},
    "checks": {
        # Rules that a schema cannot say (a cursor of another list, a password made of the address) are 400, 409 and 422.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "400", "401", "403", "404", "409", "422"]},
    },
}


# Bytes of a request line with its headers that an HTTP API takes (AWS API Gateway developer guide, "Quotas for HTTP APIs").
_LONGEST = 10_240 - 2_048  # without the headers that we send
_TOO_LONG = 431  # RFC 6585, section 5

schema = schemathesis.openapi.from_path(DOCUMENT, config=SchemathesisConfig.from_dict(_CONFIG))


@pytest.fixture(scope="module")
def somebody(direct: Server) -> Client:
    """Whose token is sent."""
    return signed_in(direct)


def test_the_document_that_is_deployed_is_the_one_in_the_tree(direct: Server, edge: Server) -> None:
    for server in (direct, edge):
        assert Client(server).get("/openapi.json").json() == json.loads(DOCUMENT.read_text())


@schema.parametrize()
@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_the_answer_is_as_documented(
    case: schemathesis.Case[Any], somebody: Client, direct: Server
) -> None:
    # A case that ends the session must not end it for those that follow.
    caller = signed_in(direct) if "logout" in case.path else somebody
    case.headers["authorization"] = f"Bearer {caller.token}"
    answer = case.call(base_url=f"http://{direct.host}{direct.prefix}")
    if answer.status_code == _TOO_LONG and len(str(answer.request.url)) > _LONGEST:
        return  # the gateway's own word: such a request never reaches us
    case.validate_response(answer)
