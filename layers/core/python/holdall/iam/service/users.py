"""Who there is: users, their addresses and their identities."""

from datetime import timedelta

from holdall.audit.service import log
from holdall.iam.model import Account, User, invalid_token
from holdall.iam.store import users as store
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.errors import HoldallError, NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.roles import service as roles

_EMAIL_RESERVATION = timedelta(days=30)


def add_user(tx: Transaction, user: User, normalized_email: str, *, email_verified: bool) -> None:
    """Add a user as a part of a sign-up, and take their address in its normal form. The transaction raises Conflict for a role
    that is gone.
    """
    store.add_user(tx, user, normalized_email, email_verified=email_verified)
    roles.on_granted(tx, user.roles, active=True)


def find_user_id_by_identity(identity: str) -> str | None:
    """Whose identity with a provider this is."""
    return store.find_user_id_by_identity(identity)


def assign_identity(tx: Transaction, identity: str, user_id: str, *, error: HoldallError) -> None:
    """Give an identity with a provider to a user, if it is nobody's."""
    store.assign_identity(tx, identity, user_id, error=error)


def release_identity(tx: Transaction, identity: str) -> None:
    """Take an identity with a provider from its user."""
    store.release_identity(tx, identity)


def find_user_id_by_email(normalized_email: str) -> str | None:
    """Whose address, in its normal form, this is."""
    return store.find_user_id_by_email(normalized_email)


def get_account(batch: BatchGet, user_id: str) -> Pending[Account]:
    """A user, in whatever state."""
    return store.get_account(batch, user_id)


def find_active(user_id: str) -> Account | None:
    """A user who is active, or None. One round trip."""
    with BatchGet() as read:
        found = store.get_account(read, user_id)
    return found.value if found.value and found.value.user.status == "active" else None


def current_account(caller: Caller) -> Account:
    """The caller's own user. One round trip. Raises Unauthenticated when they are gone at this moment."""
    found = find_active(caller.user_id)
    if found is None:
        raise invalid_token()
    return found


def list_users(page: PageRequest) -> Page[User]:
    """All users, newest first. One round trip."""
    return store.list_users(page)


def get(user_id: str) -> User:
    """A user, disabled or not. One round trip. Raises NotFound, for one who was deleted too."""
    with BatchGet() as read:
        found = store.get_account(read, ids.validate_id(user_id))
    return require_existing(found.value).user


def get_with_permissions(user_id: str) -> tuple[Account, frozenset[str]]:
    """A user, and what their roles hold. One round trip, and that of roles which are not remembered. Raises NotFound."""
    with BatchGet() as read:
        found, epoch = store.get_account(read, ids.validate_id(user_id)), roles.get_epoch(read, user_id)
    known = require_existing(found.value)
    return known, roles.get_permissions(known.user.roles, epoch.value or 0)


def require_existing(account: Account | None) -> Account:
    """A user who is not deleted. Raises NotFound."""
    if account is None or account.user.status == "deleted":
        raise NotFound
    return account


def update(tx: Transaction, current: Account, updated: User, *, error: HoldallError) -> None:
    """Change name, status and roles over the view that it was decided on, and the counters that follow from them. Who is
    disabled has no session any more. The transaction raises Conflict for the last superuser and for a role that is gone.
    """
    before, after = current.user, updated
    store.update(tx, current, updated, error=error)
    if before.status != after.status:
        roles.on_active_changed(tx, before.roles, active=after.status == "active")
    active = after.status == "active"
    roles.on_granted(tx, [name for name in after.roles if name not in before.roles], active=active)
    roles.on_revoked(tx, [name for name in before.roles if name not in after.roles], active=active)


def check_active(tx: Transaction, user_id: str) -> None:
    """Hold only while a user is active. The transaction raises Unauthenticated."""
    store.check_active(tx, user_id, error=invalid_token())


def check_generation(tx: Transaction, account: Account, *, error: HoldallError) -> None:
    """Hold only while a user is active, and nothing that guards the account was changed since they were read."""
    store.check_active(tx, account.user.id, account.generation, error=error)


def rename(caller: Caller, name: str) -> User:
    """Change the caller's name."""
    user = current_account(caller).user
    with Transaction() as write:
        store.rename(write, user.id, name, error=invalid_token())
        log(write, caller, "accounts.update_profile", user.id)
    return user.model_copy(update={"name": name})


def update_email(
    tx: Transaction, user: User, old_normalized: str, new_normalized: str, new_email: str, *, error: HoldallError
) -> None:
    """Give a user another address, old and new in their normal form."""
    store.update_email(tx, user, old_normalized, new_normalized, new_email, error=error)


def soft_delete(tx: Transaction, account: Account, normalized_email: str, *, error: HoldallError) -> None:
    """Delete a user and end their sessions; the address is free again after 30 days. The transaction raises Conflict for the
    last superuser.
    """
    roles.on_revoked(tx, account.user.roles, active=account.user.status == "active")
    store.soft_delete(tx, account, normalized_email, clock.now() + _EMAIL_RESERVATION, error=error)
