"""What administrators do with the accounts of others: never more than they could do themselves."""

from functools import partial

from holdall.accounts import passwords
from holdall.accounts.model import CreateUserRequest, UpdateUserRequest, check_password_strength
from holdall.accounts.service import security, sign_in
from holdall.audit.service import log
from holdall.emails import service as emails
from holdall.iam.model import Account, User, normalize_email
from holdall.iam.service import users
from holdall.idempotency import service as idempotency
from holdall.platform import ids
from holdall.platform.caller import Caller
from holdall.platform.errors import Conflict, Forbidden, NotFound, ValidationFailed
from holdall.platform.table import BatchGet, Transaction
from holdall.roles import service as roles
from holdall.roles.model import Role

_MAX_ROLES = 20  # of one user
_USER_CHANGED = Conflict("The user changed meanwhile. Try again.", code="user_changed")


class OperatorOnly(Forbidden):
    """Superusers cannot be created over HTTP."""

    code, detail = "operator_only", "Only the operator of this installation can create superusers."


def create(caller: Caller, request: CreateUserRequest) -> User:
    """Make an account. Without a password its owner is asked by letter to choose one; asked again before that, another link.

    Raises Invalid for a poor password or an unknown role, Forbidden, audited, for roles that hold more than the caller, and
    Conflict for an address that is taken.
    """
    _check_roles(caller, request.roles)
    if request.password is not None:
        check_password_strength(request.password, request.email)
    hashed = None if request.password is None else passwords.hash_password(request.password)

    def work(tx: Transaction) -> User:
        account = sign_in.create_account(
            tx, caller, request.email, request.name, hashed, action="users.create", roles=request.roles
        )
        for name in request.roles:
            log(tx, caller, "roles.grant", name)
        if hashed is None:
            tx.on_commit(partial(emails.dispatch, sign_in.send_invitation(tx, account)))
        return account.user

    try:
        return idempotency.run(caller, work, save=User.model_dump_json, replay=User.model_validate_json)
    except Conflict as conflict:
        if conflict.code != "email_taken" or hashed is not None:
            raise
        return _resend_invitation(caller, request, conflict)


def update(caller: Caller, user_id: str, request: UpdateUserRequest) -> User:
    """Change a name, or let somebody in no longer, or again: their sessions end, and stay ended.

    Raises NotFound, Forbidden, audited, for who holds more than the caller, and Conflict for the last superuser.
    """
    seen = _get_manageable_user(caller, user_id, "users.update")
    name, status = request.name or seen.user.name, request.status or seen.user.status
    changed = seen.user.model_copy(update={"name": name, "status": status})
    if (name, status) == (seen.user.name, seen.user.status):
        return changed
    action = "users.update"
    if status != seen.user.status:
        action = "users.disable" if status == "disabled" else "users.enable"
    with Transaction() as write:
        users.update(write, seen, changed, error=_USER_CHANGED)
        log(write, caller, action, user_id)
    return changed


def delete(caller: Caller, user_id: str) -> None:
    """Delete somebody's account, as they could themselves; they are told by letter.

    Raises NotFound, Forbidden, audited, for who holds more than the caller, and Conflict for the last superuser and oneself.
    """
    if user_id == caller.user_id:  # a session that was forgotten somewhere is not enough for that
        raise Conflict("Use DELETE /users/me with your password to delete your own account.", code="own_account")
    known = _get_manageable_user(caller, user_id, "users.delete")
    security.delete_account(caller, known, "your account was deleted by an administrator")


def grant_role(caller: Caller, user_id: str, role_name: str) -> User:
    """Give somebody a role, which counts with their next request; one that they hold already changes nothing.

    Raises NotFound, Invalid for an unknown role, Forbidden, audited, for one that holds more than the caller, and Conflict.
    """
    with BatchGet() as read:
        found, wanted = users.get_account(read, ids.validate_id(user_id)), roles.get_role(read, role_name)
    seen = users.require_existing(found.value)
    _check_grantable(caller, role_name, wanted.value, "users.roles.add", user_id, "/role")
    changed = _add_role(seen.user, role_name)
    if changed is seen.user and caller.idempotency_key is None:
        return changed

    def work(tx: Transaction) -> User:
        if changed is not seen.user:
            users.update(tx, seen, changed, error=_USER_CHANGED)
            log(tx, caller, "users.roles.add", user_id)
            log(tx, caller, "roles.grant", role_name)
        return changed

    return idempotency.run(caller, work, save=User.model_dump_json, replay=User.model_validate_json)


def revoke_role(caller: Caller, user_id: str, role_name: str) -> None:
    """Take a role from somebody, from their next request on.

    Raises NotFound, also for a role that they do not hold, Forbidden, audited, for who holds more than the caller, and Conflict
    for the last superuser.
    """
    seen = _get_manageable_user(caller, user_id, "users.roles.remove")
    if role_name not in seen.user.roles:
        raise NotFound
    changed = seen.user.model_copy(update={"roles": [each for each in seen.user.roles if each != role_name]})
    with Transaction() as write:
        users.update(write, seen, changed, error=_USER_CHANGED)
        log(write, caller, "users.roles.remove", user_id)
        log(write, caller, "roles.revoke", role_name)


def _resend_invitation(caller: Caller, request: CreateUserRequest, conflict: Conflict) -> User:
    """Send another link to who was asked before and has not come yet; the account stays as it is."""
    known = sign_in.find_unclaimed(users.find_user_id_by_email(normalize_email(request.email)) or "nobody")
    if known is None or set(known.user.roles) != set(request.roles):
        raise conflict

    def work(tx: Transaction) -> User:
        tx.on_commit(partial(emails.dispatch, sign_in.send_invitation(tx, known)))
        log(tx, caller, "users.invite", known.user.id)
        return known.user

    return idempotency.run(caller, work, save=User.model_dump_json, replay=User.model_validate_json)


def _get_manageable_user(caller: Caller, user_id: str, action: str) -> Account:
    """Somebody who holds nothing that the caller lacks."""
    known, held = users.get_with_permissions(user_id)
    roles.check_can_grant(caller, held, action, user_id)
    return known


def _check_roles(caller: Caller, role_names: list[str]) -> None:
    with BatchGet() as read:
        wanted = [roles.get_role(read, name) for name in role_names]
    for number, (name, each) in enumerate(zip(role_names, wanted, strict=True)):
        _check_grantable(caller, name, each.value, "users.create", "users", f"/roles/{number}")


def _check_grantable(caller: Caller, role_name: str, role: Role | None, action: str, target: str, pointer: str) -> None:
    if role_name == roles.SUPERUSER:
        roles.deny(caller, action, target, OperatorOnly)
    if role is None:
        raise ValidationFailed("This role does not exist.", code="unknown_role", pointer=pointer)
    roles.check_can_grant(caller, role.permissions, action, target)


def _add_role(user: User, role_name: str) -> User:
    if role_name in user.roles:
        return user
    if len(user.roles) >= _MAX_ROLES:
        raise Conflict(f"A user can have at most {_MAX_ROLES} roles.", code="too_many_roles")
    return user.model_copy(update={"roles": [*user.roles, role_name]})
