"""What a role is, what a permission is, and what is asked and told about both."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from holdall.platform.schemas import RequestModel, ResponseModel, UniqueItems

# With the copies of the epoch and a counter for each that comes or goes, a change fits into one transaction of 100 items.
_MAX_PERMISSIONS = 40

RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
PermissionName = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+$")]
Description = Annotated[str, Field(max_length=200)]

Effect = Literal["allow", "deny", "none"]


PermissionNames = Annotated[list[PermissionName], Field(max_length=_MAX_PERMISSIONS), UniqueItems]
RoleNames = Annotated[list[RoleName], Field(max_length=20), UniqueItems]


class Role(ResponseModel):
    """What several users may do, under one name."""

    name: str
    description: str
    permissions: list[str]
    built_in: bool
    created_at: datetime | None = None  # of one that is not built in


class CreateRoleRequest(RequestModel):
    """What a client says to make a role."""

    name: RoleName
    description: Description = ""
    permissions: PermissionNames


class UpdateRoleRequest(RequestModel):
    """What a client says to change a role. What is left out stays."""

    description: Description | None = None
    permissions: PermissionNames | None = None


class Permission(ResponseModel):
    """A permission, Holdall's or the installation's own."""

    name: str
    description: str
    built_in: bool


class CreatePermissionRequest(RequestModel):
    """What a client says to add a permission of the installation's own."""

    name: PermissionName
    description: Description = ""


class GrantRoleRequest(RequestModel):
    """The role that somebody is to hold."""

    role: RoleName


class ExplainRequest(RequestModel):
    """What somebody wants to know: may this user, or they themselves, do this, and there."""

    user_id: Annotated[str, Field(max_length=64)] | None = None
    permission: Annotated[str, Field(min_length=1, max_length=64)]
    resource: (
        Annotated[str, Field(max_length=128, description="The ID of a project or of a resource in one.")] | None
    ) = None


class ExplainRule(ResponseModel):
    """One rule, and what it had to say."""

    rule: Literal["account status", "global role", "project membership", "projects.any", "project state", "key scope"]
    effect: Effect
    detail: str


class ExplainResponse(ResponseModel):
    """Whether it is allowed: where a rule allows it and none denies it."""

    allowed: bool
    rules: list[ExplainRule]
