"""Refresh: each refresh token is used once, for its successor. A token that is used again ends its session."""

import contextlib
from dataclasses import replace

from holdall.audit.service import log
from holdall.iam.model import (
    REFRESH_GRACE_PERIOD,
    AlreadyRevoked,
    AlreadyRotated,
    InvalidToken,
    IssuedTokens,
    StoredSession,
)
from holdall.iam.refresh_token import RefreshToken, decrypt_successor, encrypt_successor
from holdall.iam.service.sessions import get_session, issue_tokens
from holdall.iam.store import sessions as store
from holdall.iam.store import users
from holdall.platform import clock, ids
from holdall.platform.caller import ClientInfo
from holdall.platform.table import Transaction


def refresh(client: ClientInfo, refresh_token: str) -> IssuedTokens:
    """Return the successor of a refresh token, with a new access token. Two round trips. Raises InvalidToken.

    A client that lost the response gets the same successor again for ten seconds. Any other second use ends the session,
    because either the client or a thief used the token before (RFC 9700, section 4.14.2).
    """
    token = RefreshToken.parse(refresh_token)
    session = _get_session(token)
    if _is_digest_of(token.rotation_secret, session.current_sha256):
        try:
            return _rotate(session, token)
        except AlreadyRotated:  # by another request with this token, which is the predecessor now
            session = _get_session(token)
    successor = _decrypt_successor(session, token)
    if successor is None:
        _revoke_family(client, session)
        raise InvalidToken
    with Transaction() as tx:
        users.check_active(tx, session.user_id, session.generation)
    return issue_tokens(session, successor)


def _get_session(token: RefreshToken) -> StoredSession:
    session = get_session(token.session_id)
    if session.mode != "token" or not _is_digest_of(token.family_secret, session.family_sha256):
        raise InvalidToken
    return session


def _rotate(session: StoredSession, token: RefreshToken) -> IssuedTokens:
    """Replace the current token. Raises AlreadyRotated."""
    now, successor = clock.now(), replace(token, rotation_secret=ids.new_secret())
    rotated = replace(
        session,
        current_sha256=ids.sha256_hex(successor.rotation_secret),
        rotated_at=now,
        last_used_at=now,
    )
    encrypted_successor = encrypt_successor(successor.rotation_secret, predecessor=token.rotation_secret)
    with Transaction() as tx:
        store.rotate(tx, session, rotated, encrypted_successor)
        users.check_active(tx, session.user_id, session.generation)
    return issue_tokens(session, successor)


def _decrypt_successor(session: StoredSession, token: RefreshToken) -> RefreshToken | None:
    """Return the current token if this is its predecessor and the grace period has not ended."""
    if session.previous_sha256 is None or session.encrypted_successor is None:
        return None
    if not _is_digest_of(token.rotation_secret, session.previous_sha256):
        return None
    if clock.now() - session.rotated_at > REFRESH_GRACE_PERIOD:
        return None
    return replace(token, rotation_secret=decrypt_successor(session.encrypted_successor, token.rotation_secret))


def _revoke_family(client: ClientInfo, session: StoredSession) -> None:
    with contextlib.suppress(AlreadyRevoked), Transaction() as tx:
        store.revoke_session(tx, session.id)
        log(tx, client, "sessions.reuse_detected", session.id, outcome="denied", actor=session.user_id)


def _is_digest_of(secret: str, sha256: str) -> bool:
    return ids.constant_time_equal(ids.sha256_hex(secret), sha256)
