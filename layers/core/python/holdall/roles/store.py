"""The records of roles, of permissions, and of the epoch under which they may be remembered."""

from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall import clock, ids
from holdall.errors import Conflict, Failure
from holdall.page import Page, PageRequest
from holdall.roles.model import PermissionView, Role
from holdall.table import Awaited, ByOwner, Reading, Record, Transaction, page_of

_UNCOUNTED = Conflict("uncounted", "This counts always.")


class RoleRecord(Record, discriminator="role"):
    # The row of a built-in role is its counter and nothing else.
    name = UnicodeAttribute(null=True)
    description = UnicodeAttribute(null=True)
    permissions: ListAttribute[Any] = ListAttribute(
        of=UnicodeAttribute, null=True
    )  # sorted, so that two that hold the same are equal
    holders = NumberAttribute(default=0)
    created_at = UTCDateTimeAttribute(null=True)


class PermissionRecord(Record, discriminator="permission"):
    name = UnicodeAttribute()
    description = UnicodeAttribute()
    roles = NumberAttribute(default=0)  # that hold it
    created_at = UTCDateTimeAttribute()


class EpochRecord(Record, discriminator="epoch"):
    number = NumberAttribute(default=0)


def epoch(read: Reading, user_id: str) -> Awaited[int]:
    """The number under which what roles hold may be remembered. It has 16 copies, as every request reads one."""
    return read.get(EpochRecord, _epoch_key(ids.shard(user_id)), "EPOCH", lambda record: int(record.number))


def begin_epoch(write: Transaction) -> None:
    """Make all that is remembered of roles worth nothing: what follows is part of the same transaction.

    A new role needs none: nobody holds one that is not there, so its absence is remembered nowhere, and if there was one of its
    name before, the removal of that began an epoch.
    """
    for number in range(ids.SHARDS):
        write.count(EpochRecord(_epoch_key(number), "EPOCH"), [EpochRecord.number.add(1)], otherwise=_UNCOUNTED)


def role(read: Reading, name: str) -> Awaited[Role]:
    """A role of the installation's own."""
    return read.get(RoleRecord, _role_key(name), "ROLE", _role)


def roles(asked: PageRequest) -> Page[Role]:
    """The roles of the installation's own, by name. One round trip. Raises Unavailable."""
    found = page_of(RoleRecord, ByOwner, "ROLES", asked)
    return Page([_role(record) for record in found.items], next=found.next, prev=found.prev)


def add_role(write: Transaction, new: Role) -> None:
    """Add a role. The transaction raises Conflict when there is one with this name."""
    values = new.model_dump(exclude={"built_in"})
    record = RoleRecord(_role_key(new.name), "ROLE", owner="ROLES", position=new.name, **values)
    write.create(record, otherwise=Conflict("role_exists", "There is a role with this name already."))


def change_role(write: Transaction, seen: Role, changed: Role, *, otherwise: Failure) -> None:
    """Write a role over the view that its change was decided on."""
    actions = [RoleRecord.description.set(changed.description), RoleRecord.permissions.set(changed.permissions)]
    same = (RoleRecord.description == seen.description) & (RoleRecord.permissions == seen.permissions)
    write.update(RoleRecord(_role_key(seen.name), "ROLE"), actions, when=same, otherwise=otherwise)


def remove_role(write: Transaction, seen: Role, *, otherwise: Failure) -> None:
    """Remove a role that nobody holds."""
    unheld = (RoleRecord.holders == 0) & (RoleRecord.permissions == seen.permissions)
    write.delete(RoleRecord(_role_key(seen.name), "ROLE"), when=unheld, otherwise=otherwise)


def count_holders(write: Transaction, name: str, change: int, *, otherwise: Failure) -> None:
    """Count one holder more or less of a role that is there."""
    write.update(RoleRecord(_role_key(name), "ROLE"), [RoleRecord.holders.add(change)], otherwise=otherwise)


def count_superusers(write: Transaction, name: str, change: int, *, otherwise: Failure) -> None:
    """Count one active holder more or less of a role that is never left without one."""
    record, actions = RoleRecord(_role_key(name), "ROLE"), [RoleRecord.holders.add(change)]
    if change > 0:
        write.count(record, actions, otherwise=_UNCOUNTED)
    else:
        write.update(record, actions, when=RoleRecord.holders > 1, otherwise=otherwise)


def permission(read: Reading, name: str) -> Awaited[PermissionView]:
    """A permission of the installation's own."""
    return read.get(PermissionRecord, _permission_key(name), "PERMISSION", _permission)


def permissions(asked: PageRequest) -> Page[PermissionView]:
    """The permissions of the installation's own, by name. One round trip. Raises Unavailable."""
    found = page_of(PermissionRecord, ByOwner, "PERMISSIONS", asked)
    return Page([_permission(record) for record in found.items], next=found.next, prev=found.prev)


def add_permission(write: Transaction, new: PermissionView) -> None:
    """Add a permission. The transaction raises Conflict when there is one with this name."""
    record = PermissionRecord(
        _permission_key(new.name),
        "PERMISSION",
        owner="PERMISSIONS",
        position=new.name,
        name=new.name,
        description=new.description,
        created_at=clock.now(),
    )
    write.create(record, otherwise=Conflict("permission_exists", "There is a permission with this name already."))


def remove_permission(write: Transaction, name: str, *, otherwise: Failure) -> None:
    """Remove a permission that no role holds."""
    unheld = PermissionRecord.roles == 0
    write.delete(PermissionRecord(_permission_key(name), "PERMISSION"), when=unheld, otherwise=otherwise)


def count_roles(write: Transaction, name: str, change: int, *, otherwise: Failure) -> None:
    """Count one role more or less that holds a permission which is there."""
    record = PermissionRecord(_permission_key(name), "PERMISSION")
    write.update(record, [PermissionRecord.roles.add(change)], otherwise=otherwise)


def _role(record: RoleRecord) -> Role:
    return Role.model_construct(
        name=record.name,
        description=record.description,
        permissions=list(record.permissions),
        built_in=False,
        created_at=record.created_at,
    )


def _permission(record: PermissionRecord) -> PermissionView:
    return PermissionView.model_construct(name=record.name, description=record.description, built_in=False)


def _role_key(name: str) -> str:
    return f"ROLE#{name}"


def _permission_key(name: str) -> str:
    return f"PERMISSION#{name}"


def _epoch_key(number: int) -> str:
    return f"IAM#EPOCH#{number}"
