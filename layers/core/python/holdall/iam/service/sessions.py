"""Who is asking, by what session, and with what rights."""

import contextlib
from dataclasses import dataclass
from datetime import timedelta

from holdall import clock, ids
from holdall.audit.service import record
from holdall.caller import Caller, Visitor
from holdall.errors import Conflict, Failure, NotFound, Unavailable
from holdall.iam import access_token, rotation, signing_keys, tokens
from holdall.iam.model import (
    TOUCHED,
    Claims,
    Device,
    Known,
    Mode,
    PublicKey,
    Session,
    device,
    expiry,
    invalid_token,
)
from holdall.iam.refresh_token import RefreshToken
from holdall.iam.service.users import known, myself
from holdall.iam.store import sessions as store
from holdall.iam.store import users
from holdall.iam.tokens import TokenKind
from holdall.page import Page, PageRequest
from holdall.roles import service as roles
from holdall.table import Awaited, Reading, Transaction


@dataclass(frozen=True)
class Standing:
    """What was read about whoever shows a token."""

    user: Awaited[Known]
    session: Awaited[Session]
    epoch: Awaited[int]


@dataclass(frozen=True)
class Rights:
    """What came of it: the permissions that are held everywhere, and the session."""

    permissions: frozenset[str]
    session: Session


Opened = rotation.Opened
claims_of = access_token.verify
public_jwks = access_token.public_jwks
csrf_of = tokens.csrf_of
refresh = rotation.refresh
session = rotation.session


def is_cookie(text: str) -> bool:
    """Whether a text says of itself that it is the cookie of a session."""
    return text.startswith(f"{TokenKind.COOKIE}_")


def claims_of_cookie(cookie: str) -> Claims:
    """Who a cookie says is asking; whether it may is told by the session's row. Raises Unauthenticated."""
    kind, _, rest = cookie.partition("_")
    parts = rest.split("_")
    if kind != TokenKind.COOKIE or len(parts) != 3 or not all(ids.is_id(part) for part in parts):
        raise invalid_token()
    return Claims(*parts)


def session_of(read: Reading, claims: Claims) -> Standing:
    """Ask for all that tells whether these claims still count."""
    user, session = users.user(read, claims.user_id), store.session(read, claims.session_id)
    return Standing(user, session, roles.epoch(read, claims.user_id))


def admit(claims: Claims, standing: Standing) -> Rights:
    """What the user of this session may do everywhere. Raises Unauthenticated when it does not count."""
    who, session, now = standing.user.value, standing.session.value, clock.now()
    if who is None or session is None or not session.live(now):
        raise invalid_token()
    if who.user.status != "active" or session.user_id != claims.user_id or session.generation != who.generation:
        raise invalid_token()
    if session.mode != ("token" if claims.secret is None else "cookie"):
        raise invalid_token()
    if claims.secret is not None:
        if not ids.same(ids.digest(claims.secret), session.current):
            raise invalid_token()
        if now - session.used_at > TOUCHED:
            with contextlib.suppress(Unavailable):  # the next request will write it: no answer waits for that
                store.touch(session, now, expiry(session.created_at, now))
    return Rights(roles.held(who.user.roles, standing.epoch.value or 0), session)


def user_of(session_id: str) -> Known:
    """Whose session this is, if it counts. Two round trips. Raises Unauthenticated."""
    found = rotation.session(session_id)
    whose = known(found.user_id)
    if whose is None or whose.generation != found.generation:
        raise invalid_token()
    return whose


def open_session(write: Transaction, visitor: Visitor, known: Known, mode: Mode, *, born: bool = False) -> Opened:
    """Begin a session as a part of a login. A user who is `born` in the same transaction needs no check."""
    now = clock.now()
    token = RefreshToken(ids.new_id(), ids.new_secret(), ids.new_secret())
    session = Session(
        id=token.session_id,
        user_id=known.user.id,
        mode=mode,
        generation=known.generation,
        family=ids.digest(token.family),
        current=ids.digest(token.rotation),
        previous=None,
        successor=None,
        rotated_at=now,
        created_at=now,
        verified_at=now,
        used_at=now,
        expires_at=expiry(now, now),
        ended=False,
        address=visitor.address,
        agent=visitor.agent,
    )
    store.add_session(write, session)
    if not born:
        users.check_active(write, known.user.id, known.generation, otherwise=invalid_token())
    if mode == "cookie":
        cookie = f"{TokenKind.COOKIE}_{session.user_id}_{session.id}_{token.rotation}"
        return Opened(cookie=cookie, csrf=tokens.csrf_of(token.rotation))
    return rotation.tokens_of(session, token)


def developer_token(operator: Visitor, known: Known, seconds: int) -> str:
    """An access token of a new session that nothing refreshes."""
    with Transaction() as write:
        opened = open_session(write, operator, known, "token")
        record(write, operator, "login", known.user.id, actor=known.user.id)
    session_id = opened.refresh.split("_")[1]
    return access_token.issue(known.user.id, session_id, timedelta(seconds=seconds))


def rotate_keys() -> PublicKey:
    """Make the next signing key. Raises Unavailable."""
    return signing_keys.rotate()


def sessions(caller: Caller, asked: PageRequest) -> Page[Device]:
    """The caller's devices, latest sign-in first. Two round trips."""
    known = myself(caller)
    found = store.sessions(caller.user_id, known.generation, asked)
    devices = [
        Device(
            id=session.id,
            device=device(session.agent),
            mode=session.mode,
            address=session.address,
            created_at=session.created_at,
            last_used_at=session.used_at,
            current=session.id == caller.session_id,
        )
        for session in found.items
    ]
    return Page(devices, next=found.next, prev=found.prev)


def end_session(caller: Caller, session_id: str | None = None) -> None:
    """End a session of the caller, this one if none is named: it counts no more on the next request.

    Raises NotFound for one that is none of theirs, or has ended.
    """
    wanted = ids.as_id(session_id) if session_id else caller.session_id
    session = store.find_session(wanted) if session_id else None
    if session_id and (session is None or session.user_id != caller.user_id):
        raise NotFound
    try:
        with Transaction() as write:
            store.end_session(write, wanted, otherwise=Conflict("ended", "It has ended already."))
            record(write, caller, "session.end", wanted)
    except Conflict as error:
        if session_id:
            raise NotFound from error


def end_sessions(caller: Caller) -> None:
    """End all sessions of the caller, this one included."""
    known = myself(caller)
    with Transaction() as write:
        end_all(write, known, otherwise=invalid_token())
        record(write, caller, "session.end-all", caller.user_id)


def end_all(
    write: Transaction, known: Known, *, but: Session | None = None, proven: bool = False, otherwise: Failure
) -> None:
    """End all sessions of a user, or all but one, as part of a change that guards the account; `proven` if what asked for it
    proved the address.
    """
    generation = users.begin_generation(write, known, proven=proven, otherwise=otherwise)
    if but is not None:
        store.keep(write, but, generation, otherwise=otherwise)
