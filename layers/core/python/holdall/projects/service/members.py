"""Who is in a project: members, and those who were asked to come."""

from dataclasses import replace

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.iam.model import Account
from holdall.iam.service import users
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.errors import Conflict, NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.projects.model import Member, Membership, Project, Role
from holdall.projects.store import members as store
from holdall.projects.store import projects as project_store

_LAST_OWNER = Conflict("A project must have an owner. Make another member an owner first.", code="last_owner")
_CHANGED = Conflict("The member was changed meanwhile. Try again.", code="member_changed")


def list_members(project: Project, page: PageRequest) -> Page[Member]:
    """The members of a project. Two round trips."""
    found = store.list_members(project.id, page)
    with BatchGet() as read:
        known = [users.get_account(read, each.user_id) for each in found.items]
    shown = [_to_response(each, user.value) for each, user in zip(found.items, known, strict=True)]
    return Page(shown, next=found.next, prev=found.prev)


def get_membership(batch: BatchGet, project_id: str, user_id: str) -> Pending[Membership]:
    """Ask what a user is in a project."""
    return store.get_membership(batch, project_id, user_id)


def set_role(caller: Caller, project: Project, user_id: str, role: Role) -> Member:
    """Give a member another role. Raises NotFound, and Conflict for the last owner."""
    membership, known = _get(project, user_id)
    if membership.role != role:
        with Transaction() as write:
            store.set_role(write, membership, role, error=_CHANGED)
            _update_owner_count(write, project, (role == "owner") - (membership.role == "owner"))
            log(write, caller, "members.update", f"{project.id}-{user_id}")
            emit(write, project.id, "member.updated", userId=user_id, role=role)
    return _to_response(replace(membership, role=role), known)


def delete(caller: Caller, project: Project, user_id: str) -> None:
    """Remove a member: their keys stop with the next request. Raises NotFound, and Conflict for the last owner."""
    remove_member(caller, project, _get(project, user_id)[0], "members.remove")


def leave(caller: Caller, project: Project, membership: Membership | None) -> None:
    """Leave a project. Raises NotFound for who is no member, and Conflict for the last owner."""
    if membership is None:
        raise NotFound
    remove_member(caller, project, membership, "members.leave")


def transfer_ownership(caller: Caller, project: Project, membership: Membership | None, user_id: str) -> Member:
    """Hand a project on to a member, who owns it from now on; the caller, if they were an owner, stays as an editor.

    Raises NotFound for who is no member, and Conflict for who owns it already.
    """
    with BatchGet() as read:
        to, user = store.get_membership(read, project.id, ids.validate_id(user_id)), users.get_account(read, user_id)
    if to.value is None:
        raise NotFound
    if to.value.role == "owner":
        raise Conflict("This member is already an owner.", code="already_owner")
    with Transaction() as write:
        store.set_role(write, to.value, "owner", error=_CHANGED)
        if membership is not None and membership.role == "owner":
            store.set_role(write, membership, "editor", error=_CHANGED)
            emit(write, project.id, "member.updated", userId=caller.user_id, role="editor")
            _update_owner_count(write, project, 0)
        else:
            _update_owner_count(write, project, 1)
        log(write, caller, "projects.transfer_ownership", f"{project.id}-{user_id}")
        emit(write, project.id, "member.updated", userId=user_id, role="owner")
    return _to_response(replace(to.value, role="owner"), user.value)


def add(tx: Transaction, project_id: str, user_id: str, role: Role) -> Membership:
    """Make a user a member, as part of what brings them in. The transaction raises Conflict for one who is there, NotFound for
    a project that does not live, and Unauthenticated for a user who is not active.
    """
    membership = Membership(ids.new_id(), project_id, user_id, role, clock.now())
    store.put_membership(tx, membership)
    users.check_active(tx, user_id)
    if role == "owner":
        project_store.update_owner_count(tx, project_id, 1, error=NotFound())
    else:
        project_store.check_active(tx, project_id, error=NotFound())
    emit(tx, project_id, "member.joined", userId=user_id, role=role)
    return membership


def remove_member(caller: Caller, project: Project, membership: Membership, action: str) -> None:
    """Take a member out of a project. Raises NotFound for one that was put away in this moment, and Conflict for the last owner
    and for who was changed meanwhile.
    """
    with Transaction() as write:
        store.delete_membership(write, membership, error=_CHANGED)
        _update_owner_count(write, project, -(membership.role == "owner"))
        log(write, caller, action, f"{project.id}-{membership.user_id}")
        emit(write, project.id, "member.left", userId=membership.user_id)


def _update_owner_count(tx: Transaction, project: Project, delta: int) -> None:
    """Keep the count of the owners of a project. One that lived when it was read is changed no more once it was deleted."""
    if delta:
        project_store.update_owner_count(tx, project.id, delta, error=_LAST_OWNER if delta < 0 else NotFound())
    elif project.status == "active":
        project_store.check_active(tx, project.id, error=NotFound())


def _get(project: Project, user_id: str) -> tuple[Membership, Account | None]:
    with BatchGet() as read:
        found, known = (
            store.get_membership(read, project.id, ids.validate_id(user_id)),
            users.get_account(read, user_id),
        )
    if found.value is None:
        raise NotFound
    return found.value, known.value


def _to_response(membership: Membership, account: Account | None) -> Member:
    return Member(
        user_id=membership.user_id,
        name=account.user.name if account else "",
        email=account.user.email if account else "",
        role=membership.role,
        joined_at=membership.joined_at,
    )
