"""Who may enter a project, and with what rights."""

from dataclasses import dataclass

from holdall.audit.service import log
from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.projects.model import Membership, Project, Role
from holdall.projects.store import members as member_store
from holdall.projects.store import projects as store


@dataclass(frozen=True)
class ProjectAccess:
    """What was read about a project and somebody who comes to it."""

    project: Pending[Project]
    membership: Pending[Membership]


def load(batch: BatchGet, project_id: str, user_id: str) -> ProjectAccess:
    """Ask for what decides whether somebody may enter a project."""
    return ProjectAccess(store.get_project(batch, project_id), member_store.get_membership(batch, project_id, user_id))


def authorize(
    access: ProjectAccess, *, all_projects: bool = False, allow_deleted: bool = False
) -> tuple[Project, Role]:
    """The project, and the role that its visitor has there. Raises NotFound, alike for none and for one of others.

    Who may go `anywhere` (`projects.any`) is an owner where they are no member. A project that was deleted lets nobody in, but
    where the route is about that (`deleted`).
    """
    project, member = access.project.value, access.membership.value
    if project is None or project.status not in (("active", "deleted") if allow_deleted else ("active",)):
        raise NotFound
    if member is None and not all_projects:
        raise NotFound
    return project, member.role if member else "owner"


def audit_superuser_access(caller: Caller, project: Project) -> None:
    """Tell that somebody entered a project that they are no member of, by the right to go anywhere. One round trip."""
    with Transaction() as write:
        log(write, caller, "projects.access_as_superuser", project.id)
