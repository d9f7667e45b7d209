"""The right to finish an upload. What was permitted when it began is asked again when its bytes arrive."""

from holdall.api_keys import service as api_keys
from holdall.api_keys.model import ApiKeyId
from holdall.iam.service import users
from holdall.platform.errors import NotFound, Unauthenticated
from holdall.platform.table import BatchGet
from holdall.projects.model import Project
from holdall.projects.service import access
from holdall.roles import service as roles
from holdall.roles.model import SUPERUSER
from holdall.uploads.model import Upload

_PERMISSION = "files.write"


def get_project_if_writable(upload: Upload) -> Project | None:
    """Return the project of an upload if the caller who began it may still write there, else None.

    That is not so if the project is deleted, the user disabled or no longer an editor, or the API key disabled, expired or
    deleted. One round trip. Raises ServiceUnavailable.
    """
    try:
        project, permissions = _by_api_key(upload) if upload.api_key_id else _by_user(upload)
    except (NotFound, Unauthenticated):
        return None
    return project if _PERMISSION in permissions else None


def _by_api_key(upload: Upload) -> tuple[Project, frozenset[str]]:
    with BatchGet() as batch:
        lookup = api_keys.load(batch, ApiKeyId.parse(upload.api_key_id or "", upload.project_id))
    project, _ = access.authorize(lookup.access)
    return project, api_keys.get_permissions(lookup)


def _by_user(upload: Upload) -> tuple[Project, frozenset[str]]:
    with BatchGet() as batch:
        pending = users.get_account(batch, upload.created_by)
        project_access = access.load(batch, upload.project_id, upload.created_by)
    user = pending.require(NotFound).user
    if not user.is_active:
        raise NotFound
    project, role = access.authorize(project_access, all_projects=SUPERUSER in user.roles)
    return project, roles.get_project_role_permissions(role)
