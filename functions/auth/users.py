"""Users, and the roles that they hold."""

from functools import partial
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from holdall.accounts.model import CreateUserRequest, ListedUser, UpdateUserRequest
from holdall.accounts.service import users as accounts
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, requires
from holdall.http.responses import Cursor, DataResponse, Limit, PageResponse, data, no_content, paginate
from holdall.iam import model
from holdall.iam.model import User
from holdall.roles.model import GrantRoleRequest

router = Router()

UserId = Annotated[str, Path(alias="userId")]
RoleName = Annotated[str, Path(alias="role")]
Email = Annotated[str | None, Query(max_length=254, description="Only the user with this email address.")]
UserIds = Annotated[
    list[model.UserId] | None,
    Query(
        alias="id", min_length=1, max_length=100, description="Only users with these IDs; unknown ones are left out."
    ),
]
_READ = requires("users.read")
_UPDATE = requires("users.update")


@router.get("/users", guard=_READ, summary="List users, newest first")
def list_users(
    email: Email = None, user_ids: UserIds = None, limit: Limit = 20, cursor: Cursor = None
) -> PageResponse[ListedUser]:
    return paginate(limit, cursor, partial(accounts.list_users, email, user_ids), "users", email, *(user_ids or ()))


@router.post(
    "/users",
    guard=requires("users.create", rate_limit="create"),
    status_code=201,
    summary="Create a user, or invite one if no password is given",
)
def create_user(caller: CurrentCaller, body: CreateUserRequest) -> DataResponse[User]:
    return data(accounts.create(caller, body))


@router.get("/users/<userId>", guard=_READ, summary="Get a user")
def get_user(user_id: UserId) -> DataResponse[ListedUser]:
    return data(accounts.get(user_id))


@router.patch("/users/<userId>", guard=_UPDATE, put_alias=True, summary="Update, enable or disable a user")
def update_user(caller: CurrentCaller, user_id: UserId, body: UpdateUserRequest) -> DataResponse[User]:
    return data(accounts.update(caller, user_id, body))


@router.delete(
    "/users/<userId>", guard=requires("users.delete", rate_limit="create"), status_code=204, summary="Delete a user"
)
def delete_user(caller: CurrentCaller, user_id: UserId) -> Response[None]:
    accounts.delete(caller, user_id)
    return no_content()


@router.post("/users/<userId>/roles", guard=requires("users.update", rate_limit="create"), summary="Grant a role")
def grant_role(caller: CurrentCaller, user_id: UserId, body: GrantRoleRequest) -> DataResponse[User]:
    return data(accounts.grant_role(caller, user_id, body.role))


@router.delete("/users/<userId>/roles/<role>", guard=_UPDATE, status_code=204, summary="Revoke a role")
def revoke_role(caller: CurrentCaller, user_id: UserId, role: RoleName) -> Response[None]:
    accounts.revoke_role(caller, user_id, role)
    return no_content()
