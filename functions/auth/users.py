"""/users: the accounts of an installation, and the roles that they hold."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.auth.answers import done
from holdall.accounts.model import ChangeUser, NewUser
from holdall.accounts.service import users as accounts
from holdall.caller import Caller
from holdall.http import Cursor, Cursors, Data, Limit, Listed, Router, needs
from holdall.iam.model import User
from holdall.iam.service import users
from holdall.roles.model import GiveRole

router = Router()

UserId = Annotated[str, Path(alias="userId")]
Role = Annotated[str, Path(alias="role")]


@router.get("/users", summary="All users, newest first")
def find(
    caller: Annotated[Caller, needs("users.read")],  # noqa: ARG001  # stands for the permission
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Listed[User]:
    cursors = Cursors("users")
    return cursors.answer(users.page(cursors.request(limit, cursor)), limit)


@router.post("/users", status_code=201, summary="Make an account; without a password its owner is invited by letter")
def create(caller: Annotated[Caller, needs("users.create", limit="create")], new: NewUser) -> Data[User]:
    return Data(data=accounts.create(caller, new))


@router.get("/users/<userId>", summary="One user")
def fetch(
    caller: Annotated[Caller, needs("users.read")],  # noqa: ARG001  # stands for the permission
    user_id: UserId,
) -> Data[User]:
    return Data(data=users.find(user_id))


@router.put("/users/<userId>", summary="Change a user, or let them in no longer; what is not said stays")
def change(caller: Annotated[Caller, needs("users.update")], user_id: UserId, said: ChangeUser) -> Data[User]:
    return Data(data=accounts.change(caller, user_id, said))


@router.delete("/users/<userId>", status_code=204, summary="Delete a user")
def remove(caller: Annotated[Caller, needs("users.delete")], user_id: UserId) -> Response[None]:
    accounts.delete(caller, user_id)
    return done()


@router.post("/users/<userId>/roles", summary="Give a user a role")
def grant(
    caller: Annotated[Caller, needs("users.update", limit="create")], user_id: UserId, said: GiveRole
) -> Data[User]:
    return Data(data=accounts.grant(caller, user_id, said.role))


@router.delete("/users/<userId>/roles/<role>", status_code=204, summary="Take a role from a user")
def revoke(caller: Annotated[Caller, needs("users.update")], user_id: UserId, role: Role) -> Response[None]:
    accounts.revoke(caller, user_id, role)
    return done()
