"""Roles and permissions."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, requires
from holdall.http.responses import Cursor, DataResponse, Limit, PageResponse, data, no_content, paginate
from holdall.roles import service
from holdall.roles.model import CreatePermissionRequest, CreateRoleRequest, Permission, Role, UpdateRoleRequest

router = Router()

RoleName = Annotated[str, Path(alias="name")]
PermissionName = Annotated[str, Path(alias="permission")]


@router.get("/roles", guard=requires("roles.read"), summary="List roles")
def list_roles(limit: Limit = 20, cursor: Cursor = None) -> PageResponse[Role]:
    return paginate(limit, cursor, service.list_roles, "roles")


@router.post("/roles", guard=requires("roles.create", rate_limit="create"), status_code=201, summary="Create a role")
def create_role(caller: CurrentCaller, body: CreateRoleRequest) -> DataResponse[Role]:
    return data(service.create(caller, body))


@router.get("/roles/<name>", guard=requires("roles.read"), summary="Get a role")
def get_role(name: RoleName) -> DataResponse[Role]:
    return data(service.get(name))


@router.patch("/roles/<name>", guard=requires("roles.update"), put_alias=True, summary="Update a role")
def update_role(caller: CurrentCaller, name: RoleName, body: UpdateRoleRequest) -> DataResponse[Role]:
    return data(service.update(caller, name, body))


@router.delete("/roles/<name>", guard=requires("roles.delete"), status_code=204, summary="Delete an unused role")
def delete_role(caller: CurrentCaller, name: RoleName) -> Response[None]:
    service.delete(caller, name)
    return no_content()


@router.get("/permissions", guard=requires("permissions.read"), summary="List permissions")
def list_permissions(limit: Limit = 20, cursor: Cursor = None) -> PageResponse[Permission]:
    return paginate(limit, cursor, service.list_permissions, "permissions")


@router.post(
    "/permissions",
    guard=requires("permissions.create", rate_limit="create"),
    status_code=201,
    summary="Create a custom permission",
)
def create_permission(caller: CurrentCaller, body: CreatePermissionRequest) -> DataResponse[Permission]:
    return data(service.create_permission(caller, body))


@router.delete(
    "/permissions/<permission>",
    guard=requires("permissions.delete"),
    status_code=204,
    summary="Delete an unused custom permission",
)
def delete_permission(caller: CurrentCaller, permission: PermissionName) -> Response[None]:
    service.delete_permission(caller, permission)
    return no_content()
