"""/roles and /permissions: what users may hold, Holdall's and the installation's own."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.auth.answers import done
from holdall.caller import Caller
from holdall.http import Cursor, Cursors, Data, Limit, Listed, Router, needs
from holdall.roles import service
from holdall.roles.model import ChangeRole, NewPermission, NewRole, PermissionView, Role

router = Router()

Name = Annotated[str, Path(alias="name")]
Permission = Annotated[str, Path(alias="permission")]


@router.get("/roles", summary="All roles, by name")
def find(
    caller: Annotated[Caller, needs("roles.read")],  # noqa: ARG001  # stands for the permission
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Listed[Role]:
    cursors = Cursors("roles")
    return cursors.answer(service.page(cursors.request(limit, cursor)), limit)


@router.post("/roles", status_code=201, summary="Make a role")
def create(caller: Annotated[Caller, needs("roles.create", limit="create")], new: NewRole) -> Data[Role]:
    return Data(data=service.create(caller, new))


@router.get("/roles/<name>", summary="One role")
def fetch(
    caller: Annotated[Caller, needs("roles.read")],  # noqa: ARG001  # stands for the permission
    name: Name,
) -> Data[Role]:
    return Data(data=service.find(name))


@router.put("/roles/<name>", summary="Change a role; what is not said stays")
def change(caller: Annotated[Caller, needs("roles.update")], name: Name, said: ChangeRole) -> Data[Role]:
    return Data(data=service.change(caller, name, said))


@router.delete("/roles/<name>", status_code=204, summary="Remove a role that nobody holds")
def remove(caller: Annotated[Caller, needs("roles.delete")], name: Name) -> Response[None]:
    service.remove(caller, name)
    return done()


@router.get("/permissions", summary="All permissions, by name")
def permissions(
    caller: Annotated[Caller, needs("permissions.read")],  # noqa: ARG001  # stands for the permission
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Listed[PermissionView]:
    cursors = Cursors("permissions")
    return cursors.answer(service.page_of_permissions(cursors.request(limit, cursor)), limit)


@router.post("/permissions", status_code=201, summary="Add a permission of the installation's own")
def add_permission(
    caller: Annotated[Caller, needs("permissions.create", limit="create")], new: NewPermission
) -> Data[PermissionView]:
    return Data(data=service.add_permission(caller, new))


@router.delete("/permissions/<permission>", status_code=204, summary="Remove a permission that no role holds")
def remove_permission(caller: Annotated[Caller, needs("permissions.delete")], permission: Permission) -> Response[None]:
    service.remove_permission(caller, permission)
    return done()
