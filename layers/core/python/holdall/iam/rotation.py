"""Refresh: a token is spent for its successor, once; a spent one that comes again ends its family."""

from dataclasses import dataclass, replace

from holdall import clock, ids
from holdall.audit.service import record
from holdall.caller import Visitor
from holdall.errors import Conflict
from holdall.iam import access_token
from holdall.iam.model import SAME_SUCCESSOR, Session, expiry, invalid_token
from holdall.iam.refresh_token import RefreshToken, seal, unseal
from holdall.iam.store import sessions as store
from holdall.iam.store import users
from holdall.table import Transaction


@dataclass(frozen=True)
class Opened:
    """What a client gets for a session, once: tokens, or a cookie with its CSRF token. The rest is empty."""

    access: str = ""
    refresh: str = ""
    expires_in: int = 0  # seconds
    cookie: str = ""
    csrf: str = ""


def refresh(visitor: Visitor, text: str) -> Opened:
    """Spend a refresh token and get its successor. Two round trips. Raises Unauthenticated.

    A client that did not get its answer may ask again for ten seconds, and gets the same successor. Any other use of a spent
    token ends the session: either its holder or its thief used it before (RFC 9700, section 4.14.2).
    """
    token = RefreshToken.read(text)
    raced = Conflict("raced", "Another request was first.")
    for _ in range(2):  # the loser of a race finds itself to be the predecessor when it looks again
        session = _session_of(token)
        used = ids.digest(token.rotation)
        if not ids.same(used, session.current):
            return _again(visitor, session, token, used)
        following = replace(token, rotation=ids.new_secret())
        try:
            with Transaction() as write:
                sealed = seal(following.rotation, under=token.rotation)
                store.rotate(write, session, _rotated(session, following), sealed, otherwise=raced)
                users.check_active(write, session.user_id, session.generation, otherwise=invalid_token())
        except Conflict:
            continue
        return tokens_of(session, following)
    raise invalid_token()


def session(session_id: str) -> Session:
    """A session that counts. Raises Unauthenticated."""
    found = store.find_session(session_id)
    if found is None or not found.live(clock.now()):
        raise invalid_token()
    return found


def _session_of(token: RefreshToken) -> Session:
    found = session(token.session_id)
    if found.mode != "token" or not ids.same(ids.digest(token.family), found.family):
        raise invalid_token()
    return found


def _rotated(session: Session, following: RefreshToken) -> Session:
    now = clock.now()
    return replace(
        session,
        current=ids.digest(following.rotation),
        rotated_at=now,
        used_at=now,
        expires_at=expiry(session.created_at, now),
    )


def _again(visitor: Visitor, session: Session, token: RefreshToken, used: str) -> Opened:
    """The same successor for its predecessor, shortly after; otherwise the end of the family."""
    known = session.previous is not None and session.successor is not None and ids.same(used, session.previous)
    if known and session.successor and clock.now() - session.rotated_at <= SAME_SUCCESSOR:
        with Transaction() as write:
            users.check_active(write, session.user_id, session.generation, otherwise=invalid_token())
        return tokens_of(session, replace(token, rotation=unseal(session.successor, token.rotation)))
    with Transaction() as write:
        store.end_session(write, session.id, otherwise=invalid_token())
        record(write, visitor, "session.reuse", session.id, outcome="denied", actor=session.user_id)
    raise invalid_token()


def tokens_of(session: Session, token: RefreshToken) -> Opened:
    """What the client gets of this rotation. Raises Unavailable."""
    access = access_token.issue(session.user_id, session.id)
    return Opened(access, str(token), int(access_token.LIFETIME.total_seconds()))
