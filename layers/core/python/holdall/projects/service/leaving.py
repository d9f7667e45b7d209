"""Leaving all projects at once, as somebody leaves Holdall."""

from holdall.audit.service import record
from holdall.caller import Caller
from holdall.errors import Conflict
from holdall.events.service import emit
from holdall.page import PageRequest
from holdall.projects.model import Membership, Project
from holdall.projects.service import projects
from holdall.projects.store import members as member_store
from holdall.projects.store import projects as store
from holdall.table import Transaction

_CHANGED = Conflict("project_changed", "The project was changed at this moment. Try again.")
_ATTEMPTS = 5


def leave_all(caller: Caller, user_id: str) -> None:
    """Take a user out of all projects, as part of leaving altogether: those without another owner are deleted, softly.

    One transaction for each, so stopped half-way it is done again from the start. Raises Unavailable.
    """
    asked = PageRequest(100)
    while True:
        page = member_store.memberships(user_id, asked)
        for membership in page.items:
            _leave(caller, membership)
        if page.next is None:
            return
        asked = PageRequest(100, page.next)


def _leave(caller: Caller, membership: Membership) -> None:
    for _ in range(_ATTEMPTS):
        found = store.owners(membership.project_id)
        if found is None or found[0].status == "purging":
            return
        project, owners = found
        last = membership.role == "owner" and owners == 1
        if project.status == "deleted" and last:
            return  # nobody is left to bring it back
        try:
            if project.status == "active" and (project.personal or last):
                projects.soften(caller, project, alone=True)
            else:
                _take_out(caller, project, membership)
        except Conflict:
            continue
        return
    raise _CHANGED


def _take_out(caller: Caller, project: Project, membership: Membership) -> None:
    with Transaction() as write:
        member_store.remove(write, membership, otherwise=_CHANGED)
        if membership.role == "owner":
            store.count_owners(write, project.id, -1, otherwise=_CHANGED)
        record(write, caller, "members.remove", f"{project.id}-{membership.user_id}")
        emit(write, project.id, "member.left", userId=membership.user_id)
