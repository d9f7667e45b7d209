"""The rights of callers after their requests. What goes on without them checks these again, because they may be revoked."""

from dataclasses import dataclass

from holdall.api_keys import service as api_keys
from holdall.api_keys.model import ApiKeyId
from holdall.api_keys.service import ApiKeyLookup
from holdall.iam.model import Account
from holdall.iam.service import users
from holdall.platform.errors import NotFound, Unauthenticated
from holdall.platform.table import BatchGet, Pending
from holdall.projects.model import Membership, Project, Role
from holdall.projects.service import access
from holdall.projects.service.access import ProjectAccess
from holdall.roles import service as roles
from holdall.roles.model import SUPERUSER


@dataclass(frozen=True)
class UserLookup:
    """The records that decide what a user may do in a project."""

    account: Pending[Account]
    access: ProjectAccess


RightsLookup = UserLookup | ApiKeyLookup


@dataclass(frozen=True)
class Rights:
    """What a user, or an API key that acted for the user, may do in an active project."""

    project: Project
    role: Role
    permissions: frozenset[str]
    membership: Membership | None  # None for a superuser who is not a member


def load(batch: BatchGet, project_id: str, *, user_id: str, api_key_id: str | None) -> RightsLookup:
    """Read everything that decides about the rights of a user, or of an API key that acted for the user."""
    if api_key_id is not None:
        return api_keys.load(batch, ApiKeyId.parse(api_key_id, project_id))
    return UserLookup(users.get_account(batch, user_id), access.load(batch, project_id, user_id))


def get_or_none(lookup: RightsLookup) -> Rights | None:
    """Return the rights, or None if there are none.

    There are none if the project is deleted, the user is disabled or left, or the API key is disabled, expired or deleted.
    """
    try:
        return _of_api_key(lookup) if isinstance(lookup, ApiKeyLookup) else _of_user(lookup)
    except (NotFound, Unauthenticated):
        return None


def get_project_if_permitted(
    project_id: str, permission: str, *, user_id: str, api_key_id: str | None
) -> Project | None:
    """Return a project if a user, or the API key that acted for the user, still has a permission in it, else None.

    One round trip. Raises ServiceUnavailable.
    """
    with BatchGet() as batch:
        lookup = load(batch, project_id, user_id=user_id, api_key_id=api_key_id)
    rights = get_or_none(lookup)
    return rights.project if rights is not None and permission in rights.permissions else None


def _of_api_key(lookup: ApiKeyLookup) -> Rights:
    project, role = access.authorize(lookup.access)
    return Rights(project, role, api_keys.get_permissions(lookup), lookup.access.membership.value)


def _of_user(lookup: UserLookup) -> Rights:
    user = lookup.account.require(NotFound).user
    if not user.is_active:
        raise NotFound
    project, role = access.authorize(lookup.access, all_projects=SUPERUSER in user.roles)
    return Rights(project, role, roles.get_project_role_permissions(role), lookup.access.membership.value)
