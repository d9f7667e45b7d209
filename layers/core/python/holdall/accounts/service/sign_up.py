"""How accounts come into being: sign-up, invitation, or the operator."""

from holdall.accounts import challenges, store
from holdall.accounts.challenges import InvitationPayload, SignUpPayload
from holdall.accounts.model import (
    InvalidCredentials,
    MfaRequiredResponse,
    ResetPasswordRequest,
    SignUpClosed,
    SignUpRequest,
    VerifyEmailRequest,
    check_password_strength,
)
from holdall.accounts.service import mfa
from holdall.accounts.service.sign_in import SignInResult, complete_first_factor
from holdall.audit.service import log
from holdall.emails import service as emails
from holdall.emails.model import AccountExists, AccountInvitation, Discard, EmailVerification
from holdall.iam.model import Account, EmailTaken, InvalidToken, User, normalize_email, parse_email_or_none
from holdall.iam.service import users
from holdall.platform import clock, ids, passwords
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.config import settings
from holdall.platform.errors import ValidationFailed
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import CreateProjectRequest
from holdall.projects.service import projects
from holdall.rate_limits import service as rate_limits
from holdall.roles.model import SUPERUSER


def sign_up(client: ClientInfo, request: SignUpRequest) -> User | None:
    """Create an account, or, if email addresses are verified, send an email with a link and return None.

    With verification, the response does not reveal whether the address has an account, or had too many emails. Raises
    SignUpClosed, PasswordTooWeak, and, without verification, EmailTaken.
    """
    if settings().sign_up != "open":
        raise SignUpClosed
    check_password_strength(request.password, request.email)
    password_hash = passwords.hash_password(request.password)
    if not settings().email_verification:
        with Transaction() as tx:
            account = create_account(tx, client, request.email, request.name, password_hash, action="accounts.sign_up")
        return account.user
    user_id = users.find_user_id_by_email(normalize_email(request.email))
    owner = users.find_active(user_id or "unknown")
    payload = SignUpPayload(request.email, request.name, password_hash, account_exists=user_id is not None)
    can_send = challenges.can_send(SignUpPayload, request.email)
    with Transaction() as tx:
        if not can_send:
            emails.enqueue(tx, request.email, Discard())
            return None
        # Revokes the link of an earlier sign-up, which may be a stranger's with another password.
        token = challenges.issue(tx, normalize_email(request.email), payload)
        if user_id is None:
            emails.enqueue(tx, request.email, EmailVerification(token))
        elif owner is None:
            emails.enqueue(tx, request.email, Discard())
        else:  # to the stored address, because another one with the same normal form may be another mailbox
            emails.enqueue(tx, owner.user.email, AccountExists(owner.user.name))
    return None


def resend_verification(email: str) -> None:
    """Send a new link for a sign-up. The response does not reveal whether there was one."""
    normalized = normalize_email(email)
    payload = challenges.find(SignUpPayload, normalized)
    has_link = payload is not None and not payload.account_exists
    can_send = challenges.can_send(SignUpPayload, email, has_link=has_link)
    with Transaction() as tx:
        if payload is None or not has_link or not can_send:
            emails.enqueue(tx, email, Discard())
        else:
            emails.enqueue(tx, payload.email, EmailVerification(challenges.issue(tx, normalized, payload)))


def verify_email(client: ClientInfo, request: VerifyEmailRequest) -> SignInResult | MfaRequiredResponse:
    """Create the account of a sign-up, and a session.

    The password is required again: the link shows that someone reads the emails of the address, but not that the same person
    chose the password. Raises InvalidToken, InvalidCredentials and TooManyRequests.
    """
    challenge = challenges.verify(SignUpPayload, request.token)
    payload = challenge.payload
    rate_limits.hit("challenge", challenge.lookup_id)
    if not passwords.verify(request.password, payload.password_hash) or payload.account_exists:
        raise InvalidCredentials("The link or the password is incorrect.")
    with Transaction() as tx:
        challenges.consume(tx, challenge)
        account = create_account(
            tx,
            client,
            payload.email,
            payload.name,
            payload.password_hash,
            action="accounts.sign_up",
            email_verified=True,
        )
        return complete_first_factor(tx, client, account, request.mode, requires_mfa=False, is_new=True)


def invite(operator: ClientInfo, email: str) -> User:
    """Create an account without a password, and send an invitation to choose one. Repeat it to send a new invitation.

    Raises ValidationFailed for an invalid address, and EmailTaken if someone can sign in to the account.
    """
    address = parse_email_or_none(email)
    if address is None:
        raise ValidationFailed("This is not an email address.")
    user_id = users.find_user_id_by_email(normalize_email(address))
    account = find_unclaimed(user_id) if user_id else None
    if user_id and account is None:
        raise EmailTaken
    with Transaction() as tx:
        account = account or create_account(tx, operator, address, None, action="users.invite")
        send_invitation(tx, account)
    return account.user


def find_unclaimed(user_id: str) -> Account | None:
    """Return an active account to which no one can sign in yet, or None. Three round trips at most."""
    account = users.find_active(user_id)
    return account if account and not store.has_sign_in_method(user_id) else None


def send_invitation(tx: Transaction, account: Account) -> None:
    """Send the owner of an account a link to choose the first password. Revokes the previous link."""
    token = challenges.issue(tx, account.user.id, InvitationPayload(account.user.id))
    emails.enqueue(tx, account.user.email, AccountInvitation(token))


def accept_invitation(client: ClientInfo, request: ResetPasswordRequest) -> SignInResult | MfaRequiredResponse:
    """Set the first password of an account, and create a session.

    Raises InvalidToken, PasswordTooWeak, and PasswordExists if the user has set one with a reset link meanwhile.
    """
    challenge = challenges.verify(InvitationPayload, request.token)
    account = users.find_active(challenge.payload.user_id)
    if account is None:
        raise InvalidToken
    check_password_strength(request.password, account.user.email)
    password_hash = passwords.hash_password(request.password)
    with BatchGet() as batch:
        mfa_enabled = mfa.is_enabled(batch, account.user.id)
    with Transaction() as tx:
        challenges.consume(tx, challenge)
        store.add_password(tx, account.user.id, password_hash)
        log(tx, client, "accounts.accept_invitation", account.user.id, actor=account.user.id)
        return complete_first_factor(tx, client, account, "token", requires_mfa=bool(mfa_enabled.value))


def create_superuser(operator: ClientInfo, request: SignUpRequest) -> User:
    """Create an account with every permission, or return the one that exists. Only a direct invocation can do this.

    Raises PasswordTooWeak, and EmailTaken if the account with this address is not a superuser.
    """
    check_password_strength(request.password, request.email)
    password_hash, action = passwords.hash_password(request.password), "accounts.create_superuser"
    try:
        with Transaction() as tx:
            account = create_account(
                tx, operator, request.email, request.name, password_hash, action=action, roles=[SUPERUSER]
            )
    except EmailTaken:
        existing = users.find_active(users.find_user_id_by_email(normalize_email(request.email)) or "unknown")
        if existing is None or SUPERUSER not in existing.user.roles:
            raise EmailTaken("The account with this email address is not a superuser.") from None
        return existing.user
    return account.user


def create_account(
    tx: Transaction,
    client: ClientInfo,
    email: str,
    name: str | None,
    password_hash: str | None = None,
    *,
    action: str,
    roles: list[str] | None = None,
    email_verified: bool = False,
) -> Account:
    """Add an account with its personal project. Set `email_verified` if the user who chose the password proved the address.

    The transaction raises EmailTaken and RoleDeleted.
    """
    user = User(
        id=ids.new_id(),
        email=email,
        name=name or email.partition("@")[0][:100],
        status="active",
        roles=["user"] if roles is None else roles,
        created_at=clock.now(),
    )
    # Without a password, the only ways into the account are an email to its address, and a provider that has verified it.
    account = Account(user, generation=0, email_verified=email_verified or password_hash is None)
    users.add_user(tx, user, normalize_email(email), email_verified=account.email_verified)
    if password_hash is not None:
        store.add_password(tx, user.id, password_hash)
    projects.add(tx, client, user.id, CreateProjectRequest(name="Personal"), personal=True)
    # The actor is the new user, or the administrator who creates the account.
    log(tx, client, action, user.id, actor=None if isinstance(client, Caller) else user.id)
    return account
