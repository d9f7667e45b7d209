"""How one becomes a user, and signs in. Every way in ends in `enter`, which asks for the second factor."""

from holdall import clock, ids
from holdall.accounts import challenges, passwords, store
from holdall.accounts.model import (
    Login,
    MfaRequired,
    Refreshed,
    ResetPassword,
    SecondFactor,
    SignUp,
    VerifyEmail,
    check_password,
)
from holdall.accounts.service import factors
from holdall.audit.service import record
from holdall.caller import Caller, Visitor
from holdall.config import settings
from holdall.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from holdall.iam.model import Known, Mode, User, as_address, invalid_token, normal
from holdall.iam.service import sessions, users
from holdall.iam.service.sessions import Opened
from holdall.iam.tokens import TokenKind
from holdall.letters import service as letters
from holdall.letters.model import Kind, Letter
from holdall.limits import service as limits
from holdall.projects.model import NewProject
from holdall.projects.service import projects
from holdall.table import Reading, Transaction

Entered = tuple[Opened, User]


def sign_up(visitor: Visitor, new: SignUp) -> User | None:
    """Make an account with its personal project, all or nothing; or, where addresses are verified, ask for proof: None.

    Raises Forbidden where strangers may not sign up, Invalid for a poor password, and, only where addresses are not verified,
    Conflict for one that is taken.
    """
    if settings().sign_up != "open":
        raise Forbidden("sign_up_closed", "Accounts of this installation are made by invitation.")
    check_password(new.password, new.email)
    hashed = passwords.hashed(new.password)
    if settings().email_verification == "off":
        with Transaction() as write:
            return make(write, visitor, new.email, new.name, hashed, action="accounts.sign-up").user
    user_id = users.user_id_of(normal(new.email))
    holder = users.known(user_id or "nobody")
    with Transaction() as write:
        # A stranger may have asked before with another password: his question is void, and so is his password.
        token = _pose_verification(write, new.email, new.name or "", hashed, known=user_id is not None)
        if user_id is None:
            # Without the name: it is the word of a stranger, who may be writing to somebody else.
            letter = letters.promise(write, Kind.VERIFY, new.email, detail=token)
        elif holder is None:
            letter = letters.promise(write, Kind.NOBODY, new.email)
        else:  # to the address that is stored: one that is only equal in its normal form may be another mailbox
            letter = letters.promise(write, Kind.KNOWN, holder.user.email, name=holder.user.name)
    letters.post(letter)
    return None


def resend(email: str) -> None:
    """Send the link of a sign-up again, a new one. Nobody learns whether there was one."""
    address = normal(email)
    asked = challenges.found(TokenKind.VERIFY, address)
    with Transaction() as write:
        if asked is None or asked.content.get("known"):
            letter = letters.promise(write, Kind.NOBODY, email[:254])
        else:
            said = asked.content
            token = _pose_verification(write, said["email"], said["name"], said["hash"], known=False)
            letter = letters.promise(write, Kind.VERIFY, said["email"], detail=token)
    letters.post(letter)


def verify_email(visitor: Visitor, said: VerifyEmail) -> Entered | MfaRequired:
    """Make the account that was asked for and begin a session. The password is asked again: a click alone proves
    that somebody reads the letters, and not that it was them who chose it.

    Raises Unauthenticated for a token that does not count, or another password.
    """
    challenge = challenges.look(TokenKind.VERIFY, said.token)
    limits.take("challenge", challenge.place)
    if not passwords.matches(said.password, challenge.content["hash"]) or challenge.content.get("known"):
        raise Unauthenticated("invalid_credentials", "The link or the password is wrong.")
    email, name = challenge.content["email"], challenge.content["name"]
    with Transaction() as write:
        challenges.take(write, challenge)
        known = make(write, visitor, email, name, challenge.content["hash"], action="accounts.sign-up", proven=True)
        return enter(write, visitor, known, said.mode, second_factor=False, born=True)


def invite(operator: Visitor, email: str) -> User:
    """Make an account without a password, and send its owner the link to choose one; asked again, another link.

    Raises Invalid for what is no address, and Conflict for an account that is in use.
    """
    address = as_address(email)
    if address is None:
        raise Invalid("invalid", "This is no e-mail address.")
    user_id = users.user_id_of(normal(address))
    known = unused(user_id) if user_id else None
    if user_id and known is None:
        raise Conflict("email_taken", "There is an account with this address already.")
    with Transaction() as write:
        known = known or make(write, operator, address, None, action="accounts.invite")
        letter = ask_in(write, known)
    letters.post(letter)
    return known.user


def unused(user_id: str) -> Known | None:
    """An active account, if nobody can sign in to it yet. Three round trips."""
    known = users.known(user_id)
    return known if known and not store.has_way_in(user_id) else None


def ask_in(write: Transaction, known: Known) -> Letter:
    """Ask the owner of an account to choose its first password; an older link is void."""
    token = challenges.pose(write, TokenKind.INVITATION, known.user.id, user_id=known.user.id)
    return letters.promise(write, Kind.INVITATION, known.user.email, detail=token)


def accept_invitation(visitor: Visitor, said: ResetPassword) -> Entered | MfaRequired:
    """Take an invitation: choose the first password, and begin a session. Raises Unauthenticated and Invalid, and Conflict when
    there is a password: whoever was invited may have come by another way before.
    """
    challenge = challenges.look(TokenKind.INVITATION, said.token)
    known = users.known(challenge.content["user_id"])
    if known is None:
        raise invalid_token()
    check_password(said.password, known.user.email)
    hashed = passwords.hashed(said.password)
    with Reading() as read:
        factor = factors.wanted(read, known.user.id)
    with Transaction() as write:
        challenges.take(write, challenge)
        store.add_password(write, known.user.id, hashed)
        record(write, visitor, "accounts.accept-invitation", known.user.id, actor=known.user.id)
        return enter(write, visitor, known, "token", second_factor=bool(factor.value))


def login(visitor: Visitor, said: Login) -> Entered | MfaRequired:
    """Begin a session, or ask for the second factor. Three round trips, and those of the limiter.

    Raises Unauthenticated, alike for an unknown address, a wrong password and whatever else forbids it, and TooMany. An attempt
    is counted before its password is hashed, by account and network: nobody locks an owner out from elsewhere.
    """
    address = normal(said.email)
    user_id = users.user_id_of(address)
    try:
        taken = limits.take("login", ids.digest(f"{address} {visitor.address}"))
    except limits.TooMany:
        _failed(visitor, user_id)
        raise
    with Reading() as read:
        found = users.user(read, user_id or "nobody")
        stored = store.password(read, user_id or "nobody")
        factor = factors.wanted(read, user_id or "nobody")
    known = found.value
    right = passwords.matches(said.password, stored.value)
    if not right or known is None or stored.value is None or known.user.status != "active":
        _failed(visitor, user_id)
        raise Unauthenticated("invalid_credentials", "The e-mail address or the password is wrong.")
    with Transaction() as write:
        limits.give_back(write, taken)
        if passwords.outdated(stored.value):
            store.replace_hash(write, known.user.id, stored.value, passwords.hashed(said.password))
        return enter(write, visitor, known, said.mode, second_factor=bool(factor.value))


def enter(
    write: Transaction, visitor: Visitor, known: Known, mode: Mode, *, second_factor: bool, born: bool = False
) -> Entered | MfaRequired:
    """Let somebody in who showed a first factor: every way in passes here, so none forgets the second."""
    if second_factor:
        # What guards the account may be changed meanwhile: then the first factor that was shown is worth nothing.
        generation = str(known.generation)
        token = challenges.pose(write, TokenKind.MFA, ids.new_id(), user_id=known.user.id, generation=generation)
        return MfaRequired(mfa_token=token, methods=["totp", "recovery_code"])
    opened = sessions.open_session(write, visitor, known, mode, born=born)
    record(write, visitor, "login", known.user.id, actor=known.user.id)
    return opened, known.user


def second_factor(visitor: Visitor, said: SecondFactor) -> Entered:
    """Finish a login. Raises Unauthenticated and TooMany. Only wrong codes count against the limit; none uses up the token."""
    challenge = challenges.look(TokenKind.MFA, said.mfa_token)
    known = users.known(challenge.content["user_id"])
    if known is None or str(known.generation) != challenge.content["generation"]:
        raise invalid_token()
    try:
        taken = limits.take("second-factor", known.user.id)
        with Transaction() as write:
            limits.give_back(write, taken)
            challenges.take(write, challenge)
            factors.use(write, known.user.id, code=said.code, recovery_code=said.recovery_code)
            opened = sessions.open_session(write, visitor, known, said.mode)
            record(write, visitor, "login", known.user.id, actor=known.user.id)
    except (limits.TooMany, Unauthenticated):
        _failed(visitor, known.user.id)
        raise
    return opened, known.user


def refresh(visitor: Visitor, refresh_token: str) -> Refreshed:
    """Go on with a session. Raises Unauthenticated."""
    opened = sessions.refresh(visitor, refresh_token)
    return Refreshed(access_token=opened.access, expires_in=opened.expires_in, refresh_token=opened.refresh)


def make_superuser(operator: Visitor, new: SignUp) -> User:
    """Make an account that holds every permission: a deed of the operator, with the rights of AWS, never over HTTP.

    An account that has the address already stays as it is. Raises Invalid for a poor password.
    """
    check_password(new.password, new.email)
    hashed, action = passwords.hashed(new.password), "accounts.make-superuser"
    try:
        with Transaction() as write:
            return make(write, operator, new.email, new.name, hashed, action=action, roles=["superuser"]).user
    except Conflict as conflict:
        user_id = users.user_id_of(normal(new.email))
        if conflict.code != "email_taken" or user_id is None:
            raise
    known = users.known(user_id)
    if known is None or "superuser" not in known.user.roles:
        raise Conflict("email_taken", "There is an account with this address that is no superuser.")
    return known.user


def developer_token(operator: Visitor, email: str, seconds: int) -> str:
    """An access token to try the API with, of a session of its own. Raises Forbidden, NotFound and Invalid."""
    if settings().developer_tokens != "on":
        raise Forbidden("not_here", "This stage makes no tokens by command.")
    known = users.known(users.user_id_of(normal(email)) or "nobody")
    if known is None:
        raise NotFound("no_such_user", "There is no account with this address.")
    return sessions.developer_token(operator, known, seconds)


def make(
    write: Transaction,
    who: Visitor,
    email: str,
    name: str | None,
    hashed: str | None = None,
    *,
    action: str,
    roles: list[str] | None = None,
    proven: bool = False,
) -> Known:
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
    known = Known(user, generation=0, proven=proven or hashed is None)
    users.add_user(write, user, normal(email), proven=known.proven)
    if hashed is not None:
        store.add_password(write, user.id, hashed)
    projects.add(write, who, user.id, NewProject(name="Personal"), personal=True)
    # Who makes an account for somebody else is told as who did it.
    record(write, who, action, user.id, actor=None if isinstance(who, Caller) else user.id)
    return known


def _pose_verification(write: Transaction, email: str, name: str, hashed: str, *, known: bool) -> str:
    content = {"email": email, "name": name, "hash": hashed, **({"known": "yes"} if known else {})}
    return challenges.pose(write, TokenKind.VERIFY, normal(email), **content)


def _failed(visitor: Visitor, user_id: str | None) -> None:
    with Transaction() as write:
        record(write, visitor, "login.failed", user_id or "unknown", outcome="denied")
