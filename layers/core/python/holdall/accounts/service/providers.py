"""Signing in with somebody else's account: Google, GitHub, any OpenID Connect issuer (RFC 6749, 7636, 9700)."""

import json
from dataclasses import dataclass
from functools import cache

from holdall import clock, ids, secrets
from holdall.accounts import challenges, oauth, store
from holdall.accounts.model import IdentityView, Linked, MfaRequired
from holdall.accounts.oauth import Identity, Provider
from holdall.accounts.service import changes, entry, factors
from holdall.accounts.service.entry import Entered
from holdall.audit.service import record
from holdall.caller import Caller, Visitor
from holdall.config import settings
from holdall.errors import Conflict, Forbidden, NotFound, Unauthenticated
from holdall.iam import tokens
from holdall.iam.model import Known, as_address, invalid_token, normal
from holdall.iam.service import sessions, users
from holdall.iam.tokens import TokenKind
from holdall.letters import service as letters
from holdall.letters.model import Kind, Letter
from holdall.projects.model import as_name
from holdall.table import Reading, Transaction

PATIENCE = challenges.LIFETIMES[TokenKind.STATE]  # how long somebody may take to come back
_UNPROVEN = Conflict("email_taken", "There is an account with this address. Sign in to it, then link this provider.")
_TAKEN = Conflict("identity_taken", "This identity belongs to another account, or you have one of this provider.")


@dataclass(frozen=True)
class Started:
    """Where to send the browser, and what its cookie must say when it comes back; None: the session that it says already."""

    url: str
    cookie: str | None


@dataclass(frozen=True)
class Returned:
    """Somebody who came back: where they wanted to go, and how they are let in; None for one who only linked."""

    to: str
    entered: Entered | MfaRequired | None


def start(name: str, return_to: str, cookie: str | None, caller: Caller | None = None) -> Started:
    """Send somebody to a provider; with a caller, to link the identity to that account.

    The state is a row that counts once, for this browser alone. Raises NotFound for a provider that is not configured, and
    Unavailable for one that does not answer.
    """
    provider = _provider(name)
    has_session = cookie is not None and sessions.is_cookie(cookie)
    # The same for all sign-ins that a browser begins, so that two of them do not end each other.
    begun = cookie if cookie and (has_session or tokens.is_one(TokenKind.STATE, cookie)) else None
    binding = begun or tokens.write(TokenKind.STATE, ids.new_id(), ids.new_secret())
    verifier, nonce = oauth.new_verifier(), ids.new_secret()
    with Transaction() as write:
        state = challenges.pose(
            write,
            TokenKind.STATE,
            ids.new_id(),
            provider=name,
            verifier=verifier,
            nonce=nonce,
            return_to=return_to,
            binding=ids.digest(binding),
            session_id=caller.session_id if caller else "",
        )
    url = oauth.authorize_url(
        provider,
        redirect_uri=_redirect_uri(name),
        state=state,
        nonce=nonce,
        code_challenge=oauth.challenge(verifier),
    )
    return Started(url, None if has_session else binding)


def finish(
    visitor: Visitor, name: str, *, state: str, code: str | None, iss: str | None, cookie: str | None
) -> Returned:
    """Let somebody in who comes back from a provider, or link their identity. Raises Unauthenticated, Forbidden, Conflict
    and Unavailable.
    """
    challenge = challenges.look(TokenKind.STATE, state)
    said = challenge.content
    if said["provider"] != name or not ids.same(ids.digest(cookie or ""), said["binding"]):
        raise invalid_token()
    with Transaction() as write:
        challenges.take(write, challenge)
    if code is None:
        raise Unauthenticated("oauth_refused", "The provider did not let you in, or you changed your mind.")
    identity = oauth.exchange(
        _provider(name),
        code=code,
        verifier=said["verifier"],
        redirect_uri=_redirect_uri(name),
        nonce=said["nonce"],
        iss=iss,
    )
    if said["session_id"]:
        _link(visitor, said["session_id"], name, identity)
        return Returned(said["return_to"], None)
    return Returned(said["return_to"], _enter(visitor, name, identity))


def identities(caller: Caller) -> list[IdentityView]:
    """The identities that the caller can sign in with."""
    return [
        IdentityView(provider=linked.provider, email=linked.email, linked_at=linked.linked_at)
        for linked in store.identities(caller.user_id)
    ]


def unlink(caller: Caller, name: str) -> None:
    """Forget an identity. The other sessions end. Raises NotFound, and Conflict for the last way to sign in."""
    known, linked = users.myself(caller), store.identities(caller.user_id)
    mine = next((each for each in linked if each.provider == name), None)
    if mine is None:
        raise NotFound
    other = next((each for each in linked if each.provider != name), None)
    last = Conflict("last_way_in", "This is the last way to sign in. Choose a password first.")
    with Transaction() as write:
        store.remove_identity(write, caller.user_id, mine, otherwise=NotFound())
        users.release_identity(write, mine.key)
        # The way that stays must still be there when this one goes: two at once do not take the last two.
        if other is None:
            store.check_password(write, caller.user_id, otherwise=last)
        else:
            store.check_identity(write, caller.user_id, other, otherwise=last)
        letter = changes.guard_changed(
            write, caller, known, f"the sign-in with {name} was removed", action="accounts.unlink"
        )
    letters.post(letter)


def _enter(visitor: Visitor, name: str, identity: Identity) -> Entered | MfaRequired:
    user_id = users.user_id_of_identity(f"{identity.issuer} {identity.subject}")
    if user_id is not None:
        return _let_in(visitor, user_id, None)
    # Somebody whom we see for the first time: an account of theirs by its proven address, or a new one.
    email = _proven_address(identity)
    user_id = users.user_id_of(normal(email))
    if user_id is None:
        return _meet(visitor, name, identity, email)
    return _let_in(visitor, user_id, _linked(name, identity))


def _meet(visitor: Visitor, name: str, identity: Identity, email: str) -> Entered | MfaRequired:
    if settings().sign_up != "open":
        raise Forbidden("sign_up_closed", "Accounts of this installation are made by invitation.")
    with Transaction() as write:
        known = entry.make(write, visitor, email, as_name(identity.name), action="accounts.sign-up")
        _add(write, known, _linked(name, identity))
        return entry.enter(write, visitor, known, "cookie", second_factor=False, born=True)


def _let_in(visitor: Visitor, user_id: str, new: Linked | None) -> Entered | MfaRequired:
    """Let a user in, and link the identity that they came with if it is `new`."""
    with Reading() as read:
        found, factor = users.user(read, user_id), factors.wanted(read, user_id)
    known = found.value
    if known is None or known.user.status != "active":
        raise Unauthenticated("invalid_credentials", "This account is not active.")
    if new and not (known.proven and normal(known.user.email) == normal(new.email)):
        # Whoever made the account proved nothing, or another address by now: that owner may be somebody else (pre-hijacking).
        raise _UNPROVEN
    with Transaction() as write:
        letter = _announced(write, visitor, known, new) if new else None
        entered = entry.enter(write, visitor, known, "cookie", second_factor=bool(factor.value))
    if letter:
        letters.post(letter)
    return entered


def _link(visitor: Visitor, session_id: str, name: str, identity: Identity) -> None:
    """Link an identity for somebody who asked for it, if the session that asked still counts."""
    known = sessions.user_of(session_id)
    with Transaction() as write:
        users.check_counts(write, known, otherwise=invalid_token())
        letter = _announced(write, visitor, known, _linked(name, identity))
    letters.post(letter)


def _announced(write: Transaction, visitor: Visitor, known: Known, new: Linked) -> Letter:
    """Link an identity and tell the owner: it is a way in."""
    _add(write, known, new)
    record(write, visitor, "accounts.link", known.user.id, actor=known.user.id)
    detail = f"the sign-in with {new.provider} was added"
    return letters.promise(write, Kind.CHANGED, known.user.email, name=known.user.name, detail=detail)


def _linked(name: str, identity: Identity) -> Linked:
    return Linked(name, identity.issuer, identity.subject, identity.email or "", clock.now())


def _add(write: Transaction, known: Known, new: Linked) -> None:
    users.take_identity(write, new.key, known.user.id, otherwise=_TAKEN)
    store.add_identity(write, known.user.id, new, otherwise=_TAKEN)


def _proven_address(identity: Identity) -> str:
    email = as_address(identity.email)
    if email is None or not identity.email_verified:
        raise Forbidden("email_unverified", "The provider does not vouch for an e-mail address of yours.")
    return email


def _redirect_uri(name: str) -> str:
    return f"{settings().public_url}/api/v1/auth/oauth/{name}/callback"


@cache
def _provider(name: str) -> Provider:
    """A provider that `cdk.json` names, with the client that SSM keeps for it as `oauth-NAME`: {"clientId", "clientSecret"}."""
    said = next((each for each in json.loads(settings().oauth_providers) if each["name"] == name), None)
    kept = secrets.read(f"oauth-{name}") if said else None
    if said is None or kept is None:
        raise NotFound
    client = json.loads(kept)
    kind, identifier, secret = said["kind"], client["clientId"], client["clientSecret"]
    if kind == "google":
        return oauth.google(identifier, secret)
    if kind == "github":
        sites = {key: said[key] for key in ("site", "api") if key in said}
        return oauth.github(identifier, secret, **sites)
    return oauth.oidc(name, said["issuer"], identifier, secret)
