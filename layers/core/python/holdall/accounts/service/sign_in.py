"""How one becomes a user, and signs in. Every way in ends in `enter`, which asks for the second factor."""

from holdall.accounts import challenges, passwords, store
from holdall.accounts.model import (
    LoginRequest,
    MfaRequiredResponse,
    RefreshResponse,
    ResetPasswordRequest,
    SignUpRequest,
    VerifyEmailRequest,
    VerifyMfaRequest,
    check_password_strength,
)
from holdall.accounts.service import mfa
from holdall.audit.service import log
from holdall.emails import service as emails
from holdall.emails.model import Email, EmailKind
from holdall.iam.model import Account, SessionMode, User, invalid_token, normalize_email, parse_email_or_none
from holdall.iam.service import sessions, users
from holdall.iam.service.sessions import IssuedSession
from holdall.iam.tokens import TokenKind
from holdall.platform import clock, ids
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.config import settings
from holdall.platform.errors import Conflict, Forbidden, NotFound, Unauthenticated, ValidationFailed
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import CreateProjectRequest
from holdall.projects.service import projects
from holdall.rate_limits import service as rate_limits

SignInResult = tuple[IssuedSession, User]


def sign_up(client: ClientInfo, request: SignUpRequest) -> User | None:
    """Make an account with its personal project, all or nothing; or, where addresses are verified, ask for proof: None.

    Raises Forbidden where strangers may not sign up, Invalid for a poor password, and, only where addresses are not verified,
    Conflict for one that is taken.
    """
    if settings().sign_up != "open":
        raise Forbidden("This installation creates accounts by invitation only.", code="sign_up_closed")
    check_password_strength(request.password, request.email)
    hashed = passwords.hash_password(request.password)
    if settings().email_verification == "off":
        with Transaction() as write:
            return create_account(write, client, request.email, request.name, hashed, action="accounts.sign_up").user
    user_id = users.find_user_id_by_email(normalize_email(request.email))
    holder = users.find_active(user_id or "nobody")
    with Transaction() as write:
        # A stranger may have asked before with another password: his question is void, and so is his password.
        token = _issue_verification(
            write, request.email, request.name or "", hashed, account_exists=user_id is not None
        )
        if user_id is None:
            # Without the name: it is the word of a stranger, who may be writing to somebody else.
            letter = emails.enqueue(write, EmailKind.EMAIL_VERIFICATION, request.email, detail=token)
        elif holder is None:
            letter = emails.enqueue(write, EmailKind.DISCARD, request.email)
        else:  # to the address that is stored: one that is only equal in its normal form may be another mailbox
            letter = emails.enqueue(write, EmailKind.ACCOUNT_EXISTS, holder.user.email, name=holder.user.name)
    emails.dispatch(letter)
    return None


def resend_verification(email: str) -> None:
    """Send the link of a sign-up again, a new one. Nobody learns whether there was one."""
    address = normalize_email(email)
    asked = challenges.find(TokenKind.EMAIL_VERIFICATION, address)
    with Transaction() as write:
        if asked is None or asked.payload.get("account_exists"):
            letter = emails.enqueue(write, EmailKind.DISCARD, email[:254])
        else:
            said = asked.payload
            token = _issue_verification(write, said["email"], said["name"], said["password_hash"], account_exists=False)
            letter = emails.enqueue(write, EmailKind.EMAIL_VERIFICATION, said["email"], detail=token)
    emails.dispatch(letter)


def verify_email(client: ClientInfo, request: VerifyEmailRequest) -> SignInResult | MfaRequiredResponse:
    """Make the account that was asked for and begin a session. The password is asked again: a click alone proves
    that somebody reads the letters, and not that it was them who chose it.

    Raises Unauthenticated for a token that does not count, or another password.
    """
    challenge = challenges.verify(TokenKind.EMAIL_VERIFICATION, request.token)
    rate_limits.hit("challenge", challenge.lookup_id)
    if not passwords.verify(request.password, challenge.payload["password_hash"]) or challenge.payload.get(
        "account_exists"
    ):
        raise Unauthenticated("The link or the password is incorrect.", code="invalid_credentials")
    email, name = challenge.payload["email"], challenge.payload["name"]
    with Transaction() as write:
        challenges.consume(write, challenge)
        known = create_account(
            write,
            client,
            email,
            name,
            challenge.payload["password_hash"],
            action="accounts.sign_up",
            email_verified=True,
        )
        return complete_first_factor(write, client, known, request.mode, requires_mfa=False, is_new=True)


def invite(operator: ClientInfo, email: str) -> User:
    """Make an account without a password, and send its owner the link to choose one; asked again, another link.

    Raises Invalid for what is no address, and Conflict for an account that is in use.
    """
    address = parse_email_or_none(email)
    if address is None:
        raise ValidationFailed("This is not an email address.", code="invalid")
    user_id = users.find_user_id_by_email(normalize_email(address))
    known = find_unclaimed(user_id) if user_id else None
    if user_id and known is None:
        raise Conflict("An account with this email address already exists.", code="email_taken")
    with Transaction() as write:
        known = known or create_account(write, operator, address, None, action="users.invite")
        letter = send_invitation(write, known)
    emails.dispatch(letter)
    return known.user


def find_unclaimed(user_id: str) -> Account | None:
    """An active account, if nobody can sign in to it yet. Three round trips."""
    known = users.find_active(user_id)
    return known if known and not store.has_sign_in_method(user_id) else None


def send_invitation(tx: Transaction, account: Account) -> Email:
    """Ask the owner of an account to choose its first password; an older link is void."""
    token = challenges.issue(tx, TokenKind.ACCOUNT_INVITATION, account.user.id, user_id=account.user.id)
    return emails.enqueue(tx, EmailKind.ACCOUNT_INVITATION, account.user.email, detail=token)


def accept_invitation(client: ClientInfo, request: ResetPasswordRequest) -> SignInResult | MfaRequiredResponse:
    """Take an invitation: choose the first password, and begin a session. Raises Unauthenticated and Invalid, and Conflict when
    there is a password: whoever was invited may have come by another way before.
    """
    challenge = challenges.verify(TokenKind.ACCOUNT_INVITATION, request.token)
    known = users.find_active(challenge.payload["user_id"])
    if known is None:
        raise invalid_token()
    check_password_strength(request.password, known.user.email)
    hashed = passwords.hash_password(request.password)
    with BatchGet() as read:
        factor = mfa.is_enabled(read, known.user.id)
    with Transaction() as write:
        challenges.consume(write, challenge)
        store.add_password(write, known.user.id, hashed)
        log(write, client, "accounts.accept_invitation", known.user.id, actor=known.user.id)
        return complete_first_factor(write, client, known, "token", requires_mfa=bool(factor.value))


def login(client: ClientInfo, request: LoginRequest) -> SignInResult | MfaRequiredResponse:
    """Begin a session, or ask for the second factor. Three round trips, and those of the limiter.

    Raises Unauthenticated, alike for an unknown address, a wrong password and whatever else forbids it, and TooMany. An attempt
    is counted before its password is hashed, by account and network: nobody locks an owner out from elsewhere.
    """
    address = normalize_email(request.email)
    user_id = users.find_user_id_by_email(address)
    try:
        taken = rate_limits.hit("login", ids.sha256_hex(f"{address} {client.ip}"))
    except rate_limits.TooManyRequests:
        _audit_failed_login(client, user_id)
        raise
    with BatchGet() as read:
        found = users.get_account(read, user_id or "nobody")
        stored = store.get_password_hash(read, user_id or "nobody")
        factor = mfa.is_enabled(read, user_id or "nobody")
    known = found.value
    right = passwords.verify(request.password, stored.value)
    if not right or known is None or stored.value is None or known.user.status != "active":
        _audit_failed_login(client, user_id)
        raise Unauthenticated("The email address or the password is incorrect.", code="invalid_credentials")
    with Transaction() as write:
        rate_limits.refund(write, taken)
        if passwords.needs_rehash(stored.value):
            store.replace_password_hash(write, known.user.id, stored.value, passwords.hash_password(request.password))
        return complete_first_factor(write, client, known, request.mode, requires_mfa=bool(factor.value))


def complete_first_factor(
    tx: Transaction,
    client: ClientInfo,
    account: Account,
    mode: SessionMode,
    *,
    requires_mfa: bool,
    is_new: bool = False,
) -> SignInResult | MfaRequiredResponse:
    """Let somebody in who showed a first factor: every way in passes here, so none forgets the second."""
    if requires_mfa:
        # What guards the account may be changed meanwhile: then the first factor that was shown is worth nothing.
        generation = str(account.generation)
        token = challenges.issue(tx, TokenKind.MFA, ids.new_id(), user_id=account.user.id, generation=generation)
        return MfaRequiredResponse(mfa_token=token, methods=["totp", "recovery_code"])
    opened = sessions.create_session(tx, client, account, mode, is_new=is_new)
    log(tx, client, "sessions.create", account.user.id, actor=account.user.id)
    return opened, account.user


def verify_mfa(client: ClientInfo, request: VerifyMfaRequest) -> SignInResult:
    """Finish a login. Raises Unauthenticated and TooMany. Only wrong codes count against the limit; none uses up the token."""
    challenge = challenges.verify(TokenKind.MFA, request.mfa_token)
    known = users.find_active(challenge.payload["user_id"])
    if known is None or str(known.generation) != challenge.payload["generation"]:
        raise invalid_token()
    try:
        taken = rate_limits.hit("second-factor", known.user.id)
        with Transaction() as write:
            rate_limits.refund(write, taken)
            challenges.consume(write, challenge)
            mfa.consume_code(write, known.user.id, code=request.code, recovery_code=request.recovery_code)
            opened = sessions.create_session(write, client, known, request.mode)
            log(write, client, "sessions.create", known.user.id, actor=known.user.id)
    except (rate_limits.TooManyRequests, Unauthenticated):
        _audit_failed_login(client, known.user.id)
        raise
    return opened, known.user


def refresh(client: ClientInfo, refresh_token: str) -> RefreshResponse:
    """Go on with a session. Raises Unauthenticated."""
    opened = sessions.refresh(client, refresh_token)
    return RefreshResponse(
        access_token=opened.access_token, expires_in=opened.expires_in, refresh_token=opened.refresh_token
    )


def create_superuser(operator: ClientInfo, request: SignUpRequest) -> User:
    """Make an account that holds every permission: a deed of the operator, with the rights of AWS, never over HTTP.

    An account that has the address already stays as it is. Raises Invalid for a poor password.
    """
    check_password_strength(request.password, request.email)
    hashed, action = passwords.hash_password(request.password), "accounts.create_superuser"
    try:
        with Transaction() as write:
            return create_account(
                write, operator, request.email, request.name, hashed, action=action, roles=["superuser"]
            ).user
    except Conflict as conflict:
        user_id = users.find_user_id_by_email(normalize_email(request.email))
        if conflict.code != "email_taken" or user_id is None:
            raise
    known = users.find_active(user_id)
    if known is None or "superuser" not in known.user.roles:
        raise Conflict("The account with this email address is not a superuser.", code="email_taken")
    return known.user


def issue_developer_token(operator: ClientInfo, email: str, seconds: int) -> str:
    """An access token to try the API with, of a session of its own. Raises Forbidden, NotFound and Invalid."""
    if settings().developer_tokens != "on":
        raise Forbidden("Developer tokens are disabled in this stage.", code="developer_tokens_disabled")
    known = users.find_active(users.find_user_id_by_email(normalize_email(email)) or "nobody")
    if known is None:
        raise NotFound("No account has this email address.", code="user_not_found")
    return sessions.issue_developer_token(operator, known, seconds)


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
    """Make an account with its personal project, as part of something larger; without a password for who signs in elsewhere.

    `proven` if whoever chose the password proved the address.
    The transaction raises Conflict for an address that is taken, and for a role that is gone.
    """
    user = User(
        id=ids.new_id(),
        email=email,
        name=name or email.partition("@")[0][:100],
        status="active",
        roles=["user"] if roles is None else roles,
        created_at=clock.now(),
    )
    # Into an account without a password nobody comes but by a letter to its address, or a provider who vouches for that.
    known = Account(user, generation=0, email_verified=email_verified or password_hash is None)
    users.add_user(tx, user, normalize_email(email), email_verified=known.email_verified)
    if password_hash is not None:
        store.add_password(tx, user.id, password_hash)
    projects.add(tx, client, user.id, CreateProjectRequest(name="Personal"), personal=True)
    # Who makes an account for somebody else is told as who did it.
    log(tx, client, action, user.id, actor=None if isinstance(client, Caller) else user.id)
    return known


def _issue_verification(tx: Transaction, email: str, name: str, password_hash: str, *, account_exists: bool) -> str:
    content = {
        "email": email,
        "name": name,
        "password_hash": password_hash,
        **({"account_exists": "yes"} if account_exists else {}),
    }
    return challenges.issue(tx, TokenKind.EMAIL_VERIFICATION, normalize_email(email), **content)


def _audit_failed_login(client: ClientInfo, user_id: str | None) -> None:
    with Transaction() as write:
        log(write, client, "sessions.create", user_id or "unknown", outcome="denied")
