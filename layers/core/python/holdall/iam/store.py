"""The records of users, their unique names, sessions, the epoch of rights, and public keys."""

from datetime import datetime

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)

from holdall import clock, ids
from holdall.errors import Conflict, Failure
from holdall.iam.model import Known, PublicKey, Session, User
from holdall.page import Page, PageRequest
from holdall.table import Awaited, ByOwner, Reading, Record, Transaction, page_of

_LONGEST_ADDRESS = 1500  # bytes of a normal form: twice what the longest that is taken grows to


class UserRecord(Record, discriminator="user"):
    id = UnicodeAttribute()
    email = UnicodeAttribute()
    name = UnicodeAttribute()
    status = UnicodeAttribute()
    roles = ListAttribute(of=UnicodeAttribute)
    generation = NumberAttribute(default=0)
    created_at = UTCDateTimeAttribute()


class UniqueRecord(Record, discriminator="unique"):
    user_id = UnicodeAttribute()
    free_from = UTCDateTimeAttribute(null=True)  # of a name whose holder has left


class SessionRecord(Record, discriminator="session"):
    id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    mode = UnicodeAttribute()
    generation = NumberAttribute()
    family = UnicodeAttribute()
    current = UnicodeAttribute()
    previous = UnicodeAttribute(null=True)
    successor = UnicodeAttribute(null=True)
    rotated_at = UTCDateTimeAttribute()
    created_at = UTCDateTimeAttribute()
    verified_at = UTCDateTimeAttribute()
    used_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    ended = BooleanAttribute(default=False)
    address = UnicodeAttribute()
    agent = UnicodeAttribute()


class EpochRecord(Record, discriminator="epoch"):
    number = NumberAttribute(default=0)


class PublicKeyRecord(Record, discriminator="public-key"):
    number = NumberAttribute()
    pem = UnicodeAttribute()
    signs_from = UTCDateTimeAttribute()


def add_user(write: Transaction, user: User, address: str) -> None:
    """Add a user and take their address, in its normal form. The transaction raises Conflict when somebody has it."""
    taken = Conflict("email_taken", "There is an account with this address already.")
    unique = UniqueRecord(_address_key(address), "UNIQUE", user_id=user.id)
    write.create(unique, or_when=UniqueRecord.free_from <= clock.now(), otherwise=taken)
    record = UserRecord(
        _user_key(user.id), "USER", owner=f"USERS#{ids.shard(user.id)}", position=user.id, **user.model_dump()
    )
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


def change_address(write: Transaction, user: User, old: str, new: str, email: str, *, otherwise: Failure) -> None:
    """Give a user another address, both in their normal form. The transaction raises Conflict when somebody has it."""
    taken = Conflict("email_taken", "There is an account with this address already.")
    unique = UniqueRecord(_address_key(new), "UNIQUE", user_id=user.id)
    write.create(unique, or_when=UniqueRecord.free_from <= clock.now(), otherwise=taken)
    write.delete(UniqueRecord(_address_key(old), "UNIQUE"), when=UniqueRecord.user_id == user.id, otherwise=otherwise)
    record = UserRecord(_user_key(user.id), "USER")
    write.update(record, [UserRecord.email.set(email)], when=UserRecord.email == user.email, otherwise=otherwise)


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
    write.update(record, actions, when=UserRecord.generation == known.generation, otherwise=otherwise)
    unique = UniqueRecord(_address_key(address), "UNIQUE")
    freed = [UniqueRecord.free_from.set(until), UniqueRecord.ttl.set(int(until.timestamp()))]
    write.update(unique, freed, when=UniqueRecord.user_id == known.user.id, otherwise=otherwise)


def session(read: Reading, session_id: str) -> Awaited[Session]:
    """A session, ended or not."""
    return read.get(SessionRecord, _session_key(session_id), "SESSION", _session)


def epoch(read: Reading, user_id: str) -> Awaited[int]:
    """The number under which what roles hold may be remembered. It has 16 copies, as every request reads one."""
    return read.get(EpochRecord, f"IAM#EPOCH#{ids.shard(user_id)}", "EPOCH", lambda record: int(record.number))


def find_session(session_id: str) -> Session | None:
    """A session, ended or not. Raises Unavailable."""
    record = SessionRecord.find(_session_key(session_id), "SESSION")
    return _session(record) if record else None


def add_session(write: Transaction, new: Session) -> None:
    """Add a session."""
    record = SessionRecord(
        _session_key(new.id),
        "SESSION",
        owner=_sessions_of(new.user_id, new.generation),
        position=new.id,
        ttl=int(new.expires_at.timestamp()),
        **vars(new),
    )
    write.create(record, otherwise=Conflict("session_exists", "There is a session with this id already."))


def rotate(write: Transaction, old: Session, new: Session, successor: str, *, otherwise: Failure) -> None:
    """Put the next rotation in the place of the current one, if that is still current and its session alive."""
    write.update(
        SessionRecord(_session_key(old.id), "SESSION"),
        [
            SessionRecord.current.set(new.current),
            SessionRecord.previous.set(old.current),
            SessionRecord.successor.set(successor),
            SessionRecord.rotated_at.set(new.rotated_at),
            SessionRecord.used_at.set(new.used_at),
            SessionRecord.expires_at.set(new.expires_at),
            SessionRecord.ttl.set(int(new.expires_at.timestamp())),
        ],
        when=(SessionRecord.current == old.current) & (SessionRecord.ended == False),  # noqa: E712  # a condition
        otherwise=otherwise,
    )


def end_session(write: Transaction, session_id: str, *, otherwise: Failure) -> None:
    """End a session that is not ended."""
    write.update(
        SessionRecord(_session_key(session_id), "SESSION"),
        [SessionRecord.ended.set(True), SessionRecord.owner.remove(), SessionRecord.position.remove()],
        when=SessionRecord.ended == False,  # noqa: E712  # a condition
        otherwise=otherwise,
    )


def touch(session: Session, now: datetime, expires_at: datetime) -> None:
    """Write when a session was last used. One round trip, and nothing is lost when it fails. Raises Unavailable."""
    gone = Conflict("ended", "The session has ended.")
    try:
        with Transaction() as write:
            write.update(
                SessionRecord(_session_key(session.id), "SESSION"),
                [
                    SessionRecord.used_at.set(now),
                    SessionRecord.expires_at.set(expires_at),
                    SessionRecord.ttl.set(int(expires_at.timestamp())),
                ],
                when=SessionRecord.used_at == session.used_at,
                otherwise=gone,
            )
    except Conflict:
        return


def end_sessions(write: Transaction, known: Known, *, but: Session | None = None, otherwise: Failure) -> None:
    """End all sessions of a user, or all but one, by a new generation."""
    following = known.generation + 1
    record = UserRecord(_user_key(known.user.id), "USER")
    same = UserRecord.generation == known.generation
    write.update(record, [UserRecord.generation.set(following)], when=same, otherwise=otherwise)
    if but is not None:
        kept = [
            SessionRecord.generation.set(following),
            SessionRecord.owner.set(_sessions_of(known.user.id, following)),
        ]
        alive = SessionRecord.ended == False  # noqa: E712  # a condition
        write.update(SessionRecord(_session_key(but.id), "SESSION"), kept, when=alive, otherwise=otherwise)


def sessions(user_id: str, generation: int, asked: PageRequest) -> Page[Session]:
    """The sessions of a user that have not been ended, newest first. One round trip. Raises Unavailable."""
    found = page_of(SessionRecord, ByOwner, _sessions_of(user_id, generation), asked, descending=True)
    return Page([_session(record) for record in found.items], next=found.next, prev=found.prev)


def check_active(write: Transaction, user_id: str, generation: int, *, otherwise: Failure) -> None:
    """Hold only while the user is active and their sessions of this generation count."""
    active = (UserRecord.status == "active") & (UserRecord.generation == generation)
    write.check(UserRecord, _user_key(user_id), "USER", active, otherwise=otherwise)


def public_keys() -> list[PublicKey]:
    """All public keys. One round trip. Raises Unavailable."""
    return [
        PublicKey(record.sk, int(record.number), record.pem, record.signs_from)
        for record in PublicKeyRecord.parts("JWKS")
    ]


def publish_key(key: PublicKey) -> None:
    """Make a public key known; it may be known already. Raises Unavailable."""
    record = PublicKeyRecord("JWKS", key.kid, number=key.number, pem=key.pem, signs_from=key.signs_from)
    try:
        with Transaction() as write:
            write.create(record, otherwise=Conflict("key_exists", "Published already."))
    except Conflict:
        return


def withdraw_key(kid: str) -> None:
    """Make a public key unknown. Raises Unavailable."""
    with Transaction() as write:
        write.forget(PublicKeyRecord("JWKS", kid))


def _known(record: UserRecord) -> Known:
    user = User.model_construct(**{name: getattr(record, name) for name in User.model_fields})
    return Known(user, int(record.generation))


def _session(record: SessionRecord) -> Session:
    values = {name: getattr(record, name) for name in Session.__dataclass_fields__}
    return Session(**{**values, "generation": int(record.generation)})


def _user_key(user_id: str) -> str:
    return f"USER#{user_id}"


def _sessions_of(user_id: str, generation: int) -> str:
    # By generation, so that a list never holds sessions that ended all at once.
    return f"USER#{user_id}#SESSIONS#{generation}"


def _session_key(session_id: str) -> str:
    return f"SESSION#{session_id}"


def _address_key(address: str) -> str:
    # Nobody's address is so long, but anybody may ask for one, and a key holds 2048 bytes.
    return f"UNIQUE#email#{address.encode()[:_LONGEST_ADDRESS].decode(errors='ignore')}"


def _identity_key(identity: str) -> str:
    # A digest, as an issuer and a subject may be longer than a key.
    return f"UNIQUE#identity#{ids.digest(identity)}"
