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

from holdall import clock, ids
from holdall.errors import Conflict, Failure
from holdall.iam.model import Known, User
from holdall.page import Page, PageRequest
from holdall.table import Awaited, ByOwner, Reading, Record, Transaction, page_of

# One partition: a list reads it in one round trip, and nobody signs up a thousand times a second.
_USERS = "USERS"
_LONGEST_ADDRESS = 1500  # bytes of a normal form: twice what the longest that is taken grows to


class UserRecord(Record, discriminator="user"):
    id = UnicodeAttribute()
    email = UnicodeAttribute()
    name = UnicodeAttribute()
    status = UnicodeAttribute()
    roles = ListAttribute(of=UnicodeAttribute)
    generation = NumberAttribute(default=0)
    proven = BooleanAttribute(default=False)  # whether the address is known to be theirs
    created_at = UTCDateTimeAttribute()


class UniqueRecord(Record, discriminator="unique"):
    user_id = UnicodeAttribute()
    free_from = UTCDateTimeAttribute(null=True)  # of a name whose holder has left


def add_user(write: Transaction, user: User, address: str, *, proven: bool) -> None:
    """Add a user and take their address, in its normal form. The transaction raises Conflict when somebody has it."""
    taken = Conflict("email_taken", "There is an account with this address already.")
    unique = UniqueRecord(_address_key(address), "UNIQUE", user_id=user.id)
    write.create(unique, or_when=UniqueRecord.free_from <= clock.now(), otherwise=taken)
    values = {**user.model_dump(), "proven": proven}
    record = UserRecord(_user_key(user.id), "USER", owner=_USERS, position=user.id, **values)
    write.create(record, otherwise=Conflict("user_exists", "There is a user with this id already."))


def user_id_of(address: str) -> str | None:
    """Whose address this is, if anybody's. The address is in its normal form. Raises Unavailable."""
    record = UniqueRecord.find(_address_key(address), "UNIQUE")
    # Of one whose holder has left, only the row that waits for its removal may be there.
    free_from: datetime | None = getattr(record, "free_from", None)
    return record.user_id if record and not (free_from and free_from <= clock.now()) else None


def user_id_of_identity(identity: str) -> str | None:
    """Whose identity this is, if anybody's. Raises Unavailable."""
    record = UniqueRecord.find(_identity_key(identity), "UNIQUE")
    return record.user_id if record else None


def take_identity(write: Transaction, identity: str, user_id: str, *, otherwise: Failure) -> None:
    """Give an identity to a user, if it is nobody's."""
    write.create(UniqueRecord(_identity_key(identity), "UNIQUE", user_id=user_id), otherwise=otherwise)


def release_identity(write: Transaction, identity: str) -> None:
    """Make an identity nobody's."""
    write.forget(UniqueRecord(_identity_key(identity), "UNIQUE"))


def user(read: Reading, user_id: str) -> Awaited[Known]:
    """A user, in whatever state."""
    return read.get(UserRecord, _user_key(user_id), "USER", _known)


def users(asked: PageRequest) -> Page[User]:
    """All users who are not deleted, newest first. One round trip. Raises Unavailable."""
    found = page_of(UserRecord, ByOwner, _USERS, asked, descending=True)
    return Page([_known(record).user for record in found.items], next=found.next, prev=found.prev)


def change(write: Transaction, seen: Known, changed: User, *, otherwise: Failure) -> None:
    """Write what an administrator decided over the view that they decided on. Who is disabled has no session any more."""
    actions: list[Action] = [
        getattr(UserRecord, name).set(getattr(changed, name))
        for name in ("name", "status", "roles")
        if getattr(changed, name) != getattr(seen.user, name)
    ]
    if changed.status != "active" and seen.user.status == "active":
        actions.append(UserRecord.generation.add(1))
    write.update(UserRecord(_user_key(seen.user.id), "USER"), actions, when=_as_seen(seen), otherwise=otherwise)


def change_address(write: Transaction, user: User, old: str, new: str, email: str, *, otherwise: Failure) -> None:
    """Give a user another address that they proved, both in their normal form. The transaction raises Conflict when somebody
    has it.
    """
    taken = Conflict("email_taken", "There is an account with this address already.")
    unique = UniqueRecord(_address_key(new), "UNIQUE", user_id=user.id)
    write.create(unique, or_when=UniqueRecord.free_from <= clock.now(), otherwise=taken)
    write.delete(UniqueRecord(_address_key(old), "UNIQUE"), when=UniqueRecord.user_id == user.id, otherwise=otherwise)
    record = UserRecord(_user_key(user.id), "USER")
    actions = [UserRecord.email.set(email), UserRecord.proven.set(True)]
    write.update(record, actions, when=UserRecord.email == user.email, otherwise=otherwise)


def rename(write: Transaction, user_id: str, name: str, *, otherwise: Failure) -> None:
    """Give a user another name."""
    write.update(UserRecord(_user_key(user_id), "USER"), [UserRecord.name.set(name)], otherwise=otherwise)


def bury(write: Transaction, known: Known, address: str, until: datetime, *, otherwise: Failure) -> None:
    """Delete a user: an id without a name stays, and the address is nobody's after a time."""
    record = UserRecord(_user_key(known.user.id), "USER")
    actions = [
        UserRecord.status.set("deleted"),
        UserRecord.name.set(""),
        UserRecord.email.set(""),
        UserRecord.roles.set([]),
        UserRecord.generation.add(1),
        UserRecord.owner.remove(),
        UserRecord.position.remove(),
    ]
    same = _as_seen(known) & (UserRecord.generation == known.generation)
    write.update(record, actions, when=same, otherwise=otherwise)
    unique = UniqueRecord(_address_key(address), "UNIQUE")
    freed = [UniqueRecord.free_from.set(until), UniqueRecord.ttl.set(int(until.timestamp()))]
    write.update(unique, freed, when=UniqueRecord.user_id == known.user.id, otherwise=otherwise)


def begin_generation(write: Transaction, known: Known, *, proven: bool, otherwise: Failure) -> int:
    """End all sessions of a user at once, by the next generation, which is returned; `proven` if this proved the address."""
    following = known.generation + 1
    same = UserRecord.generation == known.generation
    record = UserRecord(_user_key(known.user.id), "USER")
    actions: list[Action] = [UserRecord.generation.set(following)]
    if proven:
        actions.append(UserRecord.proven.set(True))
    write.update(record, actions, when=same, otherwise=otherwise)
    return following


def check_active(write: Transaction, user_id: str, generation: int | None = None, *, otherwise: Failure) -> None:
    """Hold only while the user is active and, if one is named, their sessions of this generation count."""
    active = UserRecord.status == "active"
    when = active if generation is None else active & (UserRecord.generation == generation)
    write.check(UserRecord, _user_key(user_id), "USER", when, otherwise=otherwise)


def _as_seen(known: Known) -> Condition:
    # What counters of holders follow from: status and roles.
    same: Condition = (UserRecord.status == known.user.status) & (UserRecord.roles == known.user.roles)
    return same


def _known(record: UserRecord) -> Known:
    user = User.model_construct(**{name: getattr(record, name) for name in User.model_fields})
    return Known(user, int(record.generation), bool(record.proven))


def _user_key(user_id: str) -> str:
    return f"USER#{user_id}"


def _address_key(address: str) -> str:
    # Nobody's address is so long, but anybody may ask for one, and a key holds 2048 bytes.
    return f"UNIQUE#email#{address.encode()[:_LONGEST_ADDRESS].decode(errors='ignore')}"


def _identity_key(identity: str) -> str:
    # A digest, as an issuer and a subject may be longer than a key.
    return f"UNIQUE#identity#{ids.digest(identity)}"
