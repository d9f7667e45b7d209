"""Roles and permissions of the whole installation."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from holdall.platform.errors import Conflict, Forbidden, ValidationFailed
from holdall.platform.schemas import RequestModel, ResponseModel, UniqueItems

SUPERUSER = "superuser"
# An update of a role writes a counter for each permission that it gains or loses, the copies of the epoch, the role and an
# audit entry in one transaction, which has at most 100 items.
_MAX_PERMISSIONS = 40

RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
PermissionName = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+$")]
Description = Annotated[str, Field(max_length=200)]
PermissionNames = Annotated[list[PermissionName], Field(max_length=_MAX_PERMISSIONS), UniqueItems]
RoleNames = Annotated[list[RoleName], Field(max_length=20), UniqueItems]
Effect = Literal["allow", "deny", "none"]


class RoleExists(Conflict):
    """There is a role with this name."""

    code, detail = "role_exists", "A role with this name already exists."


class RoleChanged(Conflict):
    """Another request updated or deleted the role first."""

    code, detail = "role_changed", "The role changed meanwhile. Try again."


class RoleDeleted(Conflict):
    """A role was deleted while a user was granted it."""

    code, detail = "role_not_found", "The role does not exist."


class RoleInUse(Conflict):
    """Users have the role, or another request updated it first."""

    code, detail = "role_in_use", "Users have this role, or it changed meanwhile."


class LastSuperuser(Conflict):
    """The installation would have no active superuser."""

    code, detail = "last_superuser", "The last active superuser cannot be removed."


class PermissionExists(Conflict):
    """There is a permission with this name, or one with its prefix may be added to Holdall."""

    code, detail = "permission_exists", "A permission with this name already exists."


class PermissionInUse(Conflict):
    """Roles have the permission, or another request deleted it first."""

    code, detail = "permission_in_use", "Roles have this permission, or it was deleted meanwhile."


class BuiltInImmutable(Conflict):
    """The role or the permission is built in."""

    code, detail = "built_in", "Built-in roles and permissions cannot be changed or deleted."


class UnknownPermission(ValidationFailed):
    """A role would have a permission that does not exist."""

    code, detail = "unknown_permission", "This permission does not exist."


class ResourceRequired(ValidationFailed):
    code = "required"
    detail = "This is a permission in a project: give the ID of a project or of a resource in it."


class InvalidResource(ValidationFailed):
    detail = "This is not the ID of a project or of a resource in one."


class PermissionNotGrantable(ValidationFailed):
    """Only members of a project, or only superusers, can have the permission."""

    code, detail = "permission_not_grantable", "Custom roles cannot have this permission."


class PermissionNotHeld(Forbidden):
    """The caller would grant, change or delete a permission that the caller lacks."""

    code, detail = "permission_not_held", "You cannot grant or change permissions that you do not have."


class Role(ResponseModel):
    name: str
    description: str
    permissions: list[str]
    built_in: bool
    created_at: datetime | None = None  # of a custom role


class CreateRoleRequest(RequestModel):
    name: RoleName
    description: Description = ""
    permissions: PermissionNames


class UpdateRoleRequest(RequestModel):
    """A partial update."""

    description: Description | None = None
    permissions: PermissionNames | None = None


class Permission(ResponseModel):
    name: str
    description: str
    built_in: bool
    grantable: bool = Field(default=True, description="Custom roles can have it.")


class CreatePermissionRequest(RequestModel):
    name: PermissionName
    description: Description = ""


class GrantRoleRequest(RequestModel):
    role: RoleName


class ExplainRequest(RequestModel):
    """The question whether a user, by default the caller, has a permission."""

    user_id: Annotated[str, Field(max_length=64)] | None = None
    permission: Annotated[str, Field(min_length=1, max_length=64)]
    resource: (
        Annotated[str, Field(max_length=128, description="The ID of a project or of a resource in one.")] | None
    ) = None


class ExplainRule(ResponseModel):
    rule: Literal["account status", "global role", "project membership", "projects.any", "project state", "key scope"]
    effect: Effect
    detail: str


class ExplainResponse(ResponseModel):
    """The user has the permission if one rule allows it and no rule denies it."""

    allowed: bool
    rules: list[ExplainRule]
