"""API keys of a project."""

from functools import partial
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from holdall.api_keys import service
from holdall.api_keys.model import ApiKey, ApiKeyWithSecret, CreateApiKeyRequest, UpdateApiKeyRequest
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentMembership, CurrentProject, requires
from holdall.http.responses import Cursor, DataResponse, Limit, PageResponse, data, no_content, paginate

router = Router()

KeyId = Annotated[str, Path(alias="keyId")]
_MANAGE = requires("keys.write", project_from="projectId")
_CREATE = requires("keys.write", project_from="projectId", rate_limit="create")


@router.post("/projects/<projectId>/keys", guard=_CREATE, status_code=201, summary="Create an API key")
def create_api_key(
    caller: CurrentCaller, project: CurrentProject, membership: CurrentMembership, body: CreateApiKeyRequest
) -> DataResponse[ApiKeyWithSecret]:
    return data(service.create(caller, project, membership, body))


@router.get("/projects/<projectId>/keys", guard=_MANAGE, summary="List API keys")
def list_api_keys(project: CurrentProject, limit: Limit = 20, cursor: Cursor = None) -> PageResponse[ApiKey]:
    return paginate(limit, cursor, partial(service.list_keys, project), "keys", project.id)


@router.patch("/projects/<projectId>/keys/<keyId>", guard=_MANAGE, summary="Enable or disable an API key")
def update_api_key(
    caller: CurrentCaller, project: CurrentProject, key_id: KeyId, body: UpdateApiKeyRequest
) -> DataResponse[ApiKey]:
    return data(service.set_enabled(caller, project, key_id, enabled=body.enabled))


@router.delete("/projects/<projectId>/keys/<keyId>", guard=_MANAGE, status_code=204, summary="Delete an API key")
def delete_api_key(caller: CurrentCaller, project: CurrentProject, key_id: KeyId) -> Response[None]:
    service.delete(caller, project, key_id)
    return no_content()
