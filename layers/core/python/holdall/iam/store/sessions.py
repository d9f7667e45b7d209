"""Records of sessions."""

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.iam.model import SESSION_MAX_AGE, AlreadyRevoked, AlreadyRotated, StoredSession
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, ErrorFactory, Pending, Record, Transaction, query_page


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
    revoked = BooleanAttribute(default=False)
    client_ip = UnicodeAttribute()
    user_agent = UnicodeAttribute()


_NOT_REVOKED = SessionRecord.revoked == False  # noqa: E712  # `==` makes a condition


def get_session(batch: BatchGet, session_id: str) -> Pending[StoredSession]:
    """Read a session, active or not."""
    return batch.get(SessionRecord, _pk(session_id), "SESSION", _to_session)


def add_session(tx: Transaction, session: StoredSession) -> None:
    """Add a session."""
    record = SessionRecord(
        _pk(session.id),
        "SESSION",
        gsi1pk=_gsi1pk(session.user_id, session.generation),
        gsi1sk=session.id,
        ttl=int((session.created_at + SESSION_MAX_AGE).timestamp()),
        **vars(session),
    )
    tx.put_new(record)


def rotate(tx: Transaction, old: StoredSession, new: StoredSession, encrypted_successor: str) -> None:
    """Replace the current rotation of a session. The transaction raises AlreadyRotated."""
    tx.update(
        SessionRecord(_pk(old.id), "SESSION"),
        [
            SessionRecord.current_sha256.set(new.current_sha256),
            SessionRecord.previous_sha256.set(old.current_sha256),
            SessionRecord.encrypted_successor.set(encrypted_successor),
            SessionRecord.rotated_at.set(new.rotated_at),
            SessionRecord.last_used_at.set(new.last_used_at),
        ],
        condition=(SessionRecord.current_sha256 == old.current_sha256) & _NOT_REVOKED,
        error=AlreadyRotated,
    )


def revoke_session(tx: Transaction, session_id: str) -> None:
    """Revoke a session. The transaction raises AlreadyRevoked."""
    tx.update(
        SessionRecord(_pk(session_id), "SESSION"),
        [SessionRecord.revoked.set(True), SessionRecord.gsi1pk.remove(), SessionRecord.gsi1sk.remove()],
        condition=_NOT_REVOKED,
        error=AlreadyRevoked,
    )


def carry_over(tx: Transaction, session: StoredSession, generation: int, *, error: ErrorFactory) -> None:
    """Move a session that is not revoked to another generation, so that it outlives the others of its own."""
    actions = [
        SessionRecord.generation.set(generation),
        SessionRecord.gsi1pk.set(_gsi1pk(session.user_id, generation)),
    ]
    tx.update(SessionRecord(_pk(session.id), "SESSION"), actions, condition=_NOT_REVOKED, error=error)


def list_sessions(user_id: str, generation: int, page: PageRequest) -> Page[StoredSession]:
    """Return the sessions of a user that are not revoked, newest first. One round trip. Raises ServiceUnavailable."""
    found = query_page(SessionRecord, GSI1, _gsi1pk(user_id, generation), page, descending=True)
    return Page([_to_session(record) for record in found.items], next=found.next, prev=found.prev)


def _to_session(record: SessionRecord) -> StoredSession:
    values = {name: getattr(record, name) for name in StoredSession.__dataclass_fields__}
    return StoredSession(**{**values, "generation": int(record.generation)})


def _gsi1pk(user_id: str, generation: int) -> str:
    # With the generation, so that a list does not contain the sessions of earlier ones.
    return f"USER#{user_id}#SESSIONS#{generation}"


def _pk(session_id: str) -> str:
    return f"SESSION#{session_id}"
