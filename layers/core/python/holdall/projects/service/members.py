"""Members of projects."""

from dataclasses import replace

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.iam.model import Account
from holdall.iam.service import users
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import (
    AlreadyOwner,
    LastOwner,
    Member,
    MemberChanged,
    MemberDisabled,
    Membership,
    Project,
    Role,
)
from holdall.projects.store import members as store
from holdall.projects.store import projects as project_store
from holdall.projects.store.members import get_membership

__all__ = ["get_membership"]

_PAGE_SIZE = 50


def list_members(project: Project, page: PageRequest) -> Page[Member]:
    """Return the members of a project. Two round trips."""
    found = store.list_members(project.id, page)
    with BatchGet() as batch:
        accounts = [users.get_account(batch, membership.user_id) for membership in found.items]
    members = [_to_response(each, account.value) for each, account in zip(found.items, accounts, strict=True)]
    return Page(members, next=found.next, prev=found.prev)


def set_role(caller: Caller, project: Project, own: Membership | None, user_id: str, role: Role) -> Member:
    """Change the role of a member. `own` is the caller's membership. Raises NotFound, LastOwner and MemberChanged."""
    membership, account = _get(project, user_id)
    if membership.role != role:
        with Transaction() as tx:
            _require_other_owner(tx, membership, own)
            store.set_role(tx, membership, role)
            _update_owner_count(tx, project, (role == "owner") - (membership.role == "owner"))
            log(tx, caller, "members.update", f"{project.id}-{user_id}")
            emit(tx, project.id, "member.updated", userId=user_id, role=role)
    return _to_response(replace(membership, role=role), account)


def delete(caller: Caller, project: Project, own: Membership | None, user_id: str) -> None:
    """Remove a member. Their API keys are rejected from the next request on. `own` is the caller's membership.

    Raises NotFound, LastOwner and MemberChanged.
    """
    membership = _get(project, user_id)[0]
    with Transaction() as tx:
        _require_other_owner(tx, membership, own)
        remove(tx, caller, project, membership)


def leave(caller: Caller, project: Project, membership: Membership | None) -> None:
    """Leave a project. Raises NotFound for a caller who is not a member, LastOwner and MemberChanged."""
    if membership is None:
        raise NotFound
    with Transaction() as tx:
        _require_other_owner(tx, membership)
        remove(tx, caller, project, membership, action="members.leave")


def transfer_ownership(caller: Caller, project: Project, membership: Membership | None, user_id: str) -> Member:
    """Make another member an owner. A caller who is an owner becomes an editor.

    Raises NotFound for a user who is not a member, AlreadyOwner, MemberDisabled and MemberChanged.
    """
    new_owner, account = _get(project, user_id)
    if new_owner.role == "owner":
        raise AlreadyOwner
    with Transaction() as tx:
        users.check_active(tx, user_id, error=MemberDisabled)
        store.set_role(tx, new_owner, "owner")
        if membership is not None and membership.role == "owner":
            store.set_role(tx, membership, "editor")
            emit(tx, project.id, "member.updated", userId=caller.user_id, role="editor")
            _update_owner_count(tx, project, 0)
        else:
            _update_owner_count(tx, project, 1)
        log(tx, caller, "projects.transfer_ownership", f"{project.id}-{user_id}")
        emit(tx, project.id, "member.updated", userId=user_id, role="owner")
    return _to_response(replace(new_owner, role="owner"), account)


def add(tx: Transaction, project_id: str, user_id: str, role: Role) -> Membership:
    """Make a user a member. The transaction raises AlreadyMember, NotFound for a project that is not active, and
    Unauthenticated for a user who is not active.
    """
    membership = Membership(ids.new_id(), project_id, user_id, role, clock.now())
    store.put_membership(tx, membership)
    users.check_active(tx, user_id)
    if role == "owner":
        project_store.add_owner(tx, project_id)
    else:
        project_store.check_active(tx, project_id)
    emit(tx, project_id, "member.joined", userId=user_id, role=role)
    return membership


def remove(
    tx: Transaction, caller: Caller, project: Project, membership: Membership, *, action: str = "members.remove"
) -> None:
    """Remove a member from a project that is active or deleted.

    The transaction raises LastOwner, MemberChanged, and NotFound if the project was active and is not any more.
    """
    store.delete_membership(tx, membership)
    _update_owner_count(tx, project, -(membership.role == "owner"))
    log(tx, caller, action, f"{project.id}-{membership.user_id}")
    emit(tx, project.id, "member.left", userId=membership.user_id)


def _require_other_owner(tx: Transaction, membership: Membership, own: Membership | None = None) -> None:
    """Require another owner with an active account, if this member is an owner: someone has to manage the project.

    The caller is one, if `own` says so. Otherwise this reads members, 50 in two round trips. Raises LastOwner. The transaction
    raises MemberChanged.
    """
    if membership.role != "owner":
        return
    if own is None or own.role != "owner" or own.user_id == membership.user_id:
        own = _find_other_owner(membership)
    store.check_unchanged(tx, own)
    users.check_active(tx, own.user_id, error=MemberChanged)


def _find_other_owner(membership: Membership) -> Membership:
    page = PageRequest(_PAGE_SIZE)
    while True:
        found = store.list_members(membership.project_id, page)
        owners = [each for each in found.items if each.role == "owner" and each.user_id != membership.user_id]
        with BatchGet() as batch:
            accounts = [users.get_account(batch, owner.user_id) for owner in owners]
        for owner, account in zip(owners, accounts, strict=True):
            if account.value is not None and account.value.user.is_active:
                return owner
        if found.next is None:
            raise LastOwner
        page = PageRequest(_PAGE_SIZE, found.next)


def _update_owner_count(tx: Transaction, project: Project, delta: int) -> None:
    """Change the number of owners by -1, 0 or 1. The transaction fails if an active project was deleted since it was read."""
    if delta < 0:
        project_store.remove_owner(tx, project.id)
    elif delta > 0:
        project_store.add_owner(tx, project.id)
    elif project.status == "active":
        project_store.check_active(tx, project.id)


def _get(project: Project, user_id: str) -> tuple[Membership, Account | None]:
    with BatchGet() as batch:
        membership = get_membership(batch, project.id, ids.validate_id(user_id))
        account = users.get_account(batch, user_id)
    return membership.require(NotFound), account.value


def _to_response(membership: Membership, account: Account | None) -> Member:
    return Member(
        user_id=membership.user_id,
        name=account.user.name if account else "",
        email=account.user.email if account else "",
        role=membership.role,
        joined_at=membership.joined_at,
    )
