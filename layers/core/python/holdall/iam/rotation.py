"""Refresh: a token is spent for its successor, once; a spent one that comes again ends its family."""

from dataclasses import dataclass, replace

from holdall.audit.service import log
from holdall.iam import access_token
from holdall.iam.model import REFRESH_GRACE_PERIOD, StoredSession, expiry, invalid_token
from holdall.iam.refresh_token import RefreshToken, decrypt_successor, encrypt_successor
from holdall.iam.store import sessions as store
from holdall.iam.store import users
from holdall.platform import clock, ids
from holdall.platform.caller import ClientInfo
from holdall.platform.errors import Conflict
from holdall.platform.table import Transaction


@dataclass(frozen=True)
class IssuedSession:
    """What a client gets for a session, once: tokens, or a cookie with its CSRF token. The rest is empty."""

    access_token: str = ""
    refresh_token: str = ""
    expires_in: int = 0  # seconds
    cookie: str = ""
    csrf_token: str = ""


def refresh(client: ClientInfo, refresh_token: str) -> IssuedSession:
    """Spend a refresh token and get its successor. Two round trips. Raises Unauthenticated.

    A client that did not get its answer may ask again for ten seconds, and gets the same successor. Any other use of a spent
    token ends the session: either its holder or its thief used it before (RFC 9700, section 4.14.2).
    """
    token = RefreshToken.parse(refresh_token)
    raced = Conflict("Another request rotated the token first.", code="already_rotated")
    for _ in range(2):  # the loser of a race finds itself to be the predecessor when it looks again
        session = _get_token_session(token)
        used = ids.sha256_hex(token.rotation_secret)
        if not ids.constant_time_equal(used, session.current_sha256):
            return _handle_reuse(client, session, token, used)
        following = replace(token, rotation_secret=ids.new_secret())
        try:
            with Transaction() as write:
                sealed = encrypt_successor(following.rotation_secret, predecessor=token.rotation_secret)
                store.rotate(write, session, _rotated(session, following), sealed, error=raced)
                users.check_active(write, session.user_id, session.generation, error=invalid_token())
        except Conflict:
            continue
        return issue_tokens(session, following)
    raise invalid_token()


def get_session(session_id: str) -> StoredSession:
    """A session that counts. Raises Unauthenticated."""
    found = store.find_session(session_id)
    if found is None or not found.is_active(clock.now()):
        raise invalid_token()
    return found


def _get_token_session(token: RefreshToken) -> StoredSession:
    found = get_session(token.session_id)
    if found.mode != "token" or not ids.constant_time_equal(ids.sha256_hex(token.family_secret), found.family_sha256):
        raise invalid_token()
    return found


def _rotated(session: StoredSession, next_token: RefreshToken) -> StoredSession:
    now = clock.now()
    return replace(
        session,
        current_sha256=ids.sha256_hex(next_token.rotation_secret),
        rotated_at=now,
        last_used_at=now,
        expires_at=expiry(session.created_at, now),
    )


def _handle_reuse(client: ClientInfo, session: StoredSession, token: RefreshToken, used_sha256: str) -> IssuedSession:
    """The same successor for its predecessor, shortly after; otherwise the end of the family."""
    known = (
        session.previous_sha256 is not None
        and session.encrypted_successor is not None
        and ids.constant_time_equal(used_sha256, session.previous_sha256)
    )
    if known and session.encrypted_successor and clock.now() - session.rotated_at <= REFRESH_GRACE_PERIOD:
        with Transaction() as write:
            users.check_active(write, session.user_id, session.generation, error=invalid_token())
        return issue_tokens(
            session,
            replace(token, rotation_secret=decrypt_successor(session.encrypted_successor, token.rotation_secret)),
        )
    with Transaction() as write:
        store.revoke_session(write, session.id, error=invalid_token())
        log(write, client, "sessions.reuse_detected", session.id, outcome="denied", actor=session.user_id)
    raise invalid_token()


def issue_tokens(session: StoredSession, token: RefreshToken) -> IssuedSession:
    """What the client gets of this rotation. Raises Unavailable."""
    access = access_token.issue(session.user_id, session.id)
    return IssuedSession(access, str(token), int(access_token.LIFETIME.total_seconds()))
