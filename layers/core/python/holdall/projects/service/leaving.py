"""Leaving all projects at once, as somebody leaves Holdall."""

from dataclasses import dataclass

from holdall.caller import Caller
from holdall.errors import Conflict, NotFound
from holdall.page import PageRequest
from holdall.projects.model import Membership, Project
from holdall.projects.service import members, projects
from holdall.projects.store import members as member_store
from holdall.projects.store import projects as store
from holdall.table import Awaited, Reading

_PAGE = 50  # with two rows for each, what one BatchGetItem takes
_ATTEMPTS = 5


@dataclass(frozen=True)
class _Place:
    """A project, how many owners it has, and what whoever leaves is there."""

    counted: Awaited[tuple[Project, int]]
    member: Awaited[Membership]

    def undone(self) -> tuple[Project, Membership, bool] | None:
        """The project, the member and whether nobody else owns it; None where nothing is left to be done."""
        counted, member = self.counted.value, self.member.value
        if counted is None or member is None or counted[0].status == "purging":
            return None
        project, owners = counted
        alone = member.role == "owner" and owners == 1
        if project.status == "deleted" and alone:
            return None  # nobody is left to bring it back
        return project, member, alone


def leave_all(caller: Caller, user_id: str) -> None:
    """Take a user out of all projects, as part of leaving altogether: those without another owner are deleted, softly.

    One transaction for each. Stopped half-way it is done again from the start, and passes over what was done at two round trips
    for fifty. Raises Unavailable, and Conflict for a project that others change all the time.
    """
    asked = PageRequest(_PAGE)
    while True:
        # The index tells where to look and nothing else: it may name what was left, or a role of before.
        page = member_store.memberships(user_id, asked)
        with Reading() as read:
            found = [(each.project_id, _place(read, each.project_id, user_id)) for each in page.items]
        for project_id, place in found:
            _leave(caller, project_id, user_id, place)
        if page.next is None:
            return
        asked = PageRequest(_PAGE, page.next)


def _leave(caller: Caller, project_id: str, user_id: str, place: _Place) -> None:
    for _ in range(_ATTEMPTS):
        undone = place.undone()
        if undone is None:
            return
        project, member, alone = undone
        try:
            if alone:
                projects.soften(caller, project, alone=member)
            else:
                members.take_out(caller, project, member, "members.remove")
        except (Conflict, NotFound):  # NotFound: the project was put away in this moment
            with Reading() as read:
                place = _place(read, project_id, user_id)
        else:
            return
    raise projects.CHANGED


def _place(read: Reading, project_id: str, user_id: str) -> _Place:
    return _Place(store.owners(read, project_id), member_store.member(read, project_id, user_id))
