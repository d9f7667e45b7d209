"""Fuzzing (P2): Schemathesis sends what the OpenAPI document allows, and much that it does not."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import unsupported_method

from infra.build.openapi import OPENAPI_PATH
from tests.support.e2e.actions import create_superuser, upload_file
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client, new_email

_CONFIG: dict[str, Any] = {
    "seed": 7,
    # Tests of authorization send no token or a wrong one.
    "generation": {"with-security-parameters": False},
    "checks": {
        # Rules that no schema can express return 400, 409, 412 and 422: a cursor of another list, an entity tag.
        "positive_data_acceptance": {
            "expected-statuses": ["2xx", "3xx", "400", "401", "403", "404", "409", "412", "422"]
        },
    },
}


# Of the request line and headers together (API Gateway developer guide, "Quotas for HTTP APIs"), without our headers.
_MAX_URL_LENGTH = 10_240 - 2_048
_TIMEOUT_SECONDS = 60  # MiniStack may have to start a worker
_HEADER_FIELDS_TOO_LARGE = 431  # RFC 6585, section 5

_FIXED_PARAMETERS = {"role": "user", "number": "1", "task": "recount"}

schema = schemathesis.openapi.from_path(OPENAPI_PATH, config=SchemathesisConfig.from_dict(_CONFIG))


class Callers:
    """The callers: a user, and a superuser with existing resources for routes that need a permission."""

    def __init__(self, api_gateway: Server, aws_state: AwsState) -> None:
        self._api_gateway, self._user, self._superuser = (
            api_gateway,
            create_client(api_gateway),
            create_superuser(api_gateway, aws_state),
        )
        self._created_ids: dict[str, dict[str, str]] = {}

    def prepare(self, case: schemathesis.Case[Any]) -> None:
        """Add a token to a case, and IDs of existing resources if its path parameters are valid."""
        caller = self._user
        if "logout" in case.path:
            caller = create_client(self._api_gateway)  # other cases need their session
        elif "x-permission" in case.operation.definition.raw:
            caller = self._superuser
        case.headers["authorization"] = f"Bearer {caller.access_token}"
        if caller is self._superuser and _is_valid(case, ParameterLocation.PATH):
            # Each operation has its own resources, because it may delete them.
            created = self._created_ids.setdefault(case.operation.label, {})
            for name in sorted(case.path_parameters, key=lambda each: each != "projectId"):
                created[name] = created.get(name) or self._create_resource(name, created)
            case.path_parameters.update(created)
        if "/s/{token}" in case.path and _is_valid(case, ParameterLocation.PATH):
            case.path_parameters["token"] = self._share()["token"]

    def _share(self, file_id: str | None = None) -> Any:
        """Share a file, so that anyone may upload to it, and return the share."""
        file_id = file_id or self._create_resource("fileId", {})
        return self._superuser.post(f"/files/{file_id}/shares", {"permission": "write"}).data()

    def _create_resource(self, name: str, created: Mapping[str, str]) -> str:
        """Create a resource for a path parameter, and return its ID. `created` are those of the parameters before it."""
        superuser, mark, project = self._superuser, secrets.token_hex(4), f"/projects/{created.get('projectId')}"
        requests: dict[str, tuple[str, Any]] = {
            "projectId": ("/projects", {"name": "Holiday"}),
            "invitationId": (f"{project}/invitations", {"email": new_email(), "role": "viewer"}),
            "keyId": (f"{project}/keys", {"name": "Robot", "scopes": ["files.read"]}),
            "userId": ("/users", {"email": new_email(), "roles": ["user"]}),
            "name": ("/roles", {"name": f"fuzz-{mark}", "permissions": []}),
            "permission": ("/permissions", {"name": f"fuzz.thing-{mark}"}),
            "uploadId": (
                "/files/init-upload",
                {"filename": "notes.txt", "contentType": "text/plain", "size": 1, "sha256": "0" * 64},
            ),
        }
        if name == "fileId":
            return str(upload_file(superuser, b"x", filename="notes.txt", contentType="text/plain")["fileId"])
        if name == "jobId":
            upload_file(superuser, b"x", filename="notes.txt", contentType="text/plain", sha256=None)
            return str(superuser.get("/jobs").data()[0]["id"])
        if name == "shareId":
            return str(self._share(created["fileId"])["id"])
        if name in _FIXED_PARAMETERS:
            return _FIXED_PARAMETERS[name]
        resource = superuser.post(*requests[name]).data()
        return str(resource.get("id") or resource.get("uploadId") or resource["name"])


@pytest.fixture(scope="module")
def callers(api_gateway: Server, aws_state: AwsState) -> Callers:
    return Callers(api_gateway, aws_state)


def test_deployed_document_is_the_one_in_the_repository(api_gateway: Server, cloudfront: Server) -> None:
    for server in (api_gateway, cloudfront):
        assert Client(server).get("/openapi.json").json() == json.loads(OPENAPI_PATH.read_text())


@schema.parametrize()
@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_response_is_documented(case: schemathesis.Case[Any], callers: Callers, api_gateway: Server) -> None:
    callers.prepare(case)
    response = case.call(base_url=f"http://{api_gateway.host}{api_gateway.prefix}", timeout=_TIMEOUT_SECONDS)
    if response.status_code == _HEADER_FIELDS_TOO_LARGE and len(str(response.request.url)) > _MAX_URL_LENGTH:
        return  # API Gateway refuses such a request
    # A part has a number where these words are, in the contract of Uppy, so they are read as one with GET.
    is_beside_parts = case.path.endswith(("/s3/multipart/{uploadId}/complete", "/s3/multipart/{uploadId}/batch"))
    case.validate_response(response, excluded_checks=[unsupported_method] if is_beside_parts else [])


def _is_valid(case: schemathesis.Case[Any], location: ParameterLocation) -> bool:
    info = case.meta.components.get(location) if case.meta else None
    return info is not None and info.mode.is_positive
