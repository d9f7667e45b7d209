"""Use cases of sessions, and the functions that parse and verify their credentials."""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdall.audit.service import log
from holdall.iam.access_token import LIFETIME, issue_access_token, list_jwks, verify_access_token
from holdall.iam.model import (
    SESSION_MAX_AGE,
    Account,
    AlreadyRevoked,
    InvalidToken,
    IssuedCookie,
    IssuedSession,
    IssuedTokens,
    Session,
    SessionCredentials,
    SessionMode,
    StoredSession,
    describe_device,
)
from holdall.iam.refresh_token import RefreshToken
from holdall.iam.service.users import current_account, find_active
from holdall.iam.signing_keys import rotate_signing_keys, rotate_signing_keys_if_due
from holdall.iam.store import sessions as store
from holdall.iam.store import users
from holdall.iam.tokens import derive_csrf_token, format_session_cookie, is_session_cookie, parse_session_cookie
from holdall.last_use import service as last_use
from holdall.platform import clock, ids
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.errors import NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, ErrorFactory, Pending, Transaction
from holdall.roles import service as roles

__all__ = [
    "derive_csrf_token",
    "is_session_cookie",
    "list_jwks",
    "parse_session_cookie",
    "rotate_signing_keys",
    "rotate_signing_keys_if_due",
    "verify_access_token",
]


@dataclass(frozen=True)
class SessionLookup:
    """The records that decide whether a session is active, and for what."""

    account: Pending[Account]
    session: Pending[StoredSession]
    last_use: Pending[datetime]
    epoch: Pending[int]


@dataclass(frozen=True)
class Authorization:
    """An active session, and the permissions of its user in the whole installation."""

    permissions: frozenset[str]
    session: StoredSession


def load(batch: BatchGet, credentials: SessionCredentials) -> SessionLookup:
    """Read everything that authentication needs."""
    return SessionLookup(
        users.get_account(batch, credentials.user_id),
        store.get_session(batch, credentials.session_id),
        last_use.get(batch, credentials.session_id),
        roles.get_epoch(batch, credentials.user_id),
    )


def authenticate(credentials: SessionCredentials, lookup: SessionLookup) -> Authorization:
    """Return the session and the permissions of its user. Raises InvalidToken.

    Updates the time of the last use if the credentials are a cookie; a refresh updates that of a session with tokens.
    """
    account, session = require_active(credentials.user_id, lookup)
    if session.mode != ("token" if credentials.secret is None else "cookie"):
        raise InvalidToken
    if credentials.secret is not None:
        if not ids.constant_time_equal(ids.sha256_hex(credentials.secret), session.current_sha256):
            raise InvalidToken
        last_use.update(session.id, session.last_used_at, expires_at=session.created_at + SESSION_MAX_AGE)
    return Authorization(roles.get_permissions(account.user.roles, lookup.epoch.value or 0), session)


def require_active(user_id: str, lookup: SessionLookup) -> tuple[Account, StoredSession]:
    """Return an active user and an active session of this user. Raises InvalidToken."""
    account = lookup.account.require(InvalidToken)
    session = lookup.session.require(InvalidToken).used_at(lookup.last_use.value)
    if not session.is_active(clock.now()) or not account.user.is_active:
        raise InvalidToken
    if session.user_id != user_id or session.generation != account.generation:
        raise InvalidToken
    return account, session


def get_session(session_id: str) -> StoredSession:
    """Return a session that is not revoked and has not expired. One round trip. Raises InvalidToken."""
    session = _find_session(session_id)
    if session is None or not session.is_active(clock.now()):
        raise InvalidToken
    return session


def get_session_account(session_id: str) -> Account:
    """Return the account of an active session. Two round trips. Raises InvalidToken."""
    session = get_session(session_id)
    account = find_active(session.user_id)
    if account is None or account.generation != session.generation:
        raise InvalidToken
    return account


def create_session(
    tx: Transaction,
    client: ClientInfo,
    account: Account,
    mode: SessionMode,
    *,
    is_new: bool = False,
    authenticated_at: datetime | None = None,
) -> IssuedSession:
    """Create a session. A user who `is_new` is created in the same transaction, so there is nothing to check.

    `authenticated_at` is when the user authenticated, if it was not now. The transaction raises InvalidToken if the user was
    disabled or signed out everywhere meanwhile. Raises ServiceUnavailable.
    """
    now = clock.now()
    token = RefreshToken(ids.new_id(), ids.new_secret(), ids.new_secret())
    session = StoredSession(
        id=token.session_id,
        user_id=account.user.id,
        mode=mode,
        generation=account.generation,
        family_sha256=ids.sha256_hex(token.family_secret),
        current_sha256=ids.sha256_hex(token.rotation_secret),
        previous_sha256=None,
        encrypted_successor=None,
        rotated_at=now,
        created_at=now,
        authenticated_at=authenticated_at or now,
        last_used_at=now,
        revoked=False,
        client_ip=client.ip,
        user_agent=client.user_agent,
    )
    store.add_session(tx, session)
    if not is_new:
        users.check_active(tx, account.user.id, account.generation)
    if mode == "cookie":
        cookie = format_session_cookie(session.user_id, session.id, token.rotation_secret)
        return IssuedCookie(session.id, cookie, derive_csrf_token(token.rotation_secret))
    return issue_tokens(session, token)


def issue_tokens(session: StoredSession, token: RefreshToken) -> IssuedTokens:
    """Return a refresh token with a new access token. Raises ServiceUnavailable."""
    access_token = issue_access_token(session.user_id, session.id)
    return IssuedTokens(session.id, access_token, str(token), int(LIFETIME.total_seconds()))


def issue_developer_token(operator: ClientInfo, account: Account, seconds: int) -> str:
    """Return an access token of a new session, which is never refreshed. Raises ServiceUnavailable."""
    with Transaction() as tx:
        issued = create_session(tx, operator, account, "token")
        log(tx, operator, "sessions.create", account.user.id, actor=account.user.id)
    return issue_access_token(account.user.id, issued.session_id, timedelta(seconds=seconds))


def list_sessions(caller: Caller, page: PageRequest) -> Page[Session]:
    """Return the caller's active sessions, newest first. Three round trips."""
    account = current_account(caller)
    found = store.list_sessions(caller.user_id, account.generation, page)
    with BatchGet() as batch:
        last_uses = [last_use.get(batch, session.id) for session in found.items]
    now, pairs = clock.now(), zip(found.items, last_uses, strict=True)
    active = [session for each, used in pairs if (session := each.used_at(used.value)).is_active(now)]
    sessions = [
        Session(
            id=session.id,
            device=describe_device(session.user_agent),
            mode=session.mode,
            client_ip=session.client_ip,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            current=session.id == caller.session_id,
        )
        for session in active
    ]
    return Page(sessions, next=found.next, prev=found.prev)


def revoke_session(caller: Caller, session_id: str) -> None:
    """Revoke a session of the caller, with effect on the next request. Raises NotFound."""
    session = _find_session(ids.validate_id(session_id))
    if session is None or session.user_id != caller.user_id:
        raise NotFound
    try:
        _revoke(caller, session_id)
    except AlreadyRevoked:
        raise NotFound from None


def revoke_current_session(caller: Caller) -> None:
    """Revoke the session of the request, with effect on the next request."""
    with contextlib.suppress(AlreadyRevoked):
        _revoke(caller, caller.require_session_id())


def revoke_own_sessions(caller: Caller) -> None:
    """Revoke all sessions of the caller, with effect on the next request. Raises InvalidToken."""
    account = current_account(caller)
    with Transaction() as tx:
        revoke_all(tx, account, error=InvalidToken)
        log(tx, caller, "sessions.revoke_all", caller.user_id)


def revoke_all(
    tx: Transaction,
    account: Account,
    *,
    except_session: StoredSession | None = None,
    email_verified: bool = False,
    error: ErrorFactory,
) -> None:
    """Revoke all sessions of a user, except one. `email_verified` marks the address as verified.

    The transaction raises `error` if another request ended the sessions first.
    """
    generation = users.increment_generation(tx, account, email_verified=email_verified, error=error)
    if except_session is not None:
        store.carry_over(tx, except_session, generation, error=error)


def _find_session(session_id: str) -> StoredSession | None:
    with BatchGet() as batch:
        session, used = store.get_session(batch, session_id), last_use.get(batch, session_id)
    return session.value and session.value.used_at(used.value)


def _revoke(caller: Caller, session_id: str) -> None:
    with Transaction() as tx:
        store.revoke_session(tx, session_id)
        log(tx, caller, "sessions.revoke", session_id)
