"""The projects of a user whose account is deleted."""

from dataclasses import dataclass
from functools import partial

from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound
from holdall.platform.pagination import PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.projects.model import LastOwner, MemberChanged, Membership, Project, ProjectChanged
from holdall.projects.service import members, projects
from holdall.projects.store.members import get_membership, list_for_user
from holdall.projects.store.projects import get_with_owner_count

_PAGE_SIZE = 50  # with two records each, the most that one BatchGetItem reads


@dataclass(frozen=True)
class _MembershipLookup:
    """A project with the number of its owners, and the membership of the user."""

    project_and_owner_count: Pending[tuple[Project, int]]
    membership: Pending[Membership]


def remove_from_all_projects(caller: Caller, user_id: str) -> None:
    """Remove a user from all projects, and soft-delete those without another owner. One transaction for each project.

    An interrupted call can be repeated: it skips 50 finished projects in two round trips. Raises ServiceUnavailable, and Busy
    for a project that changes all the time.
    """
    page = PageRequest(_PAGE_SIZE)
    while True:
        # The index only says where to look: it lags, so it may name a project that the user left, or an old role.
        found = list_for_user(user_id, page)
        with BatchGet() as batch:
            lookups = {each.project_id: _load(batch, each.project_id, user_id) for each in found.items}
        for project_id, lookup in lookups.items():
            retry_on(
                MemberChanged,
                ProjectChanged,
                LastOwner,
                NotFound,  # the project was deleted since it was read
                first=partial(_remove, caller, lookup),
                action=partial(_reload_and_remove, caller, project_id, user_id),
            )
        if found.next is None:
            return
        page = PageRequest(_PAGE_SIZE, found.next)


def _load(batch: BatchGet, project_id: str, user_id: str) -> _MembershipLookup:
    return _MembershipLookup(get_with_owner_count(batch, project_id), get_membership(batch, project_id, user_id))


def _reload_and_remove(caller: Caller, project_id: str, user_id: str) -> None:
    with BatchGet() as batch:
        lookup = _load(batch, project_id, user_id)
    _remove(caller, lookup)


def _remove(caller: Caller, lookup: _MembershipLookup) -> None:
    membership = lookup.membership.value
    if lookup.project_and_owner_count.value is None or membership is None:
        return
    project, owner_count = lookup.project_and_owner_count.value
    is_sole_owner = membership.role == "owner" and owner_count == 1
    if is_sole_owner and project.status == "active":
        projects.soft_delete(caller, project, sole_owner=membership)
    elif not is_sole_owner and project.status != "purging":
        # Even if all other owners are disabled: their accounts can be enabled again, and the project is theirs too.
        with Transaction() as tx:
            members.remove(tx, caller, project, membership)
    # Otherwise it stays: no one is left to restore the deleted project, or its purge deletes the membership.
