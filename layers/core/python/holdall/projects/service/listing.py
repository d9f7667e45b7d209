"""The projects that an operator looks after."""

from collections.abc import Sequence

from holdall.platform.pagination import PageRequest
from holdall.platform.table import BatchGet
from holdall.projects.model import Project
from holdall.projects.store.members import list_for_user
from holdall.projects.store.projects import get_project, list_all

__all__ = ["list_all"]

_PAGE_SIZE = 500  # memberships, which are small


def list_owned_ids(user_id: str) -> list[str]:
    """Return the IDs of the projects that a user owns, sorted. One round trip for each 500 memberships."""
    owned: list[str] = []
    page = PageRequest(_PAGE_SIZE)
    while True:
        found = list_for_user(user_id, page)
        owned += [membership.project_id for membership in found.items if membership.role == "owner"]
        if found.next is None:
            return sorted(owned)
        page = PageRequest(_PAGE_SIZE, found.next)


def get_by_ids(project_ids: Sequence[str]) -> dict[str, Project | None]:
    """Return projects with any status by ID, or None for those that do not exist. One round trip for each hundred."""
    with BatchGet() as batch:
        pending = {project_id: get_project(batch, project_id) for project_id in project_ids}
    return {project_id: each.value for project_id, each in pending.items()}
