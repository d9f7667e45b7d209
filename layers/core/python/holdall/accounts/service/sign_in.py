"""Sign-in. Every way to sign in ends in `complete_first_factor`, so that none skips the second factor."""

from dataclasses import replace
from datetime import datetime

from holdall.accounts import challenges, store
from holdall.accounts.challenges import MfaPayload
from holdall.accounts.model import (
    DeveloperTokensDisabled,
    InvalidCredentials,
    LinkedIdentity,
    LoginRequest,
    MfaRequiredResponse,
    RefreshResponse,
    UserNotFound,
    VerifyMfaRequest,
)
from holdall.accounts.service import identities, mfa
from holdall.audit.service import log
from holdall.iam.model import Account, InvalidToken, IssuedSession, SessionMode, User, normalize_email
from holdall.iam.service import rotation, sessions, users
from holdall.platform import clock, ids, passwords
from holdall.platform.caller import ClientInfo
from holdall.platform.config import settings
from holdall.platform.errors import Unauthenticated
from holdall.platform.table import BatchGet, Transaction
from holdall.rate_limits import service as rate_limits
from holdall.rate_limits.model import TooManyRequests

SignInResult = tuple[IssuedSession, User]


def login(client: ClientInfo, request: LoginRequest) -> SignInResult | MfaRequiredResponse:
    """Create a session, or require a second factor. Three round trips, and those of the rate limiter.

    Raises InvalidCredentials, which is the same for an unknown address, a wrong password and an account that is not active, and
    TooManyRequests. An attempt is counted before its password is hashed, by account and network, so that no one can lock an
    owner out from another network.
    """
    address = normalize_email(request.email)
    user_id = users.find_user_id_by_email(address)
    try:
        hits = rate_limits.hit_network("login", client.ip, account=address)
    except TooManyRequests:
        _audit_failed_login(client, user_id)
        raise
    with BatchGet() as batch:  # of an unknown address too, so that response times reveal nothing
        pending_account = users.get_account(batch, user_id or "unknown")
        password_hash = store.get_password_hash(batch, user_id or "unknown")
        mfa_enabled = mfa.is_enabled(batch, user_id or "unknown")
    account = pending_account.value
    is_correct = passwords.verify(request.password, password_hash.value)
    if not is_correct or account is None or password_hash.value is None or not account.user.is_active:
        _audit_failed_login(client, user_id)
        raise InvalidCredentials
    with Transaction() as tx:
        for hit in hits:
            rate_limits.refund(tx, hit)
        if passwords.needs_rehash(password_hash.value):
            new_hash = passwords.hash_password(request.password)
            store.replace_password_hash(tx, account.user.id, password_hash.value, new_hash)
        return complete_first_factor(tx, client, account, request.mode, requires_mfa=bool(mfa_enabled.value))


def complete_first_factor(
    tx: Transaction,
    client: ClientInfo,
    account: Account,
    mode: SessionMode,
    *,
    requires_mfa: bool,
    is_new: bool = False,
    new_identity: LinkedIdentity | None = None,
    authenticated_at: datetime | None = None,
) -> SignInResult | MfaRequiredResponse:
    """Create a session, or require a second factor. `is_new` says that the same transaction creates the account.

    A new identity is linked only when the user has shown all factors.
    """
    if requires_mfa:
        payload = MfaPayload(account.user.id, account.generation)
        if new_identity:
            payload = replace(
                payload,
                provider=new_identity.provider,
                issuer=new_identity.issuer,
                subject=new_identity.subject,
                email=new_identity.email,
            )
        token = challenges.issue(tx, ids.new_id(), payload)
        return MfaRequiredResponse(mfa_token=token, methods=["totp", "recovery_code"])
    if new_identity:
        identities.link(tx, client, account, new_identity)
    issued = sessions.create_session(tx, client, account, mode, is_new=is_new, authenticated_at=authenticated_at)
    log(tx, client, "sessions.create", account.user.id, actor=account.user.id)
    return issued, account.user


def verify_mfa(client: ClientInfo, request: VerifyMfaRequest) -> SignInResult:
    """Create a session with a second factor. A wrong code counts against the rate limit, and does not use the token up.

    Raises InvalidToken, WrongCode and TooManyRequests.
    """
    challenge = challenges.verify(MfaPayload, request.mfa_token)
    account = users.find_active(challenge.payload.user_id)
    if account is None or account.generation != challenge.payload.generation:
        raise InvalidToken
    try:
        hit = rate_limits.hit("second-factor", account.user.id)
        with Transaction() as tx:
            rate_limits.refund(tx, hit)
            challenges.consume(tx, challenge)
            mfa.consume_code(tx, account.user.id, code=request.code, recovery_code=request.recovery_code)
            _link_identity(tx, client, account, challenge.payload)
            issued = sessions.create_session(tx, client, account, request.mode)
            log(tx, client, "sessions.create", account.user.id, actor=account.user.id)
    except (TooManyRequests, Unauthenticated):
        _audit_failed_login(client, account.user.id)
        raise
    return issued, account.user


def _link_identity(tx: Transaction, client: ClientInfo, account: Account, payload: MfaPayload) -> None:
    """Link the identity with which the user showed the first factor, if it is not linked yet. Raises ProviderNotLinked."""
    if payload.provider is not None:
        identities.check_same_person(account, payload.email)
        linked = LinkedIdentity(payload.provider, payload.issuer, payload.subject, payload.email, clock.now())
        identities.link(tx, client, account, linked)


def refresh(client: ClientInfo, refresh_token: str) -> RefreshResponse:
    """Return new tokens of a session. Raises InvalidToken."""
    issued = rotation.refresh(client, refresh_token)
    return RefreshResponse(
        access_token=issued.access_token, expires_in=issued.expires_in, refresh_token=issued.refresh_token
    )


def issue_developer_token(operator: ClientInfo, email: str, seconds: int) -> str:
    """Return an access token of a new session, for trying the API. Raises DeveloperTokensDisabled and UserNotFound."""
    if not settings().developer_tokens:
        raise DeveloperTokensDisabled
    account = users.find_active(users.find_user_id_by_email(normalize_email(email)) or "unknown")
    if account is None:
        raise UserNotFound
    return sessions.issue_developer_token(operator, account, seconds)


def _audit_failed_login(client: ClientInfo, user_id: str | None) -> None:
    with Transaction() as tx:
        log(tx, client, "sessions.create", user_id or "unknown", outcome="denied")
