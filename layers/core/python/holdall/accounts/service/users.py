"""Administration of users. No administrator can change a user, or grant a role, with permissions that they lack."""

import json
from collections.abc import Sequence

from holdall.accounts import store
from holdall.accounts.model import (
    MAX_ROLES,
    CreateUserRequest,
    ListedUser,
    OperatorOnly,
    OwnAccount,
    TooManyRoles,
    UnknownRole,
    UnsupportedFilter,
    UpdateUserRequest,
    UserChanged,
    check_password_strength,
)
from holdall.accounts.service import security, sign_up
from holdall.audit.service import log
from holdall.iam.model import Account, EmailTaken, User, normalize_email
from holdall.iam.service import users
from holdall.idempotency import service as idempotency
from holdall.platform import ids, passwords
from holdall.platform.caller import Caller
from holdall.platform.config import settings
from holdall.platform.errors import NotFound
from holdall.platform.pagination import Page, PageRequest, cut_page
from holdall.platform.table import BatchGet, Transaction
from holdall.roles import service as roles
from holdall.roles.model import SUPERUSER, Role


def list_users(email: str | None, user_ids: list[str] | None, page: PageRequest) -> Page[ListedUser]:
    """Return the users who are not deleted, newest first: all, or the one with an address, or those with these IDs.

    Two round trips, one more with an address, and one if there are users without a password. Raises UnsupportedFilter and
    ServiceUnavailable.
    """
    if email is not None and user_ids is not None:
        raise UnsupportedFilter
    if email is not None:
        user_id = users.find_user_id_by_email(normalize_email(email))
        found = Page(_get_existing([user_id] if user_id else []))
    elif user_ids is not None:
        found = cut_page(_get_existing(_in_order(user_ids, page)), page, position=lambda account: account.user.id)
    else:
        found = users.list_accounts(page)
    return Page(_to_listed(found.items), next=found.next, prev=found.prev)


def get(user_id: str) -> ListedUser:
    """Return a user who is active or disabled. Three round trips at most. Raises NotFound."""
    (user,) = _to_listed([users.get(user_id)])
    return user


def create(caller: Caller, request: CreateUserRequest) -> User:
    """Create a user. Without a password, send an invitation to choose one; repeat the request to send a new invitation.

    Raises PasswordTooWeak, UnknownRole, EmailTaken, and, logged, OperatorOnly and PermissionNotHeld.
    """
    _check_roles(caller, request.roles)
    password_hash = None
    if request.password is not None:
        check_password_strength(request.password, request.email)
        password_hash = passwords.hash_password(request.password)

    def work(tx: Transaction) -> User:
        account = sign_up.create_account(
            tx, caller, request.email, request.name, password_hash, action="users.create", roles=request.roles
        )
        if password_hash is None:
            sign_up.send_invitation(tx, account)
        return account.user

    try:
        return idempotency.run(caller, work, save=User.model_dump_json, replay=User.model_validate_json)
    except EmailTaken:
        if password_hash is not None:
            raise
        return _resend_invitation(caller, request)


def update(caller: Caller, user_id: str, request: UpdateUserRequest) -> User:
    """Update the name or the status of a user. Disabling ends all sessions for good.

    Raises NotFound, UserChanged, LastSuperuser, and, logged, PermissionNotHeld.
    """
    account = _get_manageable_user(caller, user_id, "users.update")
    current = account.user
    name, status = request.name or current.name, request.status or current.status
    updated = current.model_copy(update={"name": name, "status": status})
    if updated == current:
        return current
    action = "users.update"
    if status != current.status:
        action = "users.disable" if status == "disabled" else "users.enable"
    with Transaction() as tx:
        users.update(tx, account, updated, error=UserChanged)
        log(tx, caller, action, user_id)
    return updated


def delete(caller: Caller, user_id: str) -> None:
    """Delete a user, who is notified by email.

    Raises OwnAccount, NotFound, AccountChanged, LastSuperuser, and, logged, PermissionNotHeld.
    """
    if user_id == caller.user_id:
        raise OwnAccount
    account = _get_manageable_user(caller, user_id, "users.delete")
    security.delete_account(caller, account, "Your account was deleted by an administrator.")


def grant_role(caller: Caller, user_id: str, role_name: str) -> User:
    """Grant a role, with effect on the next request. Changes nothing if the user has it.

    Raises NotFound, UnknownRole, TooManyRoles, UserChanged, RoleDeleted, and, logged, OperatorOnly and PermissionNotHeld.
    """
    with BatchGet() as batch:
        pending, role = users.get_account(batch, ids.validate_id(user_id)), roles.get_role(batch, role_name)
    account = users.require_existing(pending.value)
    _check_grantable(caller, role_name, role.value, "users.roles.add", user_id, "/role")
    updated = _add_role(account.user, role_name)

    def work(tx: Transaction) -> User:
        if updated != account.user:
            users.update(tx, account, updated, error=UserChanged)
            log(tx, caller, "users.roles.add", user_id)
        return updated

    if updated == account.user and caller.idempotency_key is None:
        return updated
    return idempotency.run(caller, work, save=User.model_dump_json, replay=User.model_validate_json)


def revoke_role(caller: Caller, user_id: str, role_name: str) -> None:
    """Revoke a role, with effect on the next request.

    Raises NotFound, also if the user does not have the role, UserChanged, LastSuperuser, and, logged, PermissionNotHeld.
    """
    account = _get_manageable_user(caller, user_id, "users.roles.remove")
    if role_name not in account.user.roles:
        raise NotFound
    remaining = [name for name in account.user.roles if name != role_name]
    with Transaction() as tx:
        users.update(tx, account, account.user.model_copy(update={"roles": remaining}), error=UserChanged)
        log(tx, caller, "users.roles.remove", user_id)


def _in_order(user_ids: list[str], page: PageRequest) -> list[str]:
    """Return the IDs after the position of a page, in its direction."""
    return [
        user_id
        for user_id in sorted(set(user_ids), reverse=not page.backward)
        if page.position is None or (user_id > page.position if page.backward else user_id < page.position)
    ]


def _get_existing(user_ids: list[str]) -> list[Account]:
    """Return those of these users who are not deleted, in the same order. One round trip."""
    with BatchGet() as batch:
        pending = [users.get_account(batch, user_id) for user_id in user_ids]
    accounts = [each.value for each in pending]
    return [account for account in accounts if account and account.user.status != "deleted"]


def _to_listed(accounts: Sequence[Account]) -> list[ListedUser]:
    """Tell which of the users have not accepted their invitation. Two round trips at most."""
    with BatchGet() as batch:  # an account without a password is verified, see `create_account`
        password_hashes = {
            each.user.id: store.get_password_hash(batch, each.user.id)
            for each in accounts
            if each.user.is_active and each.email_verified
        }
    providers = [each["name"] for each in json.loads(settings().oauth_providers)]
    with BatchGet() as batch:
        identities = {
            user_id: [store.has_identity(batch, user_id, provider) for provider in providers]
            for user_id, password_hash in password_hashes.items()
            if password_hash.value is None
        }
    invited = {user_id for user_id, linked in identities.items() if not any(each.value for each in linked)}
    return [ListedUser(**each.user.model_dump(), invited=each.user.id in invited) for each in accounts]


def _resend_invitation(caller: Caller, request: CreateUserRequest) -> User:
    """Send a new invitation to a user who has not accepted one. Changes nothing else. Raises EmailTaken."""
    account = sign_up.find_unclaimed(users.find_user_id_by_email(normalize_email(request.email)) or "unknown")
    if account is None or set(account.user.roles) != set(request.roles):
        raise EmailTaken

    def work(tx: Transaction) -> User:
        sign_up.send_invitation(tx, account)
        log(tx, caller, "users.invite", account.user.id)
        return account.user

    return idempotency.run(caller, work, save=User.model_dump_json, replay=User.model_validate_json)


def _get_manageable_user(caller: Caller, user_id: str, action: str) -> Account:
    """Return a user who has no permission that the caller lacks. Raises NotFound, and, logged, PermissionNotHeld."""
    account, permissions = users.get_with_permissions(user_id)
    roles.check_can_grant(caller, permissions, action, user_id)
    return account


def _check_roles(caller: Caller, role_names: list[str]) -> None:
    with BatchGet() as batch:
        pending = [roles.get_role(batch, name) for name in role_names]
    for index, (name, role) in enumerate(zip(role_names, pending, strict=True)):
        _check_grantable(caller, name, role.value, "users.create", "users", f"/roles/{index}")


def _check_grantable(caller: Caller, role_name: str, role: Role | None, action: str, target: str, pointer: str) -> None:
    if role_name == SUPERUSER:
        roles.deny(caller, action, target, OperatorOnly)
    if role is None:
        raise UnknownRole(pointer=pointer)
    roles.check_can_grant(caller, role.permissions, action, target)


def _add_role(user: User, role_name: str) -> User:
    if role_name in user.roles:
        return user
    if len(user.roles) >= MAX_ROLES:
        raise TooManyRoles
    return user.model_copy(update={"roles": [*user.roles, role_name]})
