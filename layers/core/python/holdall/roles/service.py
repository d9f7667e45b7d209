"""What roles hold, and how roles and permissions of the installation's own are made, changed and removed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from holdall import clock
from holdall.audit.service import record
from holdall.caller import Caller
from holdall.errors import Conflict, Forbidden, Invalid, NotFound
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import Repeated
from holdall.page import Page, PageRequest
from holdall.roles import permissions, store
from holdall.roles.model import ChangeRole, NewPermission, NewRole, PermissionView, Role
from holdall.table import Awaited, Reading, Transaction

Named = TypeVar("Named", bound=Role | PermissionView)

epoch = store.epoch
covers = permissions.covers
in_project = permissions.of_project_role
is_of_projects = permissions.is_of_projects
is_ours = permissions.is_ours
is_scope = permissions.is_scope
permission = store.permission
SUPERUSER = permissions.SUPERUSER

_SETTLED = timedelta(seconds=2)
_LONGEST_NAME = 64  # of what a path may name: a longer one is nobody's, and may be too long for a key
_BUILT_IN = Conflict("built_in", "This is a part of Holdall: it is neither changed nor deleted.")
_BEYOND = Forbidden("beyond_own_rights", "This goes beyond what you hold yourself.")
_CHANGED = Conflict("role_changed", "The role was changed at this moment. Try again.")
_LAST = Conflict("last_superuser", "An installation keeps at least one active superuser.")
_GONE = Conflict("role_gone", "There is no role with this name, or no longer.")
_ROLES = {
    name: Role(name=name, description=words, permissions=sorted(permissions.of_role(name)), built_in=True)
    for name, words in permissions.BUILT_IN.items()
}
_PERMISSIONS = {
    name: PermissionView(name=name, description=each.description, built_in=True)
    for name, each in permissions.PERMISSIONS.items()
}


@dataclass(frozen=True)
class _Memory:
    """What roles of the installation's own hold under one epoch, and when this process first saw that epoch."""

    since: datetime
    held: dict[str, frozenset[str]] = field(default_factory=dict)


_memories: dict[int, _Memory] = {}  # one, under its epoch


def held(names: Iterable[str], epoch: int) -> frozenset[str]:
    """What somebody with these roles may do in the whole installation. One round trip for roles not remembered under this
    epoch, which must have been read before. Raises Unavailable.
    """
    ours, theirs = _split(names)
    return frozenset().union(*(permissions.of_role(name) for name in ours), *_of_own(theirs, epoch).values())


def of_key(role: str) -> frozenset[str]:
    """What a key may carry that was made by a member with this role."""
    return frozenset(name for name in in_project(role) if is_scope(name))


def role(read: Reading, name: str) -> Awaited[Role]:
    """Ask for a role, built in or not."""
    if name not in _ROLES:
        return store.role(read, name)
    known: Awaited[Role] = Awaited()
    known.settle(_ROLES[name])
    return known


def find(name: str) -> Role:
    """A role. Raises NotFound."""
    if len(name) > _LONGEST_NAME:
        raise NotFound
    with Reading() as read:
        found = role(read, name)
    if found.value is None:
        raise NotFound
    return found.value


def page(asked: PageRequest) -> Page[Role]:
    """All roles, by name. One round trip."""
    return _with_ours(_ROLES, store.roles(asked), asked)


def page_of_permissions(asked: PageRequest) -> Page[PermissionView]:
    """All permissions, by name. One round trip."""
    return _with_ours(_PERMISSIONS, store.permissions(asked), asked)


def create(caller: Caller, new: NewRole) -> Role:
    """Make a role. Raises Invalid for what no role may hold, Forbidden, audited, for more than the caller holds, and Conflict
    for a name that is taken.
    """
    if new.name in _ROLES:
        raise Conflict("role_exists", "There is a role with this name already.")
    _check_names(new.permissions)
    check_covers(caller, new.permissions, "roles.create", new.name)
    made = Role(
        name=new.name,
        description=new.description,
        permissions=sorted(new.permissions),
        built_in=False,
        created_at=clock.now(),
    )
    try:
        with Transaction() as write:
            store.add_role(write, made)
            _count(write, (), new.permissions)
            record(write, caller, "roles.create", made.name)
            idempotency.keep(write, caller, made.model_dump_json())
    except Repeated:
        return Role.model_validate_json(idempotency.outcome(caller))
    return made


def change(caller: Caller, name: str, said: ChangeRole) -> Role:
    """Change what a role holds, for everybody who has it, with their next request; what is not said stays.

    Raises NotFound, Invalid for what no role may hold, Forbidden, audited, for more than the caller holds, and Conflict.
    """
    seen = _changeable(name)
    wanted = seen.permissions if said.permissions is None else said.permissions
    _check_names(wanted)
    check_covers(caller, {*seen.permissions, *wanted}, "roles.update", name)
    description = seen.description if said.description is None else said.description
    changed = seen.model_copy(update={"description": description, "permissions": sorted(wanted)})
    if changed == seen:
        return seen
    with Transaction() as write:
        store.change_role(write, seen, changed, otherwise=_CHANGED)
        if changed.permissions != seen.permissions:
            _count(write, seen.permissions, wanted)
            store.begin_epoch(write)
        record(write, caller, "roles.update", name)
    return changed


def remove(caller: Caller, name: str) -> None:
    """Remove a role that nobody holds. Raises NotFound, Forbidden, audited, for one that holds more than the caller, and
    Conflict.
    """
    seen = _changeable(name)
    check_covers(caller, seen.permissions, "roles.delete", name)
    in_use = Conflict("role_in_use", "Somebody holds this role, or it was changed at this moment.")
    with Transaction() as write:
        store.remove_role(write, seen, otherwise=in_use)
        _count(write, seen.permissions, ())
        store.begin_epoch(write)
        record(write, caller, "roles.delete", name)


def add_permission(caller: Caller, new: NewPermission) -> PermissionView:
    """Add a permission of the installation's own. Raises Conflict for a name that is taken, or looks like one of Holdall's."""
    if permissions.is_taken(new.name):
        raise Conflict("permission_exists", "Names that begin so are Holdall's.")
    made = PermissionView(name=new.name, description=new.description, built_in=False)
    try:
        with Transaction() as write:
            store.add_permission(write, made)
            record(write, caller, "permissions.create", made.name)
            idempotency.keep(write, caller, made.model_dump_json())
    except Repeated:
        return PermissionView.model_validate_json(idempotency.outcome(caller))
    return made


def remove_permission(caller: Caller, name: str) -> None:
    """Remove a permission that no role holds. Raises NotFound and Conflict."""
    if name in _PERMISSIONS:
        raise _BUILT_IN
    if len(name) > _LONGEST_NAME:
        raise NotFound
    with Reading() as read:
        found = store.permission(read, name)
    if found.value is None:
        raise NotFound
    in_use = Conflict("permission_in_use", "A role holds this permission, or it was removed at this moment.")
    with Transaction() as write:
        store.remove_permission(write, name, otherwise=in_use)
        record(write, caller, "permissions.delete", name)


def check_covers(caller: Caller, wanted: Iterable[str], action: str, target: str) -> None:
    """Nobody hands on, or lays hands on, what they lack. Raises Forbidden, and tells of the attempt in the audit."""
    if not covers(caller.permissions, frozenset(wanted)):
        raise denied(caller, action, target)


def denied(caller: Caller, action: str, target: str, failure: Forbidden = _BEYOND) -> Forbidden:
    """Tell of an attempt to go beyond one's own rights; the failure to raise. One round trip."""
    with Transaction() as write:
        record(write, caller, action, target, outcome="denied")
    return failure


def given(write: Transaction, names: Iterable[str], *, active: bool) -> None:
    """Count a user, active or not, who holds these roles from now on. The transaction raises Conflict for one that is gone."""
    ours, theirs = _split(names)
    if active:
        switched(write, ours, active=True)
    for name in theirs:
        store.count_holders(write, name, 1, otherwise=_GONE)


def taken(write: Transaction, names: Iterable[str], *, active: bool) -> None:
    """Count a user, active or not, who holds these roles no longer. The transaction raises Conflict for the last superuser."""
    ours, theirs = _split(names)
    if active:
        switched(write, ours, active=False)
    for name in theirs:
        store.count_holders(write, name, -1, otherwise=_GONE)


def switched(write: Transaction, names: Iterable[str], *, active: bool) -> None:
    """Count a user with these roles who is active from now on, or no longer. The transaction raises Conflict for the last
    superuser: it is the active ones that are counted.
    """
    if SUPERUSER in names:
        store.count_superusers(write, SUPERUSER, 1 if active else -1, otherwise=_LAST)


def _of_own(names: list[str], epoch: int) -> dict[str, frozenset[str]]:
    memory = _memories.get(epoch)
    if memory is None:
        _memories.clear()
        memory = _memories[epoch] = _Memory(clock.now())
    # What is read here is as new as the epoch or newer, which was read before; and a request that is slower than a change
    # remembers into the memory of its own epoch, which nobody looks into any more.
    missing = [name for name in names if name not in memory.held]
    with Reading() as read:
        wanted = {name: store.role(read, name) for name in missing}
    found = {name: frozenset(each.value.permissions if each.value else ()) for name, each in wanted.items()}
    # A transaction reaches its items one after the other, and only each by itself is read as it is ("Isolation levels",
    # DynamoDB developer guide): for a moment a role may be older than an epoch that is new. So it is not remembered then.
    if clock.now() - memory.since >= _SETTLED:
        memory.held.update(found)
    return {name: found[name] if name in found else memory.held[name] for name in names}


def _split(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those that are built in, and those of the installation's own."""
    every = list(names)
    return [name for name in every if name in _ROLES], [name for name in every if name not in _ROLES]


def _changeable(name: str) -> Role:
    found = find(name)
    if found.built_in:
        raise _BUILT_IN
    return found


def _check_names(names: Iterable[str]) -> None:
    for number, name in enumerate(names):
        if name in _PERMISSIONS and not permissions.may_be_given(name):
            detail = "No role of the installation's own may hold this."
            raise Invalid("not_for_roles", detail, pointer=f"/permissions/{number}")


def _count(write: Transaction, before: Iterable[str], after: Iterable[str]) -> None:
    """Count the role into the permissions that it gains, which proves that there are such, and out of those that it loses."""
    old, new = list(before), list(after)
    for number, name in enumerate(new):
        if name not in _PERMISSIONS and name not in old:
            unknown = Invalid(
                "unknown_permission", "There is no permission with this name.", pointer=f"/permissions/{number}"
            )
            store.count_roles(write, name, 1, otherwise=unknown)
    for name in old:
        if name not in _PERMISSIONS and name not in new:
            store.count_roles(write, name, -1, otherwise=_CHANGED)


def _with_ours(ours: dict[str, Named], theirs: Page[Named], asked: PageRequest) -> Page[Named]:
    """A page of the installation's own, and of ours that belong between them."""
    here: list[Named] = [each for name, each in ours.items() if _is_asked(name, asked)]
    every = sorted([*theirs.items, *here], key=lambda each: each.name)
    more = len(every) > asked.limit or (theirs.prev if asked.backward else theirs.next) is not None
    shown = every[-asked.limit :] if asked.backward else every[: asked.limit]
    before, behind = (more, True) if asked.backward else (asked.position is not None, more)
    return Page(
        shown, next=shown[-1].name if shown and behind else None, prev=shown[0].name if shown and before else None
    )


def _is_asked(name: str, asked: PageRequest) -> bool:
    if asked.position is None:
        return True
    return name < asked.position if asked.backward else name > asked.position
