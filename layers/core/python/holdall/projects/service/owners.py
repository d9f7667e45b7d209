"""The owners of a project."""

from holdall.iam.service import users
from holdall.platform.pagination import PageRequest
from holdall.platform.table import BatchGet
from holdall.projects.store.members import list_members

_PAGE_SIZE = 100


def has_active_owner(project_id: str) -> bool:
    """Return whether an owner of a project has an active account. Two round trips for each hundred members."""
    page = PageRequest(_PAGE_SIZE)
    while True:
        found = list_members(project_id, page)
        with BatchGet() as batch:
            accounts = [users.get_account(batch, each.user_id) for each in found.items if each.role == "owner"]
        if any(pending.value is not None and pending.value.user.is_active for pending in accounts):
            return True
        if found.next is None:
            return False
        page = PageRequest(_PAGE_SIZE, found.next)
