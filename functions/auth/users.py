"""/users: the accounts of an installation, and the roles that they hold."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.auth.responses import no_content
from holdall.accounts.model import CreateUserRequest, UpdateUserRequest
from holdall.accounts.service import users as accounts
from holdall.http import Cursor, CursorCodec, DataResponse, Limit, PageResponse, Router, requires
from holdall.iam.model import User
from holdall.iam.service import users
from holdall.platform.caller import Caller
from holdall.roles.model import GrantRoleRequest

router = Router()

UserId = Annotated[str, Path(alias="userId")]
RoleName = Annotated[str, Path(alias="role")]


@router.get("/users", summary="List users, newest first")
def list_users(
    caller: Annotated[Caller, requires("users.read")],  # noqa: ARG001  # stands for the permission
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageResponse[User]:
    cursors = CursorCodec("users")
    return cursors.respond(users.list_users(cursors.decode(limit, cursor)), limit)


@router.post("/users", status_code=201, summary="Create a user, or invite one if no password is given")
def create_user(
    caller: Annotated[Caller, requires("users.create", rate_limit="create")], body: CreateUserRequest
) -> DataResponse[User]:
    return DataResponse(data=accounts.create(caller, body))


@router.get("/users/<userId>", summary="Get a user")
def get_user(
    caller: Annotated[Caller, requires("users.read")],  # noqa: ARG001  # stands for the permission
    user_id: UserId,
) -> DataResponse[User]:
    return DataResponse(data=users.get(user_id))


@router.put("/users/<userId>", summary="Update, enable or disable a user (partial update)")
def update_user(
    caller: Annotated[Caller, requires("users.update")], user_id: UserId, body: UpdateUserRequest
) -> DataResponse[User]:
    return DataResponse(data=accounts.update(caller, user_id, body))


@router.delete("/users/<userId>", status_code=204, summary="Delete a user")
def delete_user(caller: Annotated[Caller, requires("users.delete")], user_id: UserId) -> Response[None]:
    accounts.delete(caller, user_id)
    return no_content()


@router.post("/users/<userId>/roles", summary="Grant a role")
def grant_role(
    caller: Annotated[Caller, requires("users.update", rate_limit="create")], user_id: UserId, body: GrantRoleRequest
) -> DataResponse[User]:
    return DataResponse(data=accounts.grant_role(caller, user_id, body.role))


@router.delete("/users/<userId>/roles/<role>", status_code=204, summary="Revoke a role")
def revoke_role(caller: Annotated[Caller, requires("users.update")], user_id: UserId, role: RoleName) -> Response[None]:
    accounts.revoke_role(caller, user_id, role)
    return no_content()
