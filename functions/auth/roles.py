"""/roles and /permissions: what users may hold, Holdall's and the installation's own."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.auth.responses import no_content
from holdall.http import Cursor, CursorCodec, DataResponse, Limit, PageResponse, Router, requires
from holdall.platform.caller import Caller
from holdall.roles import service
from holdall.roles.model import CreatePermissionRequest, CreateRoleRequest, Permission, Role, UpdateRoleRequest

router = Router()

RoleName = Annotated[str, Path(alias="name")]
PermissionName = Annotated[str, Path(alias="permission")]


@router.get("/roles", summary="List roles")
def list_roles(
    caller: Annotated[Caller, requires("roles.read")],  # noqa: ARG001  # stands for the permission
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageResponse[Role]:
    cursors = CursorCodec("roles")
    return cursors.respond(service.list_roles(cursors.decode(limit, cursor)), limit)


@router.post("/roles", status_code=201, summary="Create a role")
def create_role(
    caller: Annotated[Caller, requires("roles.create", rate_limit="create")], body: CreateRoleRequest
) -> DataResponse[Role]:
    return DataResponse(data=service.create(caller, body))


@router.get("/roles/<name>", summary="Get a role")
def get_role(
    caller: Annotated[Caller, requires("roles.read")],  # noqa: ARG001  # stands for the permission
    name: RoleName,
) -> DataResponse[Role]:
    return DataResponse(data=service.get(name))


@router.put("/roles/<name>", summary="Update a role (partial update)")
def update_role(
    caller: Annotated[Caller, requires("roles.update")], name: RoleName, body: UpdateRoleRequest
) -> DataResponse[Role]:
    return DataResponse(data=service.update(caller, name, body))


@router.delete("/roles/<name>", status_code=204, summary="Delete an unused role")
def delete_role(caller: Annotated[Caller, requires("roles.delete")], name: RoleName) -> Response[None]:
    service.delete(caller, name)
    return no_content()


@router.get("/permissions", summary="List permissions")
def list_permissions(
    caller: Annotated[Caller, requires("permissions.read")],  # noqa: ARG001  # stands for the permission
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageResponse[Permission]:
    cursors = CursorCodec("permissions")
    return cursors.respond(service.list_permissions(cursors.decode(limit, cursor)), limit)


@router.post("/permissions", status_code=201, summary="Create a custom permission")
def create_permission(
    caller: Annotated[Caller, requires("permissions.create", rate_limit="create")], body: CreatePermissionRequest
) -> DataResponse[Permission]:
    return DataResponse(data=service.create_permission(caller, body))


@router.delete("/permissions/<permission>", status_code=204, summary="Delete an unused custom permission")
def delete_permission(
    caller: Annotated[Caller, requires("permissions.delete")], permission: PermissionName
) -> Response[None]:
    service.delete_permission(caller, permission)
    return no_content()
