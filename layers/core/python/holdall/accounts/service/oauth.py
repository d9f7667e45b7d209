"""Sign-in with Google, GitHub or any OpenID Connect issuer (RFC 6749, RFC 7636, RFC 9700), and linked identities."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from holdall.accounts import challenges, store
from holdall.accounts.challenges import OAuthStatePayload
from holdall.accounts.model import (
    IdentityResponse,
    InvalidCredentials,
    LinkedIdentity,
    MfaRequiredResponse,
    SignUpClosed,
)
from holdall.accounts.oauth.github import GitHub
from holdall.accounts.oauth.model import (
    AccessDenied,
    EmailUnverified,
    Identity,
    LastSignInMethod,
)
from holdall.accounts.oauth.openid_connect import OpenIDConnect
from holdall.accounts.oauth.provider import AuthCodeFlow, AuthorizationResponse, Provider, new_code_verifier
from holdall.accounts.service import identities, mfa, sign_up
from holdall.accounts.service.security import on_security_change
from holdall.accounts.service.sign_in import SignInResult, complete_first_factor
from holdall.iam import tokens
from holdall.iam.model import InvalidToken, normalize_email, parse_email_or_none
from holdall.iam.service import sessions, users
from holdall.iam.tokens import TokenKind
from holdall.platform import clock, ids, parameters
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.config import settings
from holdall.platform.errors import NotFound
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import sanitize_name

STATE_TTL = OAuthStatePayload.lifetime
_UNKNOWN = datetime.fromtimestamp(0, UTC)
_GOOGLE_ISSUER = "https://accounts.google.com"
_GOOGLE_ISSUER_ALIAS = "accounts.google.com"  # Google signs with either (Google Identity, "Verify the Google ID token")


@dataclass(frozen=True)
class AuthorizationRequest:
    """The URL for the browser, and the cookie that must come back with it. None: the browser has the cookie already."""

    url: str
    cookie: str | None


@dataclass(frozen=True)
class ReturnedBrowser:
    """A browser that came back from a provider with a state of its own."""

    payload: OAuthStatePayload
    state: str

    @property
    def return_to(self) -> str:
        return self.payload.return_to

    @property
    def links(self) -> bool:
        """Return whether it left to link an identity, instead of to sign in."""
        return self.payload.session_id is not None


def is_state_cookie(cookie: str | None) -> bool:
    """Return whether the session cookie is the one that `start` made, so that it authenticates no one."""
    return cookie is not None and tokens.matches(TokenKind.OAUTH_STATE, cookie)


def start(name: str, return_to: str, cookie: str | None, caller: Caller | None = None) -> AuthorizationRequest:
    """Start a sign-in, or, with a caller, link an identity to the account.

    The state works once, and only in the browser with the cookie. Raises NotFound if the provider is not configured, and
    ProviderUnavailable.
    """
    provider = _get_provider(name)
    has_session = cookie is not None and sessions.is_session_cookie(cookie)
    # All sign-ins that a browser starts share one cookie, so that a second one does not end the first.
    has_cookie = has_session or is_state_cookie(cookie)
    binding = (
        cookie if cookie and has_cookie else tokens.format_token(TokenKind.OAUTH_STATE, ids.new_id(), ids.new_secret())
    )
    payload = OAuthStatePayload(
        provider=name,
        code_verifier=new_code_verifier(),
        nonce=ids.new_secret(),
        return_to=return_to,
        browser_sha256=ids.sha256_hex(binding),
        session_id=caller.session_id if caller else None,
    )
    with Transaction() as tx:
        state = challenges.issue(tx, ids.new_id(), payload)
    url = provider.create_authorization_url(_flow(payload, state))
    return AuthorizationRequest(url, None if has_session else binding)


def redeem_state(name: str, state: str, cookie: str | None) -> ReturnedBrowser:
    """Use a state up. Raises InvalidToken if it is not one of this browser and provider."""
    challenge = challenges.verify(OAuthStatePayload, state)
    payload = challenge.payload
    if payload.provider != name or not ids.constant_time_equal(ids.sha256_hex(cookie or ""), payload.browser_sha256):
        raise InvalidToken
    with Transaction() as tx:
        challenges.consume(tx, challenge)
    return ReturnedBrowser(payload, state)


def complete(
    client: ClientInfo, browser: ReturnedBrowser, code: str | None, iss: str | None
) -> SignInResult | MfaRequiredResponse | None:
    """Sign the user in, or link the identity and return None.

    Raises AccessDenied, OAuthFailed, ProviderUnavailable, InvalidCredentials, SignUpClosed, EmailUnverified, ProviderNotLinked,
    IdentityTaken, and InvalidToken if the session that links has ended.
    """
    if code is None:
        raise AccessDenied
    payload, name = browser.payload, browser.payload.provider
    identity = _get_provider(name).fetch_identity(_flow(payload, browser.state), AuthorizationResponse(code, iss))
    if payload.session_id is None:
        return _sign_in_or_sign_up(client, name, identity)
    _link_identity(client, payload.session_id, name, identity)
    return None


def list_identities(caller: Caller) -> list[IdentityResponse]:
    """Return the caller's identities. One round trip."""
    return [
        IdentityResponse(provider=identity.provider, email=identity.email, linked_at=identity.linked_at)
        for identity in store.list_identities(caller.user_id)
    ]


def unlink_identity(caller: Caller, name: str) -> None:
    """Unlink an identity. Ends the other sessions. Raises NotFound and LastSignInMethod."""
    account = users.current_account(caller)
    linked = {identity.provider: identity for identity in store.list_identities(caller.user_id)}
    identity = linked.pop(name, None)
    if identity is None:
        raise NotFound
    with Transaction() as tx:
        store.delete_identity(tx, caller.user_id, identity, error=NotFound)
        users.release_identity(tx, identity.unique_key)
        # Another sign-in method must stay, even if two requests at once unlink the last two.
        if linked:
            other = next(iter(linked.values()))
            store.check_identity_linked(tx, caller.user_id, other, error=LastSignInMethod)
        else:
            store.check_has_password(tx, caller.user_id, error=LastSignInMethod)
        change = f"The sign-in with {name} was removed."
        on_security_change(tx, caller, account, change, action="accounts.unlink_identity")


def _sign_in_or_sign_up(client: ClientInfo, name: str, identity: Identity) -> SignInResult | MfaRequiredResponse:
    user_id = users.find_user_id_by_identity(f"{identity.issuer} {identity.subject}")
    if user_id is not None:
        return _sign_in(client, user_id, identity)
    email = parse_email_or_none(identity.email)
    if email is None or not identity.email_verified:
        raise EmailUnverified
    linked = LinkedIdentity(name, identity.issuer, identity.subject, email, clock.now())
    user_id = users.find_user_id_by_email(normalize_email(email))
    if user_id is not None:
        return _sign_in(client, user_id, identity, linked)
    if settings().sign_up != "open":
        raise SignUpClosed
    with Transaction() as tx:
        account = sign_up.create_account(tx, client, email, sanitize_name(identity.name), action="accounts.sign_up")
        identities.add(tx, account, linked)
        return complete_first_factor(tx, client, account, "cookie", requires_mfa=False, is_new=True)


def _sign_in(
    client: ClientInfo, user_id: str, identity: Identity, new_identity: LinkedIdentity | None = None
) -> SignInResult | MfaRequiredResponse:
    """Sign a user in, and link a new identity, whose provider has verified the address of the account.

    In a browser that is signed in at the provider, the sign-in asks for nothing. So the session is as old as the provider says
    that the user authenticated, or, if it does not say so, too old for a change that needs a fresh session.
    """
    with BatchGet() as batch:
        pending, mfa_enabled = users.get_account(batch, user_id), mfa.is_enabled(batch, user_id)
    account = pending.value
    if account is None or not account.user.is_active:
        raise InvalidCredentials("This account is not active.")
    if new_identity:
        identities.check_same_person(account, new_identity.email)
    with Transaction() as tx:
        return complete_first_factor(
            tx,
            client,
            account,
            "cookie",
            requires_mfa=bool(mfa_enabled.value),
            new_identity=new_identity,
            authenticated_at=identity.authenticated_at or _UNKNOWN,
        )


def _link_identity(client: ClientInfo, session_id: str, name: str, identity: Identity) -> None:
    """Link an identity to the account of the session that asked for it. Raises InvalidToken if the session has ended."""
    account = sessions.get_session_account(session_id)
    linked = LinkedIdentity(name, identity.issuer, identity.subject, identity.email or "", clock.now())
    with Transaction() as tx:
        users.check_active(tx, account.user.id, account.generation)
        identities.link(tx, client, account, linked)


def _flow(payload: OAuthStatePayload, state: str) -> AuthCodeFlow:
    redirect_uri = f"{settings().public_url}/api/v1/auth/oauth/{payload.provider}/callback"
    return AuthCodeFlow(redirect_uri, state, payload.nonce, payload.code_verifier)


@cache
def _get_provider(name: str) -> Provider:
    """Return a provider of `cdk.json`. Its client is the parameter `oauth-NAME`: {"clientId", "clientSecret"}.

    Raises NotFound and ServiceUnavailable.
    """
    config = next((each for each in json.loads(settings().oauth_providers) if each["name"] == name), None)
    parameter = parameters.get(f"oauth-{name}") if config else None
    if config is None or parameter is None:
        raise NotFound
    secrets = json.loads(parameter)
    client = {"name": name, "client_id": secrets["clientId"], "client_secret": secrets["clientSecret"]}
    if config["kind"] == "google":
        return OpenIDConnect(**client, issuer=_GOOGLE_ISSUER, issuer_aliases=(_GOOGLE_ISSUER_ALIAS,))
    if config["kind"] == "github":
        urls = {field: config[key] for key, field in (("site", "issuer"), ("api", "api_url")) if key in config}
        return GitHub(**client, **urls)
    return OpenIDConnect(**client, issuer=config["issuer"])
