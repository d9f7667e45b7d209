"""/projects/{projectId}/keys: ways into a project for programs."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.projects.parameters import ProjectId
from holdall.api_keys import service
from holdall.api_keys.model import ApiKey, ApiKeyWithSecret, CreateApiKeyRequest, UpdateApiKeyRequest
from holdall.http import (
    CurrentMembership,
    CurrentProject,
    Cursor,
    CursorCodec,
    DataResponse,
    Limit,
    PageResponse,
    Router,
    requires,
)
from holdall.platform.caller import Caller
from holdall.projects.model import Membership, Project

router = Router()

KeyId = Annotated[str, Path(alias="keyId")]


@router.post("/projects/<projectId>/keys", status_code=201, summary="Create an API key")
def create_api_key(
    caller: Annotated[Caller, requires("keys.write", project_from="projectId", rate_limit="create")],
    project: Annotated[Project, CurrentProject],
    membership: Annotated[Membership | None, CurrentMembership],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    body: CreateApiKeyRequest,
) -> DataResponse[ApiKeyWithSecret]:
    return DataResponse(data=service.create(caller, project, membership, body))


@router.get("/projects/<projectId>/keys", summary="List API keys")
def list_api_keys(
    caller: Annotated[Caller, requires("keys.write", project_from="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageResponse[ApiKey]:
    cursors = CursorCodec("keys", project.id)
    return cursors.respond(service.list_keys(project, cursors.decode(limit, cursor)), limit)


@router.patch("/projects/<projectId>/keys/<keyId>", summary="Enable or disable an API key")
def update_api_key(
    caller: Annotated[Caller, requires("keys.write", project_from="projectId")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    key_id: KeyId,
    body: UpdateApiKeyRequest,
) -> DataResponse[ApiKey]:
    return DataResponse(data=service.set_enabled(caller, project, key_id, enabled=body.enabled))


@router.delete("/projects/<projectId>/keys/<keyId>", status_code=204, summary="Delete an API key")
def delete_api_key(
    caller: Annotated[Caller, requires("keys.write", project_from="projectId")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    key_id: KeyId,
) -> Response[None]:
    service.delete(caller, project, key_id)
    return Response(status_code=204)
