"""Who is in a project: members, and those who were asked to come."""

from dataclasses import replace

from holdall import clock, ids
from holdall.audit.service import record
from holdall.caller import Caller
from holdall.errors import Conflict, NotFound
from holdall.events.service import emit
from holdall.iam.model import Known
from holdall.iam.service import users
from holdall.page import Page, PageRequest
from holdall.projects.model import Member, Membership, Project, Role
from holdall.projects.store import members as store
from holdall.projects.store import projects as project_store
from holdall.table import Awaited, Reading, Transaction

_LAST_OWNER = Conflict("last_owner", "A project keeps at least one owner. Make somebody else an owner first.")
_CHANGED = Conflict("member_changed", "The member was changed at this moment. Try again.")


def page(project: Project, asked: PageRequest) -> Page[Member]:
    """The members of a project. Two round trips."""
    found = store.members(project.id, asked)
    with Reading() as read:
        known = [users.user(read, each.user_id) for each in found.items]
    shown = [_view(each, user.value) for each, user in zip(found.items, known, strict=True)]
    return Page(shown, next=found.next, prev=found.prev)


def member(read: Reading, project_id: str, user_id: str) -> Awaited[Membership]:
    """Ask what a user is in a project."""
    return store.member(read, project_id, user_id)


def change(caller: Caller, project: Project, user_id: str, role: Role) -> Member:
    """Give a member another role. Raises NotFound, and Conflict for the last owner."""
    membership, known = _found(project, user_id)
    if membership.role != role:
        with Transaction() as write:
            store.change_role(write, membership, role, otherwise=_CHANGED)
            _count_owners(write, project, (role == "owner") - (membership.role == "owner"))
            record(write, caller, "members.update", f"{project.id}-{user_id}")
            emit(write, project.id, "member.changed", userId=user_id, role=role)
    return _view(replace(membership, role=role), known)


def remove(caller: Caller, project: Project, user_id: str) -> None:
    """Remove a member: their keys stop with the next request. Raises NotFound, and Conflict for the last owner."""
    take_out(caller, project, _found(project, user_id)[0], "members.remove")


def leave(caller: Caller, project: Project, own: Membership | None) -> None:
    """Leave a project. Raises NotFound for who is no member, and Conflict for the last owner."""
    if own is None:
        raise NotFound
    take_out(caller, project, own, "members.leave")


def transfer(caller: Caller, project: Project, own: Membership | None, user_id: str) -> Member:
    """Hand a project on to a member, who owns it from now on; the caller, if they were an owner, stays as an editor.

    Raises NotFound for who is no member, and Conflict for who owns it already.
    """
    with Reading() as read:
        to, user = store.member(read, project.id, ids.as_id(user_id)), users.user(read, user_id)
    if to.value is None:
        raise NotFound
    if to.value.role == "owner":
        raise Conflict("already_owner", "They own this project already.")
    with Transaction() as write:
        store.change_role(write, to.value, "owner", otherwise=_CHANGED)
        if own is not None and own.role == "owner":
            store.change_role(write, own, "editor", otherwise=_CHANGED)
            emit(write, project.id, "member.changed", userId=caller.user_id, role="editor")
            _count_owners(write, project, 0)
        else:
            _count_owners(write, project, 1)
        record(write, caller, "projects.transfer", f"{project.id}-{user_id}")
        emit(write, project.id, "member.changed", userId=user_id, role="owner")
    return _view(replace(to.value, role="owner"), user.value)


def join(write: Transaction, project_id: str, user_id: str, role: Role) -> Membership:
    """Make a user a member, as part of what brings them in. The transaction raises Conflict for one who is there, NotFound for
    a project that does not live, and Unauthenticated for a user who is not active.
    """
    membership = Membership(ids.new_id(), project_id, user_id, role, clock.now())
    store.add(write, membership)
    users.check_active(write, user_id)
    if role == "owner":
        project_store.count_owners(write, project_id, 1, otherwise=NotFound())
    else:
        project_store.check_lives(write, project_id, otherwise=NotFound())
    emit(write, project_id, "member.joined", userId=user_id, role=role)
    return membership


def take_out(caller: Caller, project: Project, membership: Membership, action: str) -> None:
    """Take a member out of a project. Raises NotFound for one that was put away in this moment, and Conflict for the last owner
    and for who was changed meanwhile.
    """
    with Transaction() as write:
        store.remove(write, membership, otherwise=_CHANGED)
        _count_owners(write, project, -(membership.role == "owner"))
        record(write, caller, action, f"{project.id}-{membership.user_id}")
        emit(write, project.id, "member.left", userId=membership.user_id)


def _count_owners(write: Transaction, project: Project, change: int) -> None:
    """Keep the count of the owners of a project. One that lived when it was read is changed no more once it was deleted."""
    if change:
        project_store.count_owners(write, project.id, change, otherwise=_LAST_OWNER if change < 0 else NotFound())
    elif project.status == "active":
        project_store.check_lives(write, project.id, otherwise=NotFound())


def _found(project: Project, user_id: str) -> tuple[Membership, Known | None]:
    with Reading() as read:
        found, known = store.member(read, project.id, ids.as_id(user_id)), users.user(read, user_id)
    if found.value is None:
        raise NotFound
    return found.value, known.value


def _view(membership: Membership, known: Known | None) -> Member:
    return Member(
        user_id=membership.user_id,
        name=known.user.name if known else "",
        email=known.user.email if known else "",
        role=membership.role,
        joined_at=membership.joined_at,
    )
