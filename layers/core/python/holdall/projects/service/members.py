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
from holdall.projects.model import AlreadyOwner, Member, Membership, Project, Role
from holdall.projects.store import members as store
from holdall.projects.store import projects as project_store
from holdall.projects.store.members import get_membership

__all__ = ["get_membership"]


def list_members(project: Project, page: PageRequest) -> Page[Member]:
    """Return the members of a project. Two round trips."""
    found = store.list_members(project.id, page)
    with BatchGet() as batch:
        accounts = [users.get_account(batch, membership.user_id) for membership in found.items]
    members = [_to_response(each, account.value) for each, account in zip(found.items, accounts, strict=True)]
    return Page(members, next=found.next, prev=found.prev)


def set_role(caller: Caller, project: Project, user_id: str, role: Role) -> Member:
    """Change the role of a member. Raises NotFound, LastOwner and MemberChanged."""
    membership, account = _get(project, user_id)
    if membership.role != role:
        with Transaction() as tx:
            store.set_role(tx, membership, role)
            _update_owner_count(tx, project, (role == "owner") - (membership.role == "owner"))
            log(tx, caller, "members.update", f"{project.id}-{user_id}")
            emit(tx, project.id, "member.updated", userId=user_id, role=role)
    return _to_response(replace(membership, role=role), account)


def delete(caller: Caller, project: Project, user_id: str) -> None:
    """Remove a member. Their API keys are rejected from the next request on. Raises NotFound, LastOwner and MemberChanged."""
    remove_member(caller, project, _get(project, user_id)[0])


def leave(caller: Caller, project: Project, membership: Membership | None) -> None:
    """Leave a project. Raises NotFound for a caller who is not a member, LastOwner and MemberChanged."""
    if membership is None:
        raise NotFound
    remove_member(caller, project, membership, action="members.leave")


def transfer_ownership(caller: Caller, project: Project, membership: Membership | None, user_id: str) -> Member:
    """Make another member an owner. A caller who is an owner becomes an editor.

    Raises NotFound for a user who is not a member, AlreadyOwner and MemberChanged.
    """
    new_owner, account = _get(project, user_id)
    if new_owner.role == "owner":
        raise AlreadyOwner
    with Transaction() as tx:
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


def remove_member(caller: Caller, project: Project, membership: Membership, *, action: str = "members.remove") -> None:
    """Remove a member from a project that is active or deleted.

    Raises LastOwner, MemberChanged, and NotFound if the project was active and is not any more.
    """
    with Transaction() as tx:
        store.delete_membership(tx, membership)
        _update_owner_count(tx, project, -(membership.role == "owner"))
        log(tx, caller, action, f"{project.id}-{membership.user_id}")
        emit(tx, project.id, "member.left", userId=membership.user_id)


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
