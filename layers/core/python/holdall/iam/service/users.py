"""Use cases of users, and the functions of the store that other capabilities use."""

from datetime import timedelta

from holdall.audit.service import log
from holdall.iam.model import Account, InvalidToken, User
from holdall.iam.store import users as store
from holdall.iam.store.users import (
    assign_identity,
    check_active,
    find_user_id_by_email,
    find_user_id_by_identity,
    get_account,
    list_accounts,
    release_identity,
    update_email,
)
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound
from holdall.platform.table import BatchGet, ErrorFactory, Transaction
from holdall.roles import service as roles

__all__ = [
    "assign_identity",
    "check_active",
    "find_user_id_by_email",
    "find_user_id_by_identity",
    "get_account",
    "list_accounts",
    "release_identity",
    "update_email",
]

_EMAIL_RESERVATION = timedelta(days=30)  # after the deletion of a user


def add_user(tx: Transaction, user: User, normalized_email: str, *, email_verified: bool) -> None:
    """Add an active user. The transaction raises EmailTaken, and RoleDeleted if a role does not exist any more."""
    store.add_user(tx, user, normalized_email, email_verified=email_verified)
    roles.update_holder_counts(tx, [], user.roles, was_active=False, is_active=True)


def find_active(user_id: str) -> Account | None:
    """Return an active user, or None. One round trip."""
    with BatchGet() as batch:
        pending = store.get_account(batch, user_id)
    return pending.value if pending.value and pending.value.user.is_active else None


def current_account(caller: Caller) -> Account:
    """Return the caller's account. One round trip. Raises InvalidToken if it was disabled after the guard read it."""
    account = find_active(caller.user_id)
    if account is None:
        raise InvalidToken
    return account


def get(user_id: str) -> Account:
    """Return a user who is active or disabled. One round trip. Raises NotFound."""
    with BatchGet() as batch:
        pending = store.get_account(batch, ids.validate_id(user_id))
    return require_existing(pending.value)


def get_with_permissions(user_id: str) -> tuple[Account, frozenset[str]]:
    """Return a user who is active or disabled, and the permissions of the roles. Raises NotFound.

    One round trip, and one for roles that are not cached.
    """
    with BatchGet() as batch:
        pending, epoch = store.get_account(batch, ids.validate_id(user_id)), roles.get_epoch(batch, user_id)
    account = require_existing(pending.value)
    return account, roles.get_permissions(account.user.roles, epoch.value or 0)


def require_existing(account: Account | None) -> Account:
    """Return an account that is not deleted. Raises NotFound."""
    if account is None or account.user.status == "deleted":
        raise NotFound
    return account


def update(tx: Transaction, current: Account, updated: User, *, error: ErrorFactory) -> None:
    """Update name, status and roles of a user, and the counters of the roles. Disabling ends all sessions.

    The transaction raises `error` if status or roles have changed, LastSuperuser, and RoleDeleted.
    """
    store.update(tx, current, updated, error=error)
    roles.update_holder_counts(
        tx, current.user.roles, updated.roles, was_active=current.user.is_active, is_active=updated.is_active
    )


def rename(caller: Caller, user: User, name: str) -> User:
    """Update the caller's name. Raises InvalidToken."""
    with Transaction() as tx:
        store.rename(tx, user.id, name)
        log(tx, caller, "accounts.update_profile", user.id)
    return user.model_copy(update={"name": name})


def soft_delete(tx: Transaction, account: Account, normalized_email: str, *, error: ErrorFactory) -> None:
    """Delete a user, and end all sessions. Another user can have the address after 30 days.

    The transaction raises `error` if the account has changed, and LastSuperuser.
    """
    roles.update_holder_counts(tx, account.user.roles, [], was_active=account.user.is_active, is_active=False)
    store.soft_delete(tx, account, normalized_email, clock.now() + _EMAIL_RESERVATION, error=error)
