"""The records of users and of their unique names."""

from datetime import datetime

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from holdall.iam.model import Account, User
from holdall.platform import clock, ids
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, Pending, Record, Transaction, query_page

# One partition: a list reads it in one round trip, and nobody signs up a thousand times a second.
_USERS_GSI1PK = "USERS"
_MAX_EMAIL_BYTES = 1500  # bytes of a normal form: twice what the longest that is taken grows to


class UserRecord(Record, discriminator="user"):
    id = UnicodeAttribute()
    email = UnicodeAttribute()
    name = UnicodeAttribute()
    status = UnicodeAttribute()
    roles = ListAttribute(of=UnicodeAttribute)
    generation = NumberAttribute(default=0)
    email_verified = BooleanAttribute(default=False)  # whether the address is known to be theirs
    created_at = UTCDateTimeAttribute()


class UniqueRecord(Record, discriminator="unique"):
    user_id = UnicodeAttribute()
    available_at = UTCDateTimeAttribute(null=True)  # of a name whose holder has left


def add_user(tx: Transaction, user: User, normalized_email: str, *, email_verified: bool) -> None:
    """Add a user and take their address, in its normal form. The transaction raises Conflict when somebody has it."""
    taken = Conflict("An account with this email address already exists.", code="email_taken")
    unique = UniqueRecord(_email_pk(normalized_email), "UNIQUE", user_id=user.id)
    tx.put_new(unique, or_condition=UniqueRecord.available_at <= clock.now(), error=taken)
    values = {**user.model_dump(), "email_verified": email_verified}
    record = UserRecord(_user_pk(user.id), "USER", gsi1pk=_USERS_GSI1PK, gsi1sk=user.id, **values)
    tx.put_new(record, error=Conflict("A user with this ID already exists.", code="user_exists"))


def find_user_id_by_email(normalized_email: str) -> str | None:
    """Whose address this is, if anybody's. The address is in its normal form. Raises Unavailable."""
    record = UniqueRecord.get_or_none(_email_pk(normalized_email), "UNIQUE")
    # Of one whose holder has left, only the row that waits for its removal may be there.
    free_from: datetime | None = getattr(record, "available_at", None)
    return record.user_id if record and not (free_from and free_from <= clock.now()) else None


def find_user_id_by_identity(identity: str) -> str | None:
    """Whose identity this is, if anybody's. Raises Unavailable."""
    record = UniqueRecord.get_or_none(_identity_pk(identity), "UNIQUE")
    return record.user_id if record else None


def assign_identity(tx: Transaction, identity: str, user_id: str, *, error: HoldallError) -> None:
    """Give an identity to a user, if it is nobody's."""
    tx.put_new(UniqueRecord(_identity_pk(identity), "UNIQUE", user_id=user_id), error=error)


def release_identity(tx: Transaction, identity: str) -> None:
    """Make an identity nobody's."""
    tx.delete_if_exists(UniqueRecord(_identity_pk(identity), "UNIQUE"))


def get_account(batch: BatchGet, user_id: str) -> Pending[Account]:
    """A user, in whatever state."""
    return batch.get(UserRecord, _user_pk(user_id), "USER", _to_account)


def list_users(page: PageRequest) -> Page[User]:
    """All users who are not deleted, newest first. One round trip. Raises Unavailable."""
    found = query_page(UserRecord, GSI1, _USERS_GSI1PK, page, descending=True)
    return Page([_to_account(record).user for record in found.items], next=found.next, prev=found.prev)


def update(tx: Transaction, current: Account, updated: User, *, error: HoldallError) -> None:
    """Write what an administrator decided over the view that they decided on. Who is disabled has no session any more."""
    actions: list[Action] = [
        getattr(UserRecord, name).set(getattr(updated, name))
        for name in ("name", "status", "roles")
        if getattr(updated, name) != getattr(current.user, name)
    ]
    if updated.status != "active" and current.user.status == "active":
        actions.append(UserRecord.generation.add(1))
    tx.update(
        UserRecord(_user_pk(current.user.id), "USER"), actions, condition=_unchanged_condition(current), error=error
    )


def update_email(
    tx: Transaction, user: User, old_normalized: str, new_normalized: str, new_email: str, *, error: HoldallError
) -> None:
    """Give a user another address that they proved, both in their normal form. The transaction raises Conflict when somebody
    has it.
    """
    taken = Conflict("An account with this email address already exists.", code="email_taken")
    unique = UniqueRecord(_email_pk(new_normalized), "UNIQUE", user_id=user.id)
    tx.put_new(unique, or_condition=UniqueRecord.available_at <= clock.now(), error=taken)
    tx.delete(UniqueRecord(_email_pk(old_normalized), "UNIQUE"), condition=UniqueRecord.user_id == user.id, error=error)
    record = UserRecord(_user_pk(user.id), "USER")
    actions = [UserRecord.email.set(new_email), UserRecord.email_verified.set(True)]
    tx.update(record, actions, condition=UserRecord.email == user.email, error=error)


def rename(tx: Transaction, user_id: str, name: str, *, error: HoldallError) -> None:
    """Give a user another name."""
    tx.update(UserRecord(_user_pk(user_id), "USER"), [UserRecord.name.set(name)], error=error)


def soft_delete(
    tx: Transaction, account: Account, normalized_email: str, available_at: datetime, *, error: HoldallError
) -> None:
    """Delete a user: an id without a name stays, and the address is nobody's after a time."""
    record = UserRecord(_user_pk(account.user.id), "USER")
    actions = [
        UserRecord.status.set("deleted"),
        UserRecord.name.set(""),
        UserRecord.email.set(""),
        UserRecord.roles.set([]),
        UserRecord.generation.add(1),
        UserRecord.gsi1pk.remove(),
        UserRecord.gsi1sk.remove(),
    ]
    same = _unchanged_condition(account) & (UserRecord.generation == account.generation)
    tx.update(record, actions, condition=same, error=error)
    unique = UniqueRecord(_email_pk(normalized_email), "UNIQUE")
    freed = [UniqueRecord.available_at.set(available_at), UniqueRecord.ttl.set(int(available_at.timestamp()))]
    tx.update(unique, freed, condition=UniqueRecord.user_id == account.user.id, error=error)


def increment_generation(tx: Transaction, account: Account, *, email_verified: bool, error: HoldallError) -> int:
    """End all sessions of a user at once, by the next generation, which is returned; `proven` if this proved the address."""
    following = account.generation + 1
    same = UserRecord.generation == account.generation
    record = UserRecord(_user_pk(account.user.id), "USER")
    actions: list[Action] = [UserRecord.generation.set(following)]
    if email_verified:
        actions.append(UserRecord.email_verified.set(True))
    tx.update(record, actions, condition=same, error=error)
    return following


def check_active(tx: Transaction, user_id: str, generation: int | None = None, *, error: HoldallError) -> None:
    """Hold only while the user is active and, if one is named, their sessions of this generation count."""
    active = UserRecord.status == "active"
    when = active if generation is None else active & (UserRecord.generation == generation)
    tx.condition_check(UserRecord, _user_pk(user_id), "USER", when, error=error)


def _unchanged_condition(account: Account) -> Condition:
    # What counters of holders follow from: status and roles.
    same: Condition = (UserRecord.status == account.user.status) & (UserRecord.roles == account.user.roles)
    return same


def _to_account(record: UserRecord) -> Account:
    user = User.model_construct(**{name: getattr(record, name) for name in User.model_fields})
    return Account(user, int(record.generation), bool(record.email_verified))


def _user_pk(user_id: str) -> str:
    return f"USER#{user_id}"


def _email_pk(normalized_email: str) -> str:
    # Nobody's address is so long, but anybody may ask for one, and a key holds 2048 bytes.
    return f"UNIQUE#email#{normalized_email.encode()[:_MAX_EMAIL_BYTES].decode(errors='ignore')}"


def _identity_pk(identity: str) -> str:
    # A digest, as an issuer and a subject may be longer than a key.
    return f"UNIQUE#identity#{ids.sha256_hex(identity)}"
