"""Use cases of roles and permissions, and the functions of the table and the store that other capabilities use.

Built-in roles and permissions come from the table in `permissions`, so a deployment changes them for everyone at once. Only
custom ones are records.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import NoReturn, TypeVar

from holdall.audit.service import log
from holdall.idempotency import service as idempotency
from holdall.platform import clock
from holdall.platform.caller import Caller
from holdall.platform.errors import Forbidden, NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.roles import permissions, store
from holdall.roles.model import (
    SUPERUSER,
    BuiltInImmutable,
    CreatePermissionRequest,
    CreateRoleRequest,
    Permission,
    PermissionExists,
    PermissionNotGrantable,
    PermissionNotHeld,
    Role,
    RoleChanged,
    RoleExists,
    UnknownPermission,
    UpdateRoleRequest,
)
from holdall.roles.permissions import (
    can_grant,
    get_key_scopes,
    get_project_role_permissions,
    is_builtin,
    is_key_scope,
    is_project_permission,
)
from holdall.roles.store import get_epoch, get_permission

__all__ = [
    "can_grant",
    "get_epoch",
    "get_key_scopes",
    "get_permission",
    "get_project_role_permissions",
    "is_builtin",
    "is_key_scope",
    "is_project_permission",
]

Named = TypeVar("Named", bound=Role | Permission)

_EPOCH_SETTLE_TIME = timedelta(seconds=2)
_MAX_NAME_LENGTH = 64  # of a name in a path: a longer one does not exist, and may be too long for a key
_BUILT_IN_ROLES = {
    name: Role(name=name, description=text, permissions=sorted(permissions.get_role_permissions(name)), built_in=True)
    for name, text in permissions.BUILT_IN_ROLES.items()
}
_BUILT_IN_PERMISSIONS = [
    Permission(name=name, description=each.description, built_in=True, grantable=permissions.is_grantable(name))
    for name, each in permissions.PERMISSIONS.items()
]


@dataclass(frozen=True)
class _RoleCache:
    """The permissions of roles under an epoch, and when this process first read the epoch. Starts with the built-in roles."""

    first_seen_at: datetime
    permissions_by_role: dict[str, frozenset[str]] = field(
        default_factory=lambda: {name: frozenset(role.permissions) for name, role in _BUILT_IN_ROLES.items()}
    )


_cache_by_epoch: dict[int, _RoleCache] = {}  # only of the latest epoch


def get_permissions(role_names: Sequence[str], epoch: int) -> frozenset[str]:
    """Return the permissions of roles in the whole installation. One round trip for roles that are not cached.

    The epoch must have been read before. Raises ServiceUnavailable.
    """
    cache = _get_cache(epoch)
    # The epoch is older than what is read here, or as old. If a request is slower than an update, it writes to the cache of an
    # old epoch, which no other request reads.
    missing = [name for name in role_names if name not in cache.permissions_by_role]
    with BatchGet() as batch:
        pending = {name: store.get_role(batch, name) for name in missing}
    found = {name: frozenset(each.value.permissions if each.value else ()) for name, each in pending.items()}
    # A transaction writes its items one after the other, and only the read of each item is serializable (DynamoDB developer
    # guide, "Isolation levels"). So for a moment a role may be older than a new epoch, and must not be cached under it.
    if clock.now() - cache.first_seen_at >= _EPOCH_SETTLE_TIME:
        cache.permissions_by_role.update(found)
    by_role = cache.permissions_by_role | found
    return frozenset().union(*(by_role[name] for name in role_names))


def get_role(batch: BatchGet, name: str) -> Pending[Role]:
    """Read a role."""
    if name not in _BUILT_IN_ROLES:
        return store.get_role(batch, name)
    pending: Pending[Role] = Pending()
    pending.set(_BUILT_IN_ROLES[name])
    return pending


def get(name: str) -> Role:
    """Return a role. Raises NotFound."""
    if len(name) > _MAX_NAME_LENGTH:
        raise NotFound
    with BatchGet() as batch:
        pending = get_role(batch, name)
    return pending.require(NotFound)


def list_roles(page: PageRequest) -> Page[Role]:
    """Return the roles, by name. One round trip."""
    return _insert(_BUILT_IN_ROLES.values(), store.list_roles(page), page)


def list_permissions(page: PageRequest) -> Page[Permission]:
    """Return the permissions, by name. One round trip."""
    return _insert(_BUILT_IN_PERMISSIONS, store.list_permissions(page), page)


def create(caller: Caller, request: CreateRoleRequest) -> Role:
    """Create a custom role.

    Raises RoleExists, PermissionNotGrantable, UnknownPermission, and PermissionNotHeld, which is logged.
    """
    if request.name in _BUILT_IN_ROLES:
        raise RoleExists
    _check_grantable(request.permissions)
    check_can_grant(caller, request.permissions, "roles.create", request.name)
    role = Role(
        name=request.name,
        description=request.description,
        permissions=sorted(request.permissions),
        built_in=False,
        created_at=clock.now(),
    )

    def work(tx: Transaction) -> Role:
        store.add_role(tx, role)
        _update_role_counts(tx, [], request.permissions)
        log(tx, caller, "roles.create", role.name)
        return role

    return idempotency.run(caller, work, save=Role.model_dump_json, replay=Role.model_validate_json)


def update(caller: Caller, name: str, request: UpdateRoleRequest) -> Role:
    """Update a custom role, with effect on the next request of every user who has it.

    Raises NotFound, BuiltInImmutable, PermissionNotGrantable, UnknownPermission, PermissionNotHeld, which is logged, and
    RoleChanged.
    """
    current = _get_custom_role(name)
    permission_names = current.permissions if request.permissions is None else request.permissions
    _check_grantable(permission_names)
    check_can_grant(caller, {*current.permissions, *permission_names}, "roles.update", name)
    description = current.description if request.description is None else request.description
    updated = current.model_copy(update={"description": description, "permissions": sorted(permission_names)})
    if updated == current:
        return current
    with Transaction() as tx:
        store.update_role(tx, current, updated)
        if updated.permissions != current.permissions:
            _update_role_counts(tx, current.permissions, permission_names)
            store.bump_epoch(tx)
        log(tx, caller, "roles.update", name)
    return updated


def delete(caller: Caller, name: str) -> None:
    """Delete a custom role that no user has.

    Raises NotFound, BuiltInImmutable, PermissionNotHeld, which is logged, and RoleInUse.
    """
    role = _get_custom_role(name)
    check_can_grant(caller, role.permissions, "roles.delete", name)
    with Transaction() as tx:
        store.delete_role(tx, role)
        _update_role_counts(tx, role.permissions, [])
        store.bump_epoch(tx)
        log(tx, caller, "roles.delete", name)


def create_permission(caller: Caller, request: CreatePermissionRequest) -> Permission:
    """Create a custom permission. Raises PermissionExists."""
    if permissions.is_reserved(request.name):
        raise PermissionExists("This prefix is reserved for built-in permissions.")
    permission = Permission(name=request.name, description=request.description, built_in=False)

    def work(tx: Transaction) -> Permission:
        store.add_permission(tx, permission)
        log(tx, caller, "permissions.create", permission.name)
        return permission

    return idempotency.run(caller, work, save=Permission.model_dump_json, replay=Permission.model_validate_json)


def delete_permission(caller: Caller, name: str) -> None:
    """Delete a custom permission that no role has. Raises NotFound, BuiltInImmutable and PermissionInUse."""
    if is_builtin(name):
        raise BuiltInImmutable
    if len(name) > _MAX_NAME_LENGTH:
        raise NotFound
    with BatchGet() as batch:
        pending = store.get_permission(batch, name)
    pending.require(NotFound)
    with Transaction() as tx:
        store.delete_permission(tx, name)
        log(tx, caller, "permissions.delete", name)


def check_can_grant(caller: Caller, required: Iterable[str], action: str, target: str) -> None:
    """Check that the caller has all permissions that an action grants or changes. Raises PermissionNotHeld, and logs it."""
    if not can_grant(caller.global_permissions, frozenset(required)):
        deny(caller, action, target, PermissionNotHeld)


def deny(caller: Caller, action: str, target: str, error: type[Forbidden]) -> NoReturn:
    """Log that an action was denied, and raise the error. One round trip."""
    with Transaction() as tx:
        log(tx, caller, action, target, outcome="denied")
    raise error


def update_holder_counts(
    tx: Transaction, before: Sequence[str], after: Sequence[str], *, was_active: bool, is_active: bool
) -> None:
    """Count a user whose roles or status change. Users with custom roles are counted, and active superusers.

    The transaction raises RoleDeleted and LastSuperuser.
    """
    superusers = (is_active and SUPERUSER in after) - (was_active and SUPERUSER in before)
    if superusers:
        store.increment_superusers(tx, superusers)
    for name in sorted({*before, *after}.difference(_BUILT_IN_ROLES)):
        if delta := (name in after) - (name in before):
            store.increment_holders(tx, name, delta)


def _get_cache(epoch: int) -> _RoleCache:
    if epoch not in _cache_by_epoch:
        _cache_by_epoch.clear()
        _cache_by_epoch[epoch] = _RoleCache(clock.now())
    return _cache_by_epoch[epoch]


def _get_custom_role(name: str) -> Role:
    role = get(name)
    if role.built_in:
        raise BuiltInImmutable
    return role


def _check_grantable(permission_names: Sequence[str]) -> None:
    for index, name in enumerate(permission_names):
        if is_builtin(name) and not permissions.is_grantable(name):
            raise PermissionNotGrantable(pointer=f"/permissions/{index}")


def _update_role_counts(tx: Transaction, before: Sequence[str], after: Sequence[str]) -> None:
    """Count a role whose permissions change. The transaction raises UnknownPermission for one that does not exist."""
    for index, name in enumerate(after):
        if name not in before and not is_builtin(name):
            store.increment_roles(tx, name, 1, error=partial(UnknownPermission, pointer=f"/permissions/{index}"))
    for name in before:
        if name not in after and not is_builtin(name):
            store.increment_roles(tx, name, -1, error=RoleChanged)


def _insert(builtin: Iterable[Named], custom: Page[Named], page: PageRequest) -> Page[Named]:
    """Return a page of custom roles or permissions with the built-in ones that belong to it."""
    here = [each for each in builtin if _is_in_page(each.name, page)]
    items = sorted([*custom.items, *here], key=attrgetter("name"))
    has_more = len(items) > page.limit or (custom.prev if page.backward else custom.next) is not None
    items = items[-page.limit :] if page.backward else items[: page.limit]
    has_next, has_prev = (True, has_more) if page.backward else (has_more, page.position is not None)
    names = [each.name for each in items]
    return Page(items, next=names[-1] if names and has_next else None, prev=names[0] if names and has_prev else None)


def _is_in_page(name: str, page: PageRequest) -> bool:
    if page.position is None:
        return True
    return name < page.position if page.backward else name > page.position
