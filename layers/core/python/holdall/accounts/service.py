"""How one becomes a user, and proves to be one."""

from holdall import clock, ids
from holdall.accounts import passwords, store
from holdall.accounts.model import Login, Refreshed, SignedIn, SignUp, check_password, normal
from holdall.audit.service import record
from holdall.caller import Visitor
from holdall.config import settings
from holdall.errors import Conflict, Forbidden, Unauthenticated
from holdall.iam import service as iam
from holdall.iam.model import User
from holdall.projects import service as projects
from holdall.projects.model import NewProject
from holdall.table import Reading, Transaction


def sign_up(visitor: Visitor, new: SignUp) -> User:
    """Make an account with its personal project, all or nothing.

    Raises Forbidden where strangers may not sign up, Invalid for a poor password, Conflict for an address that is taken.
    """
    if settings().sign_up != "open":
        raise Forbidden("sign_up_closed", "Accounts of this installation are made by invitation.")
    return _make(visitor, new, roles=["user"], action="accounts.sign-up")


def login(visitor: Visitor, said: Login) -> SignedIn:
    """Begin a session. Three round trips. Raises Unauthenticated, alike for an unknown address and a wrong password."""
    user_id = iam.user_id_of(normal(said.email))
    with Reading() as read:
        found = iam.user(read, user_id or "nobody")
        stored = store.password(read, user_id or "nobody")
    right = passwords.matches(said.password, stored.value)
    if found.value is None or stored.value is None or not right or found.value[0].status != "active":
        with Transaction() as write:
            record(write, visitor, "login.failed", user_id or "unknown", outcome="denied")
        raise Unauthenticated("invalid_credentials", "The e-mail address or the password is wrong.")
    user, generation = found.value
    with Transaction() as write:
        tokens = iam.open_session(write, visitor, user.id, generation)
        record(write, visitor, "login", user.id, actor=user.id)
        if passwords.outdated(stored.value):
            store.replace_hash(write, user.id, stored.value, passwords.hashed(said.password))
    return SignedIn(access_token=tokens.access, expires_in=tokens.expires_in, refresh_token=tokens.refresh, user=user)


def refresh(visitor: Visitor, refresh_token: str) -> Refreshed:
    """Go on with a session. Raises Unauthenticated."""
    tokens = iam.refresh(visitor, refresh_token)
    return Refreshed(access_token=tokens.access, expires_in=tokens.expires_in, refresh_token=tokens.refresh)


def make_superuser(operator: Visitor, new: SignUp) -> User:
    """Make an account that holds every permission: a deed of the operator, with the rights of AWS, never over HTTP.

    An account that has the address already stays as it is. Raises Invalid for a poor password.
    """
    try:
        return _make(operator, new, roles=["superuser"], action="accounts.make-superuser")
    except Conflict as conflict:
        user_id = iam.user_id_of(normal(new.email))
        if conflict.code != "email_taken" or user_id is None:
            raise
    with Reading() as read:
        found = iam.user(read, user_id)
    if found.value is None or "superuser" not in found.value[0].roles:
        raise Conflict("email_taken", "There is an account with this address that is no superuser.")
    return found.value[0]


def _make(visitor: Visitor, new: SignUp, *, roles: list[str], action: str) -> User:
    check_password(new.password, new.email)
    user = User(
        id=ids.new_id(),
        email=new.email,
        name=new.name or new.email.partition("@")[0][:100],
        status="active",
        roles=roles,
        created_at=clock.now(),
    )
    hashed = passwords.hashed(new.password)
    with Transaction() as write:
        iam.add_user(write, user, normal(new.email))
        store.add_password(write, user.id, hashed)
        projects.add(write, visitor, user.id, NewProject(name="Personal"), personal=True)
        record(write, visitor, action, user.id, actor=user.id)
    return user
