"""What a role is, what a permission is, and what is asked and told about both."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from holdall.shape import Distinct, Said, Shown

# With the copies of the epoch and a counter for each that comes or goes, a change fits into one transaction of 100 items.
_MOST = 40

RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
PermissionName = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+$")]
Description = Annotated[str, Field(max_length=200)]

Effect = Literal["allow", "deny", "none"]


PermissionNames = Annotated[list[PermissionName], Field(max_length=_MOST), Distinct]
RoleNames = Annotated[list[RoleName], Field(max_length=20), Distinct]


class Role(Shown):
    """What several users may do, under one name."""

    name: str
    description: str
    permissions: list[str]
    built_in: bool
    created_at: datetime | None = None  # of one that is not built in


class NewRole(Said):
    """What a client says to make a role."""

    name: RoleName
    description: Description = ""
    permissions: PermissionNames


class ChangeRole(Said):
    """What a client says to change a role. What is left out stays."""

    description: Description | None = None
    permissions: PermissionNames | None = None


class PermissionView(Shown):
    """A permission, Holdall's or the installation's own."""

    name: str
    description: str
    built_in: bool


class NewPermission(Said):
    """What a client says to add a permission of the installation's own."""

    name: PermissionName
    description: Description = ""


class GiveRole(Said):
    """The role that somebody is to hold."""

    role: RoleName


class Question(Said):
    """What somebody wants to know: may this user, or they themselves, do this, and there."""

    user_id: Annotated[str, Field(max_length=64)] | None = None
    permission: Annotated[str, Field(min_length=1, max_length=64)]
    resource: Annotated[str, Field(max_length=128, description="A project, or a thing in one.")] | None = None


class Rule(Shown):
    """One rule, and what it had to say."""

    rule: Literal["account active", "global role", "project membership", "projects.any", "project state", "key scope"]
    effect: Effect
    detail: str


class Explanation(Shown):
    """Whether it is allowed: where a rule allows it and none denies it."""

    allowed: bool
    rules: list[Rule]
