"""The records of roles, of permissions, and of the epoch under which they may be remembered."""

from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.platform import clock, ids
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, Pending, Record, Transaction, query_page
from holdall.roles.model import Permission, Role

_INVARIANT_VIOLATION = Conflict("A condition failed that cannot fail.", code="internal_error")


class RoleRecord(Record, discriminator="role"):
    # The row of a built-in role is its counter and nothing else.
    name = UnicodeAttribute(null=True)
    description = UnicodeAttribute(null=True)
    permissions: ListAttribute[Any] = ListAttribute(
        of=UnicodeAttribute, null=True
    )  # sorted, so that two that hold the same are equal
    holder_count = NumberAttribute(default=0)
    created_at = UTCDateTimeAttribute(null=True)


class PermissionRecord(Record, discriminator="permission"):
    name = UnicodeAttribute()
    description = UnicodeAttribute()
    role_count = NumberAttribute(default=0)  # that hold it
    created_at = UTCDateTimeAttribute()


class EpochRecord(Record, discriminator="epoch"):
    number = NumberAttribute(default=0)


def get_epoch(batch: BatchGet, user_id: str) -> Pending[int]:
    """The number under which what roles hold may be remembered. It has 16 copies, as every request reads one."""
    return batch.get(EpochRecord, _epoch_pk(ids.shard(user_id)), "EPOCH", lambda record: int(record.number))


def bump_epoch(tx: Transaction) -> None:
    """Make all that is remembered of roles worth nothing: what follows is part of the same transaction.

    A new role needs none: nobody holds one that is not there, so its absence is remembered nowhere, and if there was one of its
    name before, the removal of that began an epoch.
    """
    for number in range(ids.SHARDS):
        tx.increment(EpochRecord(_epoch_pk(number), "EPOCH"), [EpochRecord.number.add(1)], error=_INVARIANT_VIOLATION)


def get_role(batch: BatchGet, name: str) -> Pending[Role]:
    """A role of the installation's own."""
    return batch.get(RoleRecord, _role_pk(name), "ROLE", _to_role)


def list_roles(page: PageRequest) -> Page[Role]:
    """The roles of the installation's own, by name. One round trip. Raises Unavailable."""
    found = query_page(RoleRecord, GSI1, "ROLES", page)
    return Page([_to_role(record) for record in found.items], next=found.next, prev=found.prev)


def add_role(tx: Transaction, role: Role) -> None:
    """Add a role. The transaction raises Conflict when there is one with this name."""
    values = role.model_dump(exclude={"built_in"})
    record = RoleRecord(_role_pk(role.name), "ROLE", gsi1pk="ROLES", gsi1sk=role.name, **values)
    tx.put_new(record, error=Conflict("A role with this name already exists.", code="role_exists"))


def update_role(tx: Transaction, current: Role, updated: Role, *, error: HoldallError) -> None:
    """Write a role over the view that its change was decided on."""
    actions = [RoleRecord.description.set(updated.description), RoleRecord.permissions.set(updated.permissions)]
    same = (RoleRecord.description == current.description) & (RoleRecord.permissions == current.permissions)
    tx.update(RoleRecord(_role_pk(current.name), "ROLE"), actions, condition=same, error=error)


def delete_role(tx: Transaction, current: Role, *, error: HoldallError) -> None:
    """Remove a role that nobody holds."""
    unheld = (RoleRecord.holder_count == 0) & (RoleRecord.permissions == current.permissions)
    tx.delete(RoleRecord(_role_pk(current.name), "ROLE"), condition=unheld, error=error)


def increment_holders(tx: Transaction, name: str, delta: int, *, error: HoldallError) -> None:
    """Count one holder more or less of a role that is there."""
    tx.update(RoleRecord(_role_pk(name), "ROLE"), [RoleRecord.holder_count.add(delta)], error=error)


def increment_superusers(tx: Transaction, name: str, delta: int, *, error: HoldallError) -> None:
    """Count one active holder more or less of a role that is never left without one."""
    record, actions = RoleRecord(_role_pk(name), "ROLE"), [RoleRecord.holder_count.add(delta)]
    if delta > 0:
        tx.increment(record, actions, error=_INVARIANT_VIOLATION)
    else:
        tx.update(record, actions, condition=RoleRecord.holder_count > 1, error=error)


def get_permission(batch: BatchGet, name: str) -> Pending[Permission]:
    """A permission of the installation's own."""
    return batch.get(PermissionRecord, _permission_pk(name), "PERMISSION", _to_permission)


def list_permissions(page: PageRequest) -> Page[Permission]:
    """The permissions of the installation's own, by name. One round trip. Raises Unavailable."""
    found = query_page(PermissionRecord, GSI1, "PERMISSIONS", page)
    return Page([_to_permission(record) for record in found.items], next=found.next, prev=found.prev)


def add_permission(tx: Transaction, permission: Permission) -> None:
    """Add a permission. The transaction raises Conflict when there is one with this name."""
    record = PermissionRecord(
        _permission_pk(permission.name),
        "PERMISSION",
        gsi1pk="PERMISSIONS",
        gsi1sk=permission.name,
        name=permission.name,
        description=permission.description,
        created_at=clock.now(),
    )
    tx.put_new(record, error=Conflict("A permission with this name already exists.", code="permission_exists"))


def delete_permission(tx: Transaction, name: str, *, error: HoldallError) -> None:
    """Remove a permission that no role holds."""
    unheld = PermissionRecord.role_count == 0
    tx.delete(PermissionRecord(_permission_pk(name), "PERMISSION"), condition=unheld, error=error)


def increment_roles(tx: Transaction, name: str, delta: int, *, error: HoldallError) -> None:
    """Count one role more or less that holds a permission which is there."""
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
