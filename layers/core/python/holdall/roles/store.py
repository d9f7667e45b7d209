"""Records of roles and permissions, and of the epoch under which roles may be cached."""

from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.platform import clock, ids
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, ErrorFactory, Pending, Record, Transaction, query_page
from holdall.roles.model import (
    SUPERUSER,
    LastSuperuser,
    Permission,
    PermissionExists,
    PermissionInUse,
    Role,
    RoleChanged,
    RoleDeleted,
    RoleExists,
    RoleInUse,
)


class RoleRecord(Record, discriminator="role"):
    # The record of the built-in role `superuser` has only the counter.
    name = UnicodeAttribute(null=True)
    description = UnicodeAttribute(null=True)
    permissions: ListAttribute[Any] = ListAttribute(
        of=UnicodeAttribute, null=True
    )  # sorted, so that a condition can compare them
    holder_count = NumberAttribute(default=0)
    created_at = UTCDateTimeAttribute(null=True)


class PermissionRecord(Record, discriminator="permission"):
    name = UnicodeAttribute()
    description = UnicodeAttribute()
    role_count = NumberAttribute(default=0)
    created_at = UTCDateTimeAttribute()


class EpochRecord(Record, discriminator="epoch"):
    number = NumberAttribute(default=0)


def get_epoch(batch: BatchGet, user_id: str) -> Pending[int]:
    """Read the epoch. It has 16 copies, because every request reads one."""
    return batch.get(EpochRecord, _epoch_pk(ids.shard(user_id)), "EPOCH", lambda record: int(record.number))


def bump_epoch(tx: Transaction) -> None:
    """Invalidate the cached roles of all processes.

    The creation of a role does not need it: no user has a role that does not exist, and if there was one with the same name
    before, its deletion has bumped the epoch.
    """
    for number in range(ids.SHARDS):
        tx.upsert(EpochRecord(_epoch_pk(number), "EPOCH"), [EpochRecord.number.add(1)])


def get_role(batch: BatchGet, name: str) -> Pending[Role]:
    """Read a custom role."""
    return batch.get(RoleRecord, _role_pk(name), "ROLE", _to_role)


def list_roles(page: PageRequest) -> Page[Role]:
    """Return the custom roles, by name. One round trip. Raises ServiceUnavailable."""
    found = query_page(RoleRecord, GSI1, "ROLES", page)
    return Page([_to_role(record) for record in found.items], next=found.next, prev=found.prev)


def add_role(tx: Transaction, role: Role) -> None:
    """Add a role. The transaction raises RoleExists."""
    values = role.model_dump(exclude={"built_in"})
    tx.put_new(RoleRecord(_role_pk(role.name), "ROLE", gsi1pk="ROLES", gsi1sk=role.name, **values), error=RoleExists)


def update_role(tx: Transaction, current: Role, updated: Role) -> None:
    """Update a role. The transaction raises RoleChanged."""
    actions = [RoleRecord.description.set(updated.description), RoleRecord.permissions.set(updated.permissions)]
    unchanged = (RoleRecord.description == current.description) & (RoleRecord.permissions == current.permissions)
    tx.update(RoleRecord(_role_pk(current.name), "ROLE"), actions, condition=unchanged, error=RoleChanged)


def delete_role(tx: Transaction, current: Role) -> None:
    """Delete a role that no user has. The transaction raises RoleInUse."""
    unused = (RoleRecord.holder_count == 0) & (RoleRecord.permissions == current.permissions)
    tx.delete(RoleRecord(_role_pk(current.name), "ROLE"), condition=unused, error=RoleInUse)


def increment_holders(tx: Transaction, name: str, delta: int) -> None:
    """Change the number of users who have a custom role. The transaction raises RoleDeleted."""
    tx.update(RoleRecord(_role_pk(name), "ROLE"), [RoleRecord.holder_count.add(delta)], error=RoleDeleted)


def increment_superusers(tx: Transaction, delta: int) -> None:
    """Change the number of active superusers. The transaction raises LastSuperuser."""
    record, actions = RoleRecord(_role_pk(SUPERUSER), "ROLE"), [RoleRecord.holder_count.add(delta)]
    if delta > 0:
        tx.upsert(record, actions)
    else:
        tx.update(record, actions, condition=RoleRecord.holder_count > 1, error=LastSuperuser)


def get_permission(batch: BatchGet, name: str) -> Pending[Permission]:
    """Read a custom permission."""
    return batch.get(PermissionRecord, _permission_pk(name), "PERMISSION", _to_permission)


def list_permissions(page: PageRequest) -> Page[Permission]:
    """Return the custom permissions, by name. One round trip. Raises ServiceUnavailable."""
    found = query_page(PermissionRecord, GSI1, "PERMISSIONS", page)
    return Page([_to_permission(record) for record in found.items], next=found.next, prev=found.prev)


def add_permission(tx: Transaction, permission: Permission) -> None:
    """Add a permission. The transaction raises PermissionExists."""
    record = PermissionRecord(
        _permission_pk(permission.name),
        "PERMISSION",
        gsi1pk="PERMISSIONS",
        gsi1sk=permission.name,
        name=permission.name,
        description=permission.description,
        created_at=clock.now(),
    )
    tx.put_new(record, error=PermissionExists)


def delete_permission(tx: Transaction, name: str) -> None:
    """Delete a permission that no role has. The transaction raises PermissionInUse."""
    unused = PermissionRecord.role_count == 0
    tx.delete(PermissionRecord(_permission_pk(name), "PERMISSION"), condition=unused, error=PermissionInUse)


def increment_roles(tx: Transaction, name: str, delta: int, *, error: ErrorFactory) -> None:
    """Change the number of roles that have a permission. The transaction raises `error` if the permission does not exist."""
    record = PermissionRecord(_permission_pk(name), "PERMISSION")
    tx.update(record, [PermissionRecord.role_count.add(delta)], error=error)


def _to_role(record: RoleRecord) -> Role:
    return Role.model_construct(
        name=record.name,
        description=record.description,
        permissions=list(record.permissions),
        built_in=False,
        created_at=record.created_at,
    )


def _to_permission(record: PermissionRecord) -> Permission:
    return Permission.model_construct(name=record.name, description=record.description, built_in=False)


def _role_pk(name: str) -> str:
    return f"ROLE#{name}"


def _permission_pk(name: str) -> str:
    return f"PERMISSION#{name}"


def _epoch_pk(shard: int) -> str:
    return f"ROLES_EPOCH#{shard}"
