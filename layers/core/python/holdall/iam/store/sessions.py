"""The records of sessions."""

from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.iam.model import StoredSession
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, Pending, Record, Transaction, query_page


class SessionRecord(Record, discriminator="session"):
    id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    mode = UnicodeAttribute()
    generation = NumberAttribute()
    family_sha256 = UnicodeAttribute()
    current_sha256 = UnicodeAttribute()
    previous_sha256 = UnicodeAttribute(null=True)
    encrypted_successor = UnicodeAttribute(null=True)
    rotated_at = UTCDateTimeAttribute()
    created_at = UTCDateTimeAttribute()
    authenticated_at = UTCDateTimeAttribute()
    last_used_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    revoked = BooleanAttribute(default=False)
    client_ip = UnicodeAttribute()
    user_agent = UnicodeAttribute()


def get_session(batch: BatchGet, session_id: str) -> Pending[StoredSession]:
    """A session, ended or not."""
    return batch.get(SessionRecord, _pk(session_id), "SESSION", _to_session)


def find_session(session_id: str) -> StoredSession | None:
    """A session, ended or not. Raises Unavailable."""
    record = SessionRecord.get_or_none(_pk(session_id), "SESSION")
    return _to_session(record) if record else None


def add_session(tx: Transaction, session: StoredSession) -> None:
    """Add a session."""
    record = SessionRecord(
        _pk(session.id),
        "SESSION",
        gsi1pk=_gsi1pk(session.user_id, session.generation),
        gsi1sk=session.id,
        ttl=int(session.expires_at.timestamp()),
        **vars(session),
    )
    tx.put_new(record, error=Conflict("A session with this ID already exists.", code="session_exists"))


def rotate(
    tx: Transaction, old: StoredSession, new: StoredSession, encrypted_successor: str, *, error: HoldallError
) -> None:
    """Put the next rotation in the place of the current one, if that is still current and its session alive."""
    tx.update(
        SessionRecord(_pk(old.id), "SESSION"),
        [
            SessionRecord.current_sha256.set(new.current_sha256),
            SessionRecord.previous_sha256.set(old.current_sha256),
            SessionRecord.encrypted_successor.set(encrypted_successor),
            SessionRecord.rotated_at.set(new.rotated_at),
            SessionRecord.last_used_at.set(new.last_used_at),
            SessionRecord.expires_at.set(new.expires_at),
            SessionRecord.ttl.set(int(new.expires_at.timestamp())),
        ],
        condition=(SessionRecord.current_sha256 == old.current_sha256) & (SessionRecord.revoked == False),  # noqa: E712  # a condition
        error=error,
    )


def revoke_session(tx: Transaction, session_id: str, *, error: HoldallError) -> None:
    """End a session that is not ended."""
    tx.update(
        SessionRecord(_pk(session_id), "SESSION"),
        [SessionRecord.revoked.set(True), SessionRecord.gsi1pk.remove(), SessionRecord.gsi1sk.remove()],
        condition=SessionRecord.revoked == False,  # noqa: E712  # a condition
        error=error,
    )


def set_last_used(session: StoredSession, now: datetime, expires_at: datetime) -> None:
    """Write when a session was last used. One round trip, and nothing is lost when it fails. Raises Unavailable."""
    gone = Conflict("The session was revoked.", code="already_revoked")
    try:
        with Transaction() as write:
            write.update(
                SessionRecord(_pk(session.id), "SESSION"),
                [
                    SessionRecord.last_used_at.set(now),
                    SessionRecord.expires_at.set(expires_at),
                    SessionRecord.ttl.set(int(expires_at.timestamp())),
                ],
                condition=SessionRecord.last_used_at == session.last_used_at,
                error=gone,
            )
    except Conflict:
        return


def carry_over(tx: Transaction, session: StoredSession, generation: int, *, error: HoldallError) -> None:
    """Make a session one of another generation, so that it outlives its own."""
    actions = [
        SessionRecord.generation.set(generation),
        SessionRecord.gsi1pk.set(_gsi1pk(session.user_id, generation)),
    ]
    alive = SessionRecord.revoked == False  # noqa: E712  # a condition
    tx.update(SessionRecord(_pk(session.id), "SESSION"), actions, condition=alive, error=error)


def list_sessions(user_id: str, generation: int, page: PageRequest) -> Page[StoredSession]:
    """The sessions of a user that have not been ended, newest first. One round trip. Raises Unavailable."""
    found = query_page(SessionRecord, GSI1, _gsi1pk(user_id, generation), page, descending=True)
    return Page([_to_session(record) for record in found.items], next=found.next, prev=found.prev)


def _to_session(record: SessionRecord) -> StoredSession:
    values = {name: getattr(record, name) for name in StoredSession.__dataclass_fields__}
    return StoredSession(**{**values, "generation": int(record.generation)})


def _gsi1pk(user_id: str, generation: int) -> str:
    # By generation, so that a list never holds sessions that ended all at once.
    return f"USER#{user_id}#SESSIONS#{generation}"


def _pk(session_id: str) -> str:
    return f"SESSION#{session_id}"
