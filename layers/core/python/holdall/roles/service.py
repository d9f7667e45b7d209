"""What roles hold, and how roles and permissions of the installation's own are made, changed and removed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from holdall.audit.service import log
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import DuplicateRequest
from holdall.platform import clock
from holdall.platform.caller import Caller
from holdall.platform.errors import Conflict, Forbidden, NotFound, ValidationFailed
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.roles import permissions, store
from holdall.roles.model import CreatePermissionRequest, CreateRoleRequest, Permission, Role, UpdateRoleRequest

Named = TypeVar("Named", bound=Role | Permission)

get_epoch = store.get_epoch
can_grant = permissions.can_grant
get_project_role_permissions = permissions.get_project_role_permissions
is_project_permission = permissions.is_project_permission
is_builtin = permissions.is_builtin
is_key_scope = permissions.is_key_scope
get_permission = store.get_permission
SUPERUSER = permissions.SUPERUSER

_EPOCH_SETTLE_TIME = timedelta(seconds=2)
_MAX_NAME_LENGTH = 64  # of what a path may name: a longer one is nobody's, and may be too long for a key
_BUILT_IN_IMMUTABLE = Conflict("Built-in roles and permissions cannot be changed or deleted.", code="built_in")
_BEYOND_OWN_PERMISSIONS = Forbidden(
    "You cannot grant or change permissions that you do not have.", code="permission_not_held"
)
_ROLE_CHANGED = Conflict("The role changed meanwhile. Try again.", code="role_changed")
_LAST_SUPERUSER = Conflict("The last active superuser cannot be removed.", code="last_superuser")
_ROLE_GONE = Conflict("The role does not exist.", code="role_not_found")
_BUILT_IN_ROLES = {
    name: Role(name=name, description=words, permissions=sorted(permissions.get_role_permissions(name)), built_in=True)
    for name, words in permissions.BUILT_IN_ROLES.items()
}
_BUILT_IN_PERMISSIONS = {
    name: Permission(name=name, description=each.description, built_in=True)
    for name, each in permissions.PERMISSIONS.items()
}


@dataclass(frozen=True)
class _RoleCache:
    """What roles of the installation's own hold under one epoch, and when this process first saw that epoch."""

    first_seen_at: datetime
    permissions_by_role: dict[str, frozenset[str]] = field(default_factory=dict)


_caches: dict[int, _RoleCache] = {}  # one, under its epoch


def get_permissions(role_names: Iterable[str], epoch: int) -> frozenset[str]:
    """What somebody with these roles may do in the whole installation. One round trip for roles not remembered under this
    epoch, which must have been read before. Raises Unavailable.
    """
    ours, theirs = _split_builtin(role_names)
    return frozenset().union(
        *(permissions.get_role_permissions(name) for name in ours),
        *_get_custom_role_permissions(theirs, epoch).values(),
    )


def get_key_scopes(role: str) -> frozenset[str]:
    """What a key may carry that was made by a member with this role."""
    return frozenset(name for name in get_project_role_permissions(role) if is_key_scope(name))


def get_role(batch: BatchGet, name: str) -> Pending[Role]:
    """Ask for a role, built in or not."""
    if name not in _BUILT_IN_ROLES:
        return store.get_role(batch, name)
    known: Pending[Role] = Pending()
    known.set(_BUILT_IN_ROLES[name])
    return known


def get(name: str) -> Role:
    """A role. Raises NotFound."""
    if len(name) > _MAX_NAME_LENGTH:
        raise NotFound
    with BatchGet() as read:
        found = get_role(read, name)
    if found.value is None:
        raise NotFound
    return found.value


def list_roles(page: PageRequest) -> Page[Role]:
    """All roles, by name. One round trip."""
    return _merge_builtin(_BUILT_IN_ROLES, store.list_roles(page), page)


def list_permissions(page: PageRequest) -> Page[Permission]:
    """All permissions, by name. One round trip."""
    return _merge_builtin(_BUILT_IN_PERMISSIONS, store.list_permissions(page), page)


def create(caller: Caller, request: CreateRoleRequest) -> Role:
    """Make a role. Raises Invalid for what no role may hold, Forbidden, audited, for more than the caller holds, and Conflict
    for a name that is taken.
    """
    if request.name in _BUILT_IN_ROLES:
        raise Conflict("A role with this name already exists.", code="role_exists")
    _check_grantable(request.permissions)
    check_can_grant(caller, request.permissions, "roles.create", request.name)
    made = Role(
        name=request.name,
        description=request.description,
        permissions=sorted(request.permissions),
        built_in=False,
        created_at=clock.now(),
    )
    try:
        with Transaction() as write:
            store.add_role(write, made)
            _update_role_counts(write, (), request.permissions)
            log(write, caller, "roles.create", made.name)
            idempotency.save(write, caller, made.model_dump_json())
    except DuplicateRequest:
        return Role.model_validate_json(idempotency.load(caller))
    return made


def update(caller: Caller, name: str, request: UpdateRoleRequest) -> Role:
    """Change what a role holds, for everybody who has it, with their next request; what is not said stays.

    Raises NotFound, Invalid for what no role may hold, Forbidden, audited, for more than the caller holds, and Conflict.
    """
    seen = _get_custom_role(name)
    wanted = seen.permissions if request.permissions is None else request.permissions
    _check_grantable(wanted)
    check_can_grant(caller, {*seen.permissions, *wanted}, "roles.update", name)
    description = seen.description if request.description is None else request.description
    changed = seen.model_copy(update={"description": description, "permissions": sorted(wanted)})
    if changed == seen:
        return seen
    with Transaction() as write:
        store.update_role(write, seen, changed, error=_ROLE_CHANGED)
        if changed.permissions != seen.permissions:
            _update_role_counts(write, seen.permissions, wanted)
            store.bump_epoch(write)
        log(write, caller, "roles.update", name)
    return changed


def delete(caller: Caller, name: str) -> None:
    """Remove a role that nobody holds. Raises NotFound, Forbidden, audited, for one that holds more than the caller, and
    Conflict.
    """
    seen = _get_custom_role(name)
    check_can_grant(caller, seen.permissions, "roles.delete", name)
    in_use = Conflict("Users have this role, or it changed meanwhile.", code="role_in_use")
    with Transaction() as write:
        store.delete_role(write, seen, error=in_use)
        _update_role_counts(write, seen.permissions, ())
        store.bump_epoch(write)
        log(write, caller, "roles.delete", name)


def create_permission(caller: Caller, request: CreatePermissionRequest) -> Permission:
    """Add a permission of the installation's own. Raises Conflict for a name that is taken, or looks like one of Holdall's."""
    if permissions.is_reserved(request.name):
        raise Conflict("This prefix is reserved for built-in permissions.", code="permission_exists")
    made = Permission(name=request.name, description=request.description, built_in=False)
    try:
        with Transaction() as write:
            store.add_permission(write, made)
            log(write, caller, "permissions.create", made.name)
            idempotency.save(write, caller, made.model_dump_json())
    except DuplicateRequest:
        return Permission.model_validate_json(idempotency.load(caller))
    return made


def delete_permission(caller: Caller, name: str) -> None:
    """Remove a permission that no role holds. Raises NotFound and Conflict."""
    if name in _BUILT_IN_PERMISSIONS:
        raise _BUILT_IN_IMMUTABLE
    if len(name) > _MAX_NAME_LENGTH:
        raise NotFound
    with BatchGet() as read:
        found = store.get_permission(read, name)
    if found.value is None:
        raise NotFound
    in_use = Conflict("Roles have this permission, or it was deleted meanwhile.", code="permission_in_use")
    with Transaction() as write:
        store.delete_permission(write, name, error=in_use)
        log(write, caller, "permissions.delete", name)


def check_can_grant(caller: Caller, required: Iterable[str], action: str, target: str) -> None:
    """Nobody hands on, or lays hands on, what they lack. Raises Forbidden, and tells of the attempt in the audit."""
    if not can_grant(caller.global_permissions, frozenset(required)):
        raise audit_denied(caller, action, target)


def audit_denied(caller: Caller, action: str, target: str, error: Forbidden = _BEYOND_OWN_PERMISSIONS) -> Forbidden:
    """Tell of an attempt to go beyond one's own rights; the failure to raise. One round trip."""
    with Transaction() as write:
        log(write, caller, action, target, outcome="denied")
    return error


def on_granted(tx: Transaction, role_names: Iterable[str], *, active: bool) -> None:
    """Count a user, active or not, who holds these roles from now on. The transaction raises Conflict for one that is gone."""
    ours, theirs = _split_builtin(role_names)
    if active:
        on_active_changed(tx, ours, active=True)
    for name in theirs:
        store.increment_holders(tx, name, 1, error=_ROLE_GONE)


def on_revoked(tx: Transaction, role_names: Iterable[str], *, active: bool) -> None:
    """Count a user, active or not, who holds these roles no longer. The transaction raises Conflict for the last superuser."""
    ours, theirs = _split_builtin(role_names)
    if active:
        on_active_changed(tx, ours, active=False)
    for name in theirs:
        store.increment_holders(tx, name, -1, error=_ROLE_GONE)


def on_active_changed(tx: Transaction, role_names: Iterable[str], *, active: bool) -> None:
    """Count a user with these roles who is active from now on, or no longer. The transaction raises Conflict for the last
    superuser: it is the active ones that are counted.
    """
    if SUPERUSER in role_names:
        store.increment_superusers(tx, SUPERUSER, 1 if active else -1, error=_LAST_SUPERUSER)


def _get_custom_role_permissions(role_names: list[str], epoch: int) -> dict[str, frozenset[str]]:
    memory = _caches.get(epoch)
    if memory is None:
        _caches.clear()
        memory = _caches[epoch] = _RoleCache(clock.now())
    # What is read here is as new as the epoch or newer, which was read before; and a request that is slower than a change
    # remembers into the memory of its own epoch, which nobody looks into any more.
    missing = [name for name in role_names if name not in memory.permissions_by_role]
    with BatchGet() as read:
        wanted = {name: store.get_role(read, name) for name in missing}
    found = {name: frozenset(each.value.permissions if each.value else ()) for name, each in wanted.items()}
    # A transaction reaches its items one after the other, and only each by itself is read as it is ("Isolation levels",
    # DynamoDB developer guide): for a moment a role may be older than an epoch that is new. So it is not remembered then.
    if clock.now() - memory.first_seen_at >= _EPOCH_SETTLE_TIME:
        memory.permissions_by_role.update(found)
    return {name: found[name] if name in found else memory.permissions_by_role[name] for name in role_names}


def _split_builtin(role_names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those that are built in, and those of the installation's own."""
    every = list(role_names)
    return [name for name in every if name in _BUILT_IN_ROLES], [name for name in every if name not in _BUILT_IN_ROLES]


def _get_custom_role(name: str) -> Role:
    found = get(name)
    if found.built_in:
        raise _BUILT_IN_IMMUTABLE
    return found


def _check_grantable(names: Iterable[str]) -> None:
    for number, name in enumerate(names):
        if name in _BUILT_IN_PERMISSIONS and not permissions.is_grantable(name):
            detail = "Custom roles cannot have this permission."
            raise ValidationFailed(detail, code="permission_not_grantable", pointer=f"/permissions/{number}")


def _update_role_counts(tx: Transaction, before: Iterable[str], after: Iterable[str]) -> None:
    """Count the role into the permissions that it gains, which proves that there are such, and out of those that it loses."""
    old, new = list(before), list(after)
    for number, name in enumerate(new):
        if name not in _BUILT_IN_PERMISSIONS and name not in old:
            unknown = ValidationFailed(
                "This permission does not exist.", code="unknown_permission", pointer=f"/permissions/{number}"
            )
            store.increment_roles(tx, name, 1, error=unknown)
    for name in old:
        if name not in _BUILT_IN_PERMISSIONS and name not in new:
            store.increment_roles(tx, name, -1, error=_ROLE_CHANGED)


def _merge_builtin(builtin: dict[str, Named], custom: Page[Named], page: PageRequest) -> Page[Named]:
    """A page of the installation's own, and of ours that belong between them."""
    here: list[Named] = [each for name, each in builtin.items() if _is_in_page(name, page)]
    every = sorted([*custom.items, *here], key=lambda each: each.name)
    more = len(every) > page.limit or (custom.prev if page.backward else custom.next) is not None
    shown = every[-page.limit :] if page.backward else every[: page.limit]
    before, behind = (more, True) if page.backward else (page.position is not None, more)
    return Page(
        shown, next=shown[-1].name if shown and behind else None, prev=shown[0].name if shown and before else None
    )


def _is_in_page(name: str, page: PageRequest) -> bool:
    if page.position is None:
        return True
    return name < page.position if page.backward else name > page.position
