"""Who is asking, by what session, and with what rights."""

from dataclasses import dataclass, replace

from holdall import clock, ids
from holdall.audit.service import record
from holdall.caller import Caller, Visitor
from holdall.errors import Conflict, Unauthenticated
from holdall.iam import access_token, permissions, store
from holdall.iam.model import SAME_SUCCESSOR, Claims, Session, User, expiry, invalid_token
from holdall.iam.refresh_token import RefreshToken, seal, unseal
from holdall.table import Awaited, Reading, Transaction


@dataclass(frozen=True)
class Standing:
    """What was read about whoever shows a token."""

    user: Awaited[tuple[User, int]]
    session: Awaited[Session]
    epoch: Awaited[int]


@dataclass(frozen=True)
class Tokens:
    """What a client gets for a session: the refresh token is shown here and never again."""

    access: str
    refresh: str
    expires_in: int  # seconds


claims_of = access_token.verify
public_jwks = access_token.public_jwks


def session_of(read: Reading, claims: Claims) -> Standing:
    """Ask for all that tells whether these claims still count."""
    user, session = store.user(read, claims.user_id), store.session(read, claims.session_id)
    return Standing(user, session, store.epoch(read, claims.user_id))


def admit(claims: Claims, standing: Standing) -> frozenset[str]:
    """The permissions that the user of this session holds everywhere. Raises Unauthenticated when it does not count."""
    found, session = standing.user.value, standing.session.value
    if found is None or session is None:
        raise invalid_token()
    user, generation = found
    if user.status != "active" or session.user_id != claims.user_id or session.generation != generation:
        raise invalid_token()
    if not session.live(clock.now()):
        raise invalid_token()
    return frozenset().union(*(permissions.of_role(role) for role in user.roles))


def permissions_in_project(role: str) -> frozenset[str]:
    """What a member with this role may do inside the project."""
    return permissions.of_project_role(role)


def add_user(write: Transaction, user: User, address: str) -> None:
    """Add a user as a part of a sign-up, and take their address in its normal form."""
    store.add_user(write, user, address)


def user_id_of(address: str) -> str | None:
    """Whose address, in its normal form, this is."""
    return store.user_id_of(address)


def user(read: Reading, user_id: str) -> Awaited[tuple[User, int]]:
    """A user, and the generation of their sessions that counts."""
    return store.user(read, user_id)


def open_session(write: Transaction, visitor: Visitor, user_id: str, generation: int) -> Tokens:
    """Begin a session as a part of a login."""
    now = clock.now()
    token = RefreshToken(ids.new_id(), ids.new_secret(), ids.new_secret())
    session = Session(
        id=token.session_id,
        user_id=user_id,
        generation=generation,
        family=ids.digest(token.family),
        current=ids.digest(token.rotation),
        previous=None,
        successor=None,
        rotated_at=now,
        created_at=now,
        expires_at=expiry(now, now),
        ended=False,
    )
    store.add_session(write, session, address=visitor.address, agent=visitor.agent)
    return _tokens(session, token)


def refresh(visitor: Visitor, text: str) -> Tokens:
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
                store.check_active(write, session.user_id, session.generation, otherwise=invalid_token())
        except Conflict:
            continue
        return _tokens(session, following)
    raise invalid_token()


def end_session(caller: Caller) -> None:
    """End the caller's session: its tokens count no more on the next request. Twice is as good as once."""
    try:
        with Transaction() as write:
            store.end_session(write, caller.session_id, otherwise=Conflict("ended", "It has ended already."))
            record(write, caller, "session.end", caller.session_id)
    except Conflict:
        return


def end_sessions(caller: Caller) -> None:
    """End all sessions of the caller, this one included."""
    with Transaction() as write:
        store.end_sessions(write, caller.user_id, otherwise=Unauthenticated())
        record(write, caller, "session.end-all", caller.user_id)


def profile(caller: Caller) -> User:
    """Who the caller is."""
    with Reading() as read:
        found = store.user(read, caller.user_id)
    if found.value is None:
        raise invalid_token()
    return found.value[0]


def _session_of(token: RefreshToken) -> Session:
    session = store.find_session(token.session_id)
    if session is None or not session.live(clock.now()) or not ids.same(ids.digest(token.family), session.family):
        raise invalid_token()
    return session


def _rotated(session: Session, following: RefreshToken) -> Session:
    now = clock.now()
    return replace(
        session,
        current=ids.digest(following.rotation),
        rotated_at=now,
        expires_at=expiry(session.created_at, now),
    )


def _again(visitor: Visitor, session: Session, token: RefreshToken, used: str) -> Tokens:
    """The same successor for its predecessor, shortly after; otherwise the end of the family."""
    known = session.previous is not None and session.successor is not None and ids.same(used, session.previous)
    if known and session.successor and clock.now() - session.rotated_at <= SAME_SUCCESSOR:
        with Transaction() as write:
            store.check_active(write, session.user_id, session.generation, otherwise=invalid_token())
        return _tokens(session, replace(token, rotation=unseal(session.successor, token.rotation)))
    with Transaction() as write:
        store.end_session(write, session.id, otherwise=invalid_token())
        record(write, visitor, "session.reuse", session.id, outcome="denied", actor=session.user_id)
    raise invalid_token()


def _tokens(session: Session, token: RefreshToken) -> Tokens:
    access = access_token.issue(session.user_id, session.id)
    return Tokens(access, str(token), int(access_token.LIFETIME.total_seconds()))
