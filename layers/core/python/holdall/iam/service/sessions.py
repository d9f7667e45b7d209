"""Who is asking, by what session, and with what rights."""

import contextlib
from dataclasses import dataclass
from datetime import timedelta

from holdall.audit.service import log
from holdall.iam import access_token, rotation, signing_keys, tokens
from holdall.iam.model import (
    LAST_USED_INTERVAL,
    Account,
    PublicKey,
    Session,
    SessionCredentials,
    SessionMode,
    StoredSession,
    describe_device,
    expiry,
    invalid_token,
)
from holdall.iam.refresh_token import RefreshToken
from holdall.iam.service.users import current_account, find_active
from holdall.iam.store import sessions as store
from holdall.iam.store import users
from holdall.iam.tokens import TokenKind
from holdall.platform import clock, ids
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.errors import Conflict, HoldallError, NotFound, ServiceUnavailable
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.roles import service as roles


@dataclass(frozen=True)
class SessionLookup:
    """What was read about whoever shows a token."""

    account: Pending[Account]
    session: Pending[StoredSession]
    epoch: Pending[int]


@dataclass(frozen=True)
class Authorization:
    """What came of it: the permissions that are held everywhere, and the session."""

    permissions: frozenset[str]
    session: StoredSession


IssuedSession = rotation.IssuedSession
verify_access_token = access_token.verify
list_jwks = access_token.list_jwks
derive_csrf_token = tokens.derive_csrf_token
refresh = rotation.refresh
get_session = rotation.get_session


def is_session_cookie(text: str) -> bool:
    """Whether a text says of itself that it is the cookie of a session."""
    return text.startswith(f"{TokenKind.COOKIE}_")


def parse_session_cookie(cookie: str) -> SessionCredentials:
    """Who a cookie says is asking; whether it may is told by the session's row. Raises Unauthenticated."""
    kind, _, rest = cookie.partition("_")
    parts = rest.split("_")
    if kind != TokenKind.COOKIE or len(parts) != 3 or not all(ids.is_id(part) for part in parts):
        raise invalid_token()
    return SessionCredentials(*parts)


def load(batch: BatchGet, credentials: SessionCredentials) -> SessionLookup:
    """Ask for all that tells whether these claims still count."""
    user, session = users.get_account(batch, credentials.user_id), store.get_session(batch, credentials.session_id)
    return SessionLookup(user, session, roles.get_epoch(batch, credentials.user_id))


def authenticate(credentials: SessionCredentials, lookup: SessionLookup) -> Authorization:
    """What the user of this session may do everywhere. Raises Unauthenticated when it does not count."""
    who, session, now = lookup.account.value, lookup.session.value, clock.now()
    if who is None or session is None or not session.is_active(now):
        raise invalid_token()
    if who.user.status != "active" or session.user_id != credentials.user_id or session.generation != who.generation:
        raise invalid_token()
    if session.mode != ("token" if credentials.secret is None else "cookie"):
        raise invalid_token()
    if credentials.secret is not None:
        if not ids.constant_time_equal(ids.sha256_hex(credentials.secret), session.current_sha256):
            raise invalid_token()
        if now - session.last_used_at > LAST_USED_INTERVAL:
            with contextlib.suppress(ServiceUnavailable):  # the next request will write it: no answer waits for that
                store.set_last_used(session, now, expiry(session.created_at, now))
    return Authorization(roles.get_permissions(who.user.roles, lookup.epoch.value or 0), session)


def get_session_account(session_id: str) -> Account:
    """Whose session this is, if it counts. Two round trips. Raises Unauthenticated."""
    found = rotation.get_session(session_id)
    whose = find_active(found.user_id)
    if whose is None or whose.generation != found.generation:
        raise invalid_token()
    return whose


def create_session(
    tx: Transaction, client: ClientInfo, account: Account, mode: SessionMode, *, is_new: bool = False
) -> IssuedSession:
    """Begin a session as a part of a login. A user who is `born` in the same transaction needs no check."""
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
        authenticated_at=now,
        last_used_at=now,
        expires_at=expiry(now, now),
        revoked=False,
        client_ip=client.ip,
        user_agent=client.user_agent,
    )
    store.add_session(tx, session)
    if not is_new:
        users.check_active(tx, account.user.id, account.generation, error=invalid_token())
    if mode == "cookie":
        cookie = f"{TokenKind.COOKIE}_{session.user_id}_{session.id}_{token.rotation_secret}"
        return IssuedSession(cookie=cookie, csrf_token=tokens.derive_csrf_token(token.rotation_secret))
    return rotation.issue_tokens(session, token)


def issue_developer_token(operator: ClientInfo, account: Account, seconds: int) -> str:
    """An access token of a new session that nothing refreshes."""
    with Transaction() as write:
        opened = create_session(write, operator, account, "token")
        log(write, operator, "sessions.create", account.user.id, actor=account.user.id)
    session_id = opened.refresh_token.split("_")[1]
    return access_token.issue(account.user.id, session_id, timedelta(seconds=seconds))


def rotate_signing_keys() -> PublicKey:
    """Make the next signing key. Raises Unavailable."""
    return signing_keys.rotate()


def list_sessions(caller: Caller, page: PageRequest) -> Page[Session]:
    """The caller's devices, latest sign-in first. Two round trips."""
    known = current_account(caller)
    found = store.list_sessions(caller.user_id, known.generation, page)
    devices = [
        Session(
            id=session.id,
            device=describe_device(session.user_agent),
            mode=session.mode,
            client_ip=session.client_ip,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            current=session.id == caller.session_id,
        )
        for session in found.items
    ]
    return Page(devices, next=found.next, prev=found.prev)


def revoke_session(caller: Caller, session_id: str | None = None) -> None:
    """End a session of the caller, this one if none is named: it counts no more on the next request.

    Raises NotFound for one that is none of theirs, or has ended.
    """
    wanted = ids.validate_id(session_id) if session_id else caller.session_id
    session = store.find_session(wanted) if session_id else None
    if session_id and (session is None or session.user_id != caller.user_id):
        raise NotFound
    try:
        with Transaction() as write:
            store.revoke_session(
                write, wanted, error=Conflict("The session was already revoked.", code="already_revoked")
            )
            log(write, caller, "sessions.revoke", wanted)
    except Conflict as error:
        if session_id:
            raise NotFound from error


def revoke_own_sessions(caller: Caller) -> None:
    """End all sessions of the caller, this one included."""
    known = current_account(caller)
    with Transaction() as write:
        revoke_all(write, known, error=invalid_token())
        log(write, caller, "sessions.revoke_all", caller.user_id)


def revoke_all(
    tx: Transaction,
    account: Account,
    *,
    except_session: StoredSession | None = None,
    email_verified: bool = False,
    error: HoldallError,
) -> None:
    """End all sessions of a user, or all but one, as part of a change that guards the account; `proven` if what asked for it
    proved the address.
    """
    generation = users.increment_generation(tx, account, email_verified=email_verified, error=error)
    if except_session is not None:
        store.carry_over(tx, except_session, generation, error=error)
