"""The records of sessions."""

from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.errors import Conflict, Failure
from holdall.iam.model import Session
from holdall.page import Page, PageRequest
from holdall.table import Awaited, ByOwner, Reading, Record, Transaction, page_of


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


def session(read: Reading, session_id: str) -> Awaited[Session]:
    """A session, ended or not."""
    return read.get(SessionRecord, _session_key(session_id), "SESSION", _session)


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


def keep(write: Transaction, kept: Session, generation: int, *, otherwise: Failure) -> None:
    """Make a session one of another generation, so that it outlives its own."""
    actions = [
        SessionRecord.generation.set(generation),
        SessionRecord.owner.set(_sessions_of(kept.user_id, generation)),
    ]
    alive = SessionRecord.ended == False  # noqa: E712  # a condition
    write.update(SessionRecord(_session_key(kept.id), "SESSION"), actions, when=alive, otherwise=otherwise)


def sessions(user_id: str, generation: int, asked: PageRequest) -> Page[Session]:
    """The sessions of a user that have not been ended, newest first. One round trip. Raises Unavailable."""
    found = page_of(SessionRecord, ByOwner, _sessions_of(user_id, generation), asked, descending=True)
    return Page([_session(record) for record in found.items], next=found.next, prev=found.prev)


def _session(record: SessionRecord) -> Session:
    values = {name: getattr(record, name) for name in Session.__dataclass_fields__}
    return Session(**{**values, "generation": int(record.generation)})


def _sessions_of(user_id: str, generation: int) -> str:
    # By generation, so that a list never holds sessions that ended all at once.
    return f"USER#{user_id}#SESSIONS#{generation}"


def _session_key(session_id: str) -> str:
    return f"SESSION#{session_id}"
