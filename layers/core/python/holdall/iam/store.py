"""The records of users, their unique names, sessions, the epoch of rights, and public keys."""

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)

from holdall import ids
from holdall.errors import Conflict, Failure
from holdall.iam.model import Session, User
from holdall.table import Awaited, Reading, Record, Transaction


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


class SessionRecord(Record, discriminator="session"):
    id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    generation = NumberAttribute()
    family = UnicodeAttribute()
    current = UnicodeAttribute()
    previous = UnicodeAttribute(null=True)
    successor = UnicodeAttribute(null=True)
    rotated_at = UTCDateTimeAttribute()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    ended = BooleanAttribute(default=False)
    address = UnicodeAttribute()
    agent = UnicodeAttribute()


class EpochRecord(Record, discriminator="epoch"):
    number = NumberAttribute(default=0)


class PublicKeyRecord(Record, discriminator="public-key"):
    pem = UnicodeAttribute()


def add_user(write: Transaction, user: User, address: str) -> None:
    """Add a user and take their address, in its normal form. The transaction raises Conflict when somebody has it."""
    taken = Conflict("email_taken", "There is an account with this address already.")
    write.create(UniqueRecord(_address_key(address), "UNIQUE", user_id=user.id), otherwise=taken)
    record = UserRecord(
        _user_key(user.id), "USER", owner=f"USERS#{ids.shard(user.id)}", position=user.id, **user.model_dump()
    )
    write.create(record, otherwise=Conflict("user_exists", "There is a user with this id already."))


def user_id_of(address: str) -> str | None:
    """Whose address this is, if anybody's. The address is in its normal form. Raises Unavailable."""
    record = UniqueRecord.find(_address_key(address), "UNIQUE")
    return record.user_id if record else None


def user(read: Reading, user_id: str) -> Awaited[tuple[User, int]]:
    """A user, and the generation of their sessions that counts."""
    return read.get(UserRecord, _user_key(user_id), "USER", lambda record: (_user(record), int(record.generation)))


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


def add_session(write: Transaction, new: Session, *, address: str, agent: str) -> None:
    """Add a session."""
    record = SessionRecord(
        _session_key(new.id),
        "SESSION",
        owner=f"USER#{new.user_id}#SESSIONS",
        position=new.id,
        address=address,
        agent=agent,
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


def end_sessions(write: Transaction, user_id: str, *, otherwise: Failure) -> None:
    """End all sessions of a user, by a new generation."""
    write.update(UserRecord(_user_key(user_id), "USER"), [UserRecord.generation.add(1)], otherwise=otherwise)


def check_active(write: Transaction, user_id: str, generation: int, *, otherwise: Failure) -> None:
    """Hold only while the user is active and their sessions of this generation count."""
    active = (UserRecord.status == "active") & (UserRecord.generation == generation)
    write.check(UserRecord, _user_key(user_id), "USER", active, otherwise=otherwise)


def public_keys() -> list[tuple[str, str]]:
    """The key id and PEM text of each public key. Raises Unavailable."""
    return [(record.sk, record.pem) for record in PublicKeyRecord.parts("JWKS")]


def publish_key(kid: str, pem: str) -> None:
    """Make a public key known; it may be known already. Raises Unavailable."""
    try:
        with Transaction() as write:
            write.create(PublicKeyRecord("JWKS", kid, pem=pem), otherwise=Conflict("key_exists", "Published already."))
    except Conflict:
        pass


def _user(record: UserRecord) -> User:
    return User.model_construct(**{name: getattr(record, name) for name in User.model_fields})


def _session(record: SessionRecord) -> Session:
    values = {name: getattr(record, name) for name in Session.__dataclass_fields__}
    return Session(**{**values, "generation": int(record.generation)})


def _user_key(user_id: str) -> str:
    return f"USER#{user_id}"


def _session_key(session_id: str) -> str:
    return f"SESSION#{session_id}"


def _address_key(address: str) -> str:
    return f"UNIQUE#email#{address}"
