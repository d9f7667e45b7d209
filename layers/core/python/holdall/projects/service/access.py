"""Access to projects. Guards use it, and everything else that authorizes a user."""

from dataclasses import dataclass

from holdall.audit.service import log
from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.projects.model import Membership, Project, Role
from holdall.projects.store.members import get_membership
from holdall.projects.store.projects import get_project


@dataclass(frozen=True)
class ProjectAccess:
    """The records that decide whether a user can access a project, and with which role."""

    project: Pending[Project]
    membership: Pending[Membership]


def load(batch: BatchGet, project_id: str, user_id: str) -> ProjectAccess:
    """Read a project and the membership of a user."""
    return ProjectAccess(get_project(batch, project_id), get_membership(batch, project_id, user_id))


def authorize(
    access: ProjectAccess, *, all_projects: bool = False, allow_deleted: bool = False
) -> tuple[Project, Role]:
    """Return the project and the role of the user in it.

    A user with the permission `projects.any` (`all_projects`) is an owner of every project without a membership. Raises
    NotFound, also for a deleted project without `allow_deleted`: a project that is hidden looks like a missing one.
    """
    project, membership = access.project.value, access.membership.value
    if project is None or project.status not in (("active", "deleted") if allow_deleted else ("active",)):
        raise NotFound
    if membership is None and not all_projects:
        raise NotFound
    return project, membership.role if membership else "owner"


def audit_superuser_access(caller: Caller, project: Project) -> None:
    """Log that the caller accesses a project by the permission `projects.any`. One round trip."""
    with Transaction() as tx:
        log(tx, caller, "projects.access_as_superuser", project.id)


def audit_superuser_list(caller: Caller) -> None:
    """Log that the caller lists all projects by the permission `projects.any`. One round trip."""
    with Transaction() as tx:
        log(tx, caller, "projects.access_as_superuser", "projects")
