"""Leaving all projects at once, as somebody leaves Holdall."""

from dataclasses import dataclass

from holdall.platform.caller import Caller
from holdall.platform.errors import Conflict, NotFound
from holdall.platform.pagination import PageRequest
from holdall.platform.table import BatchGet, Pending
from holdall.projects.model import Membership, Project
from holdall.projects.service import members, projects
from holdall.projects.store import members as member_store
from holdall.projects.store import projects as store

_PAGE_SIZE = 50  # with two rows for each, what one BatchGetItem takes
_MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class _MembershipLookup:
    """A project, how many owners it has, and what whoever leaves is there."""

    project_and_owner_count: Pending[tuple[Project, int]]
    membership: Pending[Membership]

    def remaining_work(self) -> tuple[Project, Membership, bool] | None:
        """The project, the member and whether nobody else owns it; None where nothing is left to be done."""
        counted, member = self.project_and_owner_count.value, self.membership.value
        if counted is None or member is None or counted[0].status == "purging":
            return None
        project, owners = counted
        alone = member.role == "owner" and owners == 1
        if project.status == "deleted" and alone:
            return None  # nobody is left to bring it back
        return project, member, alone


def remove_from_all_projects(caller: Caller, user_id: str) -> None:
    """Take a user out of all projects, as part of leaving altogether: those without another owner are deleted, softly.

    One transaction for each. Stopped half-way it is done again from the start, and passes over what was done at two round trips
    for fifty. Raises Unavailable, and Conflict for a project that others change all the time.
    """
    asked = PageRequest(_PAGE_SIZE)
    while True:
        # The index tells where to look and nothing else: it may name what was left, or a role of before.
        page = member_store.list_for_user(user_id, asked)
        with BatchGet() as read:
            found = [(each.project_id, _load(read, each.project_id, user_id)) for each in page.items]
        for project_id, place in found:
            _remove_from_project(caller, project_id, user_id, place)
        if page.next is None:
            return
        asked = PageRequest(_PAGE_SIZE, page.next)


def _remove_from_project(caller: Caller, project_id: str, user_id: str, lookup: _MembershipLookup) -> None:
    for _ in range(_MAX_ATTEMPTS):
        undone = lookup.remaining_work()
        if undone is None:
            return
        project, member, alone = undone
        try:
            if alone:
                projects.soft_delete(caller, project, sole_owner=member)
            else:
                members.remove_member(caller, project, member, "members.remove")
        except (Conflict, NotFound):  # NotFound: the project was put away in this moment
            with BatchGet() as read:
                lookup = _load(read, project_id, user_id)
        else:
            return
    raise projects.PROJECT_CHANGED


def _load(batch: BatchGet, project_id: str, user_id: str) -> _MembershipLookup:
    return _MembershipLookup(
        store.get_with_owner_count(batch, project_id), member_store.get_membership(batch, project_id, user_id)
    )
