"""Signing in with somebody else's account: Google, GitHub, any OpenID Connect issuer (RFC 6749, 7636, 9700)."""

import json
from dataclasses import dataclass
from functools import cache

from holdall.accounts import challenges, store
from holdall.accounts.model import IdentityResponse, LinkedIdentity, MfaRequiredResponse
from holdall.accounts.oauth import providers
from holdall.accounts.oauth.providers import Identity, Provider
from holdall.accounts.service import mfa, security
from holdall.accounts.service import sign_in as entry
from holdall.accounts.service.sign_in import SignInResult
from holdall.audit.service import log
from holdall.emails import service as emails
from holdall.emails.model import Email, EmailKind
from holdall.iam import tokens
from holdall.iam.model import Account, invalid_token, normalize_email, parse_email_or_none
from holdall.iam.service import sessions, users
from holdall.iam.tokens import TokenKind
from holdall.platform import clock, ids, parameters
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.config import settings
from holdall.platform.errors import Conflict, Forbidden, NotFound, Unauthenticated
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import sanitize_name

STATE_TTL = challenges.LIFETIMES[TokenKind.OAUTH_STATE]  # how long somebody may take to come back
_EMAIL_TAKEN = Conflict(
    "An account with this email address exists. Sign in to it, then link this provider.", code="email_taken"
)
_IDENTITY_TAKEN = Conflict(
    "This identity belongs to another account, or your account already has an identity of this provider.",
    code="identity_taken",
)


@dataclass(frozen=True)
class AuthorizationRequest:
    """Where to send the browser, and what its cookie must say when it comes back; None: the session that it says already."""

    url: str
    cookie: str | None


@dataclass(frozen=True)
class CallbackResult:
    """Somebody who came back: where they wanted to go, and how they are let in; None for one who only linked."""

    return_to: str
    sign_in: SignInResult | MfaRequiredResponse | None


def start(name: str, return_to: str, cookie: str | None, caller: Caller | None = None) -> AuthorizationRequest:
    """Send somebody to a provider; with a caller, to link the identity to that account.

    The state is a row that counts once, for this browser alone. Raises NotFound for a provider that is not configured, and
    Unavailable for one that does not answer.
    """
    provider = _get_provider(name)
    has_session = cookie is not None and sessions.is_session_cookie(cookie)
    # The same for all sign-ins that a browser begins, so that two of them do not end each other.
    begun = cookie if cookie and (has_session or tokens.matches(TokenKind.OAUTH_STATE, cookie)) else None
    binding = begun or tokens.format_token(TokenKind.OAUTH_STATE, ids.new_id(), ids.new_secret())
    verifier, nonce = providers.new_code_verifier(), ids.new_secret()
    with Transaction() as write:
        state = challenges.issue(
            write,
            TokenKind.OAUTH_STATE,
            ids.new_id(),
            provider=name,
            code_verifier=verifier,
            nonce=nonce,
            return_to=return_to,
            browser_sha256=ids.sha256_hex(binding),
            session_id=caller.session_id if caller else "",
        )
    url = providers.create_authorization_url(
        provider,
        redirect_uri=_redirect_uri(name),
        state=state,
        nonce=nonce,
        code_challenge=providers.s256_code_challenge(verifier),
    )
    return AuthorizationRequest(url, None if has_session else binding)


def handle_callback(
    client: ClientInfo, name: str, *, state: str, code: str | None, iss: str | None, cookie: str | None
) -> CallbackResult:
    """Let somebody in who comes back from a provider, or link their identity. Raises Unauthenticated, Forbidden, Conflict
    and Unavailable.
    """
    challenge = challenges.verify(TokenKind.OAUTH_STATE, state)
    said = challenge.payload
    if said["provider"] != name or not ids.constant_time_equal(ids.sha256_hex(cookie or ""), said["browser_sha256"]):
        raise invalid_token()
    with Transaction() as write:
        challenges.consume(write, challenge)
    if code is None:
        raise Unauthenticated("The sign-in was denied or cancelled at the provider.", code="access_denied")
    identity = providers.fetch_identity(
        _get_provider(name),
        code=code,
        code_verifier=said["code_verifier"],
        redirect_uri=_redirect_uri(name),
        nonce=said["nonce"],
        iss=iss,
    )
    if said["session_id"]:
        _link_identity(client, said["session_id"], name, identity)
        return CallbackResult(said["return_to"], None)
    return CallbackResult(said["return_to"], _sign_in_or_sign_up(client, name, identity))


def list_identities(caller: Caller) -> list[IdentityResponse]:
    """The identities that the caller can sign in with."""
    return [
        IdentityResponse(provider=linked.provider, email=linked.email, linked_at=linked.linked_at)
        for linked in store.list_identities(caller.user_id)
    ]


def unlink_identity(caller: Caller, name: str) -> None:
    """Forget an identity. The other sessions end. Raises NotFound, and Conflict for the last way to sign in."""
    known, linked = users.current_account(caller), store.list_identities(caller.user_id)
    mine = next((each for each in linked if each.provider == name), None)
    if mine is None:
        raise NotFound
    other = next((each for each in linked if each.provider != name), None)
    last = Conflict("This is your last sign-in method. Set a password first.", code="last_sign_in_method")
    with Transaction() as write:
        store.delete_identity(write, caller.user_id, mine, error=NotFound())
        users.release_identity(write, mine.unique_key)
        # The way that stays must still be there when this one goes: two at once do not take the last two.
        if other is None:
            store.check_has_password(write, caller.user_id, error=last)
        else:
            store.check_identity_linked(write, caller.user_id, other, error=last)
        letter = security.on_security_change(
            write, caller, known, f"the sign-in with {name} was removed", action="accounts.unlink_identity"
        )
    emails.dispatch(letter)


def _sign_in_or_sign_up(client: ClientInfo, name: str, identity: Identity) -> SignInResult | MfaRequiredResponse:
    user_id = users.find_user_id_by_identity(f"{identity.issuer} {identity.subject}")
    if user_id is not None:
        return _sign_in(client, user_id, None)
    # Somebody whom we see for the first time: an account of theirs by its proven address, or a new one.
    email = _get_verified_email(identity)
    user_id = users.find_user_id_by_email(normalize_email(email))
    if user_id is None:
        return _sign_up(client, name, identity, email)
    return _sign_in(client, user_id, _to_linked_identity(name, identity))


def _sign_up(client: ClientInfo, name: str, identity: Identity, email: str) -> SignInResult | MfaRequiredResponse:
    if settings().sign_up != "open":
        raise Forbidden("This installation creates accounts by invitation only.", code="sign_up_closed")
    with Transaction() as write:
        known = entry.create_account(write, client, email, sanitize_name(identity.name), action="accounts.sign_up")
        _add_identity(write, known, _to_linked_identity(name, identity))
        return entry.complete_first_factor(write, client, known, "cookie", requires_mfa=False, is_new=True)


def _sign_in(
    client: ClientInfo, user_id: str, new_identity: LinkedIdentity | None
) -> SignInResult | MfaRequiredResponse:
    """Let a user in, and link the identity that they came with if it is `new`."""
    with BatchGet() as read:
        found, factor = users.get_account(read, user_id), mfa.is_enabled(read, user_id)
    known = found.value
    if known is None or known.user.status != "active":
        raise Unauthenticated("This account is not active.", code="invalid_credentials")
    if new_identity and not (
        known.email_verified and normalize_email(known.user.email) == normalize_email(new_identity.email)
    ):
        # Whoever made the account proved nothing, or another address by now: that owner may be somebody else (pre-hijacking).
        raise _EMAIL_TAKEN
    with Transaction() as write:
        letter = _link_and_notify(write, client, known, new_identity) if new_identity else None
        entered = entry.complete_first_factor(write, client, known, "cookie", requires_mfa=bool(factor.value))
    if letter:
        emails.dispatch(letter)
    return entered


def _link_identity(client: ClientInfo, session_id: str, name: str, identity: Identity) -> None:
    """Link an identity for somebody who asked for it, if the session that asked still counts."""
    known = sessions.get_session_account(session_id)
    with Transaction() as write:
        users.check_generation(write, known, error=invalid_token())
        letter = _link_and_notify(write, client, known, _to_linked_identity(name, identity))
    emails.dispatch(letter)


def _link_and_notify(tx: Transaction, client: ClientInfo, account: Account, identity: LinkedIdentity) -> Email:
    """Link an identity and tell the owner: it is a way in."""
    _add_identity(tx, account, identity)
    log(tx, client, "accounts.link_identity", account.user.id, actor=account.user.id)
    detail = f"the sign-in with {identity.provider} was added"
    return emails.enqueue(tx, EmailKind.SECURITY_NOTICE, account.user.email, name=account.user.name, detail=detail)


def _to_linked_identity(name: str, identity: Identity) -> LinkedIdentity:
    return LinkedIdentity(name, identity.issuer, identity.subject, identity.email or "", clock.now())


def _add_identity(tx: Transaction, account: Account, identity: LinkedIdentity) -> None:
    users.assign_identity(tx, identity.unique_key, account.user.id, error=_IDENTITY_TAKEN)
    store.add_identity(tx, account.user.id, identity, error=_IDENTITY_TAKEN)


def _get_verified_email(identity: Identity) -> str:
    email = parse_email_or_none(identity.email)
    if email is None or not identity.email_verified:
        raise Forbidden("The provider has not verified an email address of yours.", code="email_unverified")
    return email


def _redirect_uri(name: str) -> str:
    return f"{settings().public_url}/api/v1/auth/oauth/{name}/callback"


@cache
def _get_provider(name: str) -> Provider:
    """A provider that `cdk.json` names, with the client that SSM keeps for it as `oauth-NAME`: {"clientId", "clientSecret"}."""
    said = next((each for each in json.loads(settings().oauth_providers) if each["name"] == name), None)
    kept = parameters.get(f"oauth-{name}") if said else None
    if said is None or kept is None:
        raise NotFound
    client = json.loads(kept)
    kind, identifier, secret = said["kind"], client["clientId"], client["clientSecret"]
    if kind == "google":
        return providers.google(identifier, secret)
    if kind == "github":
        sites = {key: said[key] for key in ("site", "api") if key in said}
        return providers.github(identifier, secret, **sites)
    return providers.oidc(name, said["issuer"], identifier, secret)
