"""P2: a fuzzer reads the OpenAPI document and tries everything that it allows, and much that it does not."""

import json
import secrets
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation

from infra.build.openapi import OPENAPI_PATH
from tests.support.e2e.actions import create_superuser, upload_file
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client, new_email

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
_MAX_URL_LENGTH = 10_240 - 2_048  # without the headers that we send
_TIMEOUT_SECONDS = 60  # the local cloud may have to start a worker first
_HEADER_FIELDS_TOO_LARGE = 431  # RFC 6585, section 5

schema = schemathesis.openapi.from_path(OPENAPI_PATH, config=SchemathesisConfig.from_dict(_CONFIG))


class Callers:
    """Who asks: somebody, or, for what wants a permission, a superuser about what is there: few cases end at a door."""

    def __init__(self, api_gateway: Server, aws_state: AwsState) -> None:
        self._api_gateway, self._user, self._superuser = (
            api_gateway,
            create_client(api_gateway),
            create_superuser(api_gateway, aws_state),
        )
        self._created_ids: dict[str, dict[str, str]] = {}

    def prepare(self, case: schemathesis.Case[Any]) -> None:
        """Give a case its token, and ids of what is there, but where it means to say none that can be."""
        caller = self._user
        if "logout" in case.path:
            caller = create_client(self._api_gateway)  # a session that ends must not end for the cases that follow
        elif "x-permission" in case.operation.definition.raw:
            caller = self._superuser
        case.headers["authorization"] = f"Bearer {caller.access_token}"
        if caller is self._superuser and _is_valid(case, ParameterLocation.PATH):
            made = self._created_ids.setdefault(case.operation.label, {})  # nobody else's, as the operation may end it
            for name in sorted(case.path_parameters, key=lambda each: each != "projectId"):
                made[name] = made.get(name) or self._create_resource(name, f"/projects/{made.get('projectId')}")
            case.path_parameters.update(made)

    def _create_resource(self, name: str, project: str) -> str:
        """What a parameter may name, made for it; of the superuser's own account it is nothing."""
        root, mark = self._superuser, secrets.token_hex(4)
        made: dict[str, tuple[str, Any]] = {
            "projectId": ("/projects", {"name": "Holiday"}),
            "invitationId": (f"{project}/invitations", {"email": new_email(), "role": "viewer"}),
            "keyId": (f"{project}/keys", {"name": "Robot", "scopes": ["files.read"]}),
            "userId": ("/users", {"email": new_email(), "roles": ["user"]}),
            "name": ("/roles", {"name": f"fuzz-{mark}", "permissions": []}),
            "permission": ("/permissions", {"name": f"fuzz.thing-{mark}"}),
        }
        if name == "fileId":
            return str(upload_file(root, b"x", filename="notes.txt", contentType="text/plain")["fileId"])
        if name == "role":
            return "user"
        told = root.post(*made[name]).data()
        return str(told.get("id") or told["name"])


@pytest.fixture(scope="module")
def callers(api_gateway: Server, aws_state: AwsState) -> Callers:
    """Whose tokens are sent."""
    return Callers(api_gateway, aws_state)


def test_the_document_that_is_deployed_is_the_one_in_the_tree(api_gateway: Server, cloudfront: Server) -> None:
    for server in (api_gateway, cloudfront):
        assert Client(server).get("/openapi.json").json() == json.loads(OPENAPI_PATH.read_text())


@schema.parametrize()
@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_the_answer_is_as_documented(
    case: schemathesis.Case[Any], callers: Callers, api_gateway: Server
) -> None:
    callers.prepare(case)
    answer = case.call(base_url=f"http://{api_gateway.host}{api_gateway.prefix}", timeout=_TIMEOUT_SECONDS)
    if answer.status_code == _HEADER_FIELDS_TOO_LARGE and len(str(answer.request.url)) > _MAX_URL_LENGTH:
        return  # the gateway's own word: such a request never reaches us
    case.validate_response(answer)


def _is_valid(case: schemathesis.Case[Any], location: ParameterLocation) -> bool:
    info = case.meta.components.get(location) if case.meta else None
    return info is not None and info.mode.is_positive
