"""The rights of callers after their requests. What goes on in the background checks them again, because they may be revoked."""

from holdall.api_keys import service as api_keys
from holdall.api_keys.model import ApiKeyId
from holdall.iam.service import users
from holdall.platform.errors import NotFound, Unauthenticated
from holdall.platform.table import BatchGet
from holdall.projects.model import Project
from holdall.projects.service import access
from holdall.roles import service as roles
from holdall.roles.model import SUPERUSER


def get_project_if_permitted(
    project_id: str, permission: str, *, user_id: str, api_key_id: str | None
) -> Project | None:
    """Return a project if a user, or the API key that acted for the user, still has a permission in it, else None.

    It is None if the project is deleted, if the user is disabled, left, or has a lesser role, and if the API key is disabled,
    expired or deleted. One round trip. Raises ServiceUnavailable.
    """
    try:
        project, permissions = _by_api_key(project_id, api_key_id) if api_key_id else _by_user(project_id, user_id)
    except (NotFound, Unauthenticated):
        return None
    return project if permission in permissions else None


def _by_api_key(project_id: str, api_key_id: str) -> tuple[Project, frozenset[str]]:
    with BatchGet() as batch:
        lookup = api_keys.load(batch, ApiKeyId.parse(api_key_id, project_id))
    project, _ = access.authorize(lookup.access)
    return project, api_keys.get_permissions(lookup)


def _by_user(project_id: str, user_id: str) -> tuple[Project, frozenset[str]]:
    with BatchGet() as batch:
        pending = users.get_account(batch, user_id)
        project_access = access.load(batch, project_id, user_id)
    user = pending.require(NotFound).user
    if not user.is_active:
        raise NotFound
    project, role = access.authorize(project_access, all_projects=SUPERUSER in user.roles)
    return project, roles.get_project_role_permissions(role)
