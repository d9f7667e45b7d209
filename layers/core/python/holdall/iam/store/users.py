"""Records of users, and of the email addresses and identities that only one user can have."""

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

from holdall.iam.model import Account, EmailTaken, InvalidToken, User
from holdall.platform import clock, ids
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, ErrorFactory, Pending, Record, Transaction, query_page

# One partition, because a list then takes one round trip, and a thousand sign-ups a second are not expected.
_USERS_GSI1PK = "USERS"
_MAX_EMAIL_BYTES = 1500  # of the normal form in a key: twice as much as the longest valid address needs


class UserRecord(Record, discriminator="user"):
    id = UnicodeAttribute()
    email = UnicodeAttribute()
    name = UnicodeAttribute()
    status = UnicodeAttribute()
    roles = ListAttribute(of=UnicodeAttribute)
    generation = NumberAttribute(default=0)
    email_verified = BooleanAttribute(default=False)
    created_at = UTCDateTimeAttribute()


class UniqueRecord(Record, discriminator="unique"):
    user_id = UnicodeAttribute()
    available_at = UTCDateTimeAttribute(null=True)  # of the address of a deleted user


def add_user(tx: Transaction, user: User, normalized_email: str, *, email_verified: bool) -> None:
    """Add a user with an address. The transaction raises EmailTaken."""
    _assign_email(tx, normalized_email, user.id)
    values = {**user.model_dump(), "email_verified": email_verified}
    tx.put_new(UserRecord(_user_pk(user.id), "USER", gsi1pk=_USERS_GSI1PK, gsi1sk=user.id, **values))


def find_user_id_by_email(normalized_email: str) -> str | None:
    """Return the ID of the user with an address. One round trip. Raises ServiceUnavailable."""
    record = UniqueRecord.get_or_none(_email_pk(normalized_email), "UNIQUE")
    if record is None or _is_past(record.available_at):  # the TTL may delete the record days later
        return None
    return record.user_id


def find_user_id_by_identity(identity: str) -> str | None:
    """Return the ID of the user with an identity of a provider. One round trip. Raises ServiceUnavailable."""
    record = UniqueRecord.get_or_none(_identity_pk(identity), "UNIQUE")
    return record.user_id if record else None


def assign_identity(tx: Transaction, identity: str, user_id: str, *, error: ErrorFactory) -> None:
    """Assign an identity of a provider to a user. No other user may have it."""
    tx.put_new(UniqueRecord(_identity_pk(identity), "UNIQUE", user_id=user_id), error=error)


def release_identity(tx: Transaction, identity: str) -> None:
    """Let another user have an identity."""
    tx.delete_if_exists(UniqueRecord(_identity_pk(identity), "UNIQUE"))


def get_account(batch: BatchGet, user_id: str) -> Pending[Account]:
    """Read a user of any status."""
    return batch.get(UserRecord, _user_pk(user_id), "USER", _to_account)


def list_accounts(page: PageRequest) -> Page[Account]:
    """Return the users who are not deleted, newest first. One round trip. Raises ServiceUnavailable."""
    found = query_page(UserRecord, GSI1, _USERS_GSI1PK, page, descending=True)
    return Page([_to_account(record) for record in found.items], next=found.next, prev=found.prev)


def update(tx: Transaction, current: Account, updated: User, *, error: ErrorFactory) -> None:
    """Update name, status and roles of a user whose status and roles have not changed. Disabling ends all sessions."""
    actions: list[Action] = [
        getattr(UserRecord, name).set(getattr(updated, name))
        for name in ("name", "status", "roles")
        if getattr(updated, name) != getattr(current.user, name)
    ]
    if current.user.is_active and not updated.is_active:
        actions.append(UserRecord.generation.add(1))
    record = UserRecord(_user_pk(current.user.id), "USER")
    tx.update(record, actions, condition=_unchanged_condition(current), error=error)


def update_email(
    tx: Transaction, user: User, old_normalized: str, new_normalized: str, new_email: str, *, error: ErrorFactory
) -> None:
    """Replace the address of a user, who has proved that the new one is theirs. The transaction raises EmailTaken."""
    _assign_email(tx, new_normalized, user.id)
    old = UniqueRecord(_email_pk(old_normalized), "UNIQUE")
    tx.delete(old, condition=UniqueRecord.user_id == user.id, error=error)
    actions = [UserRecord.email.set(new_email), UserRecord.email_verified.set(True)]
    tx.update(UserRecord(_user_pk(user.id), "USER"), actions, condition=UserRecord.email == user.email, error=error)


def rename(tx: Transaction, user_id: str, name: str) -> None:
    """Update the name of an active user. The transaction raises InvalidToken."""
    record = UserRecord(_user_pk(user_id), "USER")
    tx.update(record, [UserRecord.name.set(name)], condition=UserRecord.status == "active", error=InvalidToken)


def soft_delete(
    tx: Transaction, account: Account, normalized_email: str, available_at: datetime, *, error: ErrorFactory
) -> None:
    """Remove all data of a user but the ID, end all sessions, and let another user have the address from a given time on."""
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
    unchanged = _unchanged_condition(account) & (UserRecord.generation == account.generation)
    tx.update(record, actions, condition=unchanged, error=error)
    unique = UniqueRecord(_email_pk(normalized_email), "UNIQUE")
    expire = [UniqueRecord.available_at.set(available_at), UniqueRecord.ttl.set(int(available_at.timestamp()))]
    tx.update(unique, expire, condition=UniqueRecord.user_id == account.user.id, error=error)


def increment_generation(tx: Transaction, account: Account, *, email_verified: bool, error: ErrorFactory) -> int:
    """End all sessions of a user, and return the next generation. `email_verified` marks the address as verified."""
    generation = account.generation + 1
    actions: list[Action] = [UserRecord.generation.set(generation)]
    if email_verified:
        actions.append(UserRecord.email_verified.set(True))
    unchanged = UserRecord.generation == account.generation
    tx.update(UserRecord(_user_pk(account.user.id), "USER"), actions, condition=unchanged, error=error)
    return generation


def check_active(
    tx: Transaction, user_id: str, generation: int | None = None, *, error: ErrorFactory = InvalidToken
) -> None:
    """Condition check: the user is active, and no session of the generation was ended."""
    condition = UserRecord.status == "active"
    if generation is not None:
        condition &= UserRecord.generation == generation
    tx.condition_check(UserRecord, _user_pk(user_id), "USER", condition, error=error)


def _assign_email(tx: Transaction, normalized_email: str, user_id: str) -> None:
    unique = UniqueRecord(_email_pk(normalized_email), "UNIQUE", user_id=user_id)
    tx.put_new(unique, or_condition=UniqueRecord.available_at <= clock.now(), error=EmailTaken)


def _is_past(time: datetime | None) -> bool:
    return time is not None and time <= clock.now()


def _unchanged_condition(account: Account) -> Condition:
    # The counters of the holders of roles are updated by the difference to this status and these roles.
    unchanged: Condition = (UserRecord.status == account.user.status) & (UserRecord.roles == account.user.roles)
    return unchanged


def _to_account(record: UserRecord) -> Account:
    user = User.model_construct(**{name: getattr(record, name) for name in User.model_fields})
    return Account(user, int(record.generation), bool(record.email_verified))


def _user_pk(user_id: str) -> str:
    return f"USER#{user_id}"


def _email_pk(normalized_email: str) -> str:
    # No account has an address of this length, but any request may contain one, and a key has at most 2048 bytes.
    return f"UNIQUE#EMAIL#{normalized_email.encode()[:_MAX_EMAIL_BYTES].decode(errors='ignore')}"


def _identity_pk(identity: str) -> str:
    # A digest, because an issuer and a subject may be longer than a key.
    return f"UNIQUE#IDENTITY#{ids.sha256_hex(identity)}"
