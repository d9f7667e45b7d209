"""What administrators do with the accounts of others: never more than they could do themselves."""

from holdall import ids
from holdall.accounts import passwords
from holdall.accounts.model import ChangeUser, NewUser, check_password
from holdall.accounts.service import changes, entry
from holdall.audit.service import record
from holdall.caller import Caller
from holdall.errors import Conflict, Forbidden, Invalid, NotFound
from holdall.iam.model import Known, User, normal
from holdall.iam.service import users
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import Repeated
from holdall.letters import service as letters
from holdall.roles import service as roles
from holdall.roles.model import Role
from holdall.table import Reading, Transaction

_MOST_ROLES = 20  # of one user
_RACED = Conflict("user_changed", "The user was changed at this moment. Try again.")
_OPERATOR_ONLY = Forbidden("operator_only", "A superuser is made by the operator of this installation alone.")


def create(caller: Caller, new: NewUser) -> User:
    """Make an account. Without a password its owner is asked by letter to choose one; asked again before that, another link.

    Raises Invalid for a poor password or an unknown role, Forbidden, audited, for roles that hold more than the caller, and
    Conflict for an address that is taken.
    """
    _check_roles(caller, new.roles)
    if new.password is not None:
        check_password(new.password, new.email)
    hashed = None if new.password is None else passwords.hashed(new.password)
    try:
        with Transaction() as write:
            known = entry.make(write, caller, new.email, new.name, hashed, action="users.create", roles=new.roles)
            for name in new.roles:
                record(write, caller, "roles.grant", name)
            letter = entry.ask_in(write, known) if hashed is None else None
            idempotency.keep(write, caller, known.user.model_dump_json())
    except Repeated:
        return User.model_validate_json(idempotency.outcome(caller))
    except Conflict as conflict:
        if conflict.code != "email_taken" or hashed is not None:
            raise
        return _ask_again(caller, new, conflict)
    if letter:
        letters.post(letter)
    return known.user


def change(caller: Caller, user_id: str, said: ChangeUser) -> User:
    """Change a name, or let somebody in no longer, or again: their sessions end, and stay ended.

    Raises NotFound, Forbidden, audited, for who holds more than the caller, and Conflict for the last superuser.
    """
    seen = _within_rights(caller, user_id, "users.update")
    name, status = said.name or seen.user.name, said.status or seen.user.status
    changed = seen.user.model_copy(update={"name": name, "status": status})
    if (name, status) == (seen.user.name, seen.user.status):
        return changed
    action = "users.update"
    if status != seen.user.status:
        action = "users.disable" if status == "disabled" else "users.enable"
    with Transaction() as write:
        users.change(write, seen, changed, otherwise=_RACED)
        record(write, caller, action, user_id)
    return changed


def delete(caller: Caller, user_id: str) -> None:
    """Delete somebody's account, as they could themselves; they are told by letter.

    Raises NotFound, Forbidden, audited, for who holds more than the caller, and Conflict for the last superuser and oneself.
    """
    if user_id == caller.user_id:  # a session that was forgotten somewhere is not enough for that
        raise Conflict("own_account", "Delete your own account by DELETE /users/me, which asks for the password.")
    known = _within_rights(caller, user_id, "users.delete")
    changes.depart(caller, known, "it was deleted by an administrator")


def grant(caller: Caller, user_id: str, name: str) -> User:
    """Give somebody a role, which counts with their next request; one that they hold already changes nothing.

    Raises NotFound, Invalid for an unknown role, Forbidden, audited, for one that holds more than the caller, and Conflict.
    """
    with Reading() as read:
        found, wanted = users.user(read, ids.as_id(user_id)), roles.role(read, name)
    seen = users.there(found.value)
    _check_giveable(caller, name, wanted.value, "users.grant", user_id, "/role")
    changed = _with_role(seen.user, name)
    if changed is seen.user and caller.once is None:
        return changed
    try:
        with Transaction() as write:
            if changed is not seen.user:
                users.change(write, seen, changed, otherwise=_RACED)
                record(write, caller, "users.grant", user_id)
                record(write, caller, "roles.grant", name)
            idempotency.keep(write, caller, changed.model_dump_json())
    except Repeated:
        return User.model_validate_json(idempotency.outcome(caller))
    return changed


def revoke(caller: Caller, user_id: str, name: str) -> None:
    """Take a role from somebody, from their next request on.

    Raises NotFound, also for a role that they do not hold, Forbidden, audited, for who holds more than the caller, and Conflict
    for the last superuser.
    """
    seen = _within_rights(caller, user_id, "users.revoke")
    if name not in seen.user.roles:
        raise NotFound
    changed = seen.user.model_copy(update={"roles": [each for each in seen.user.roles if each != name]})
    with Transaction() as write:
        users.change(write, seen, changed, otherwise=_RACED)
        record(write, caller, "users.revoke", user_id)
        record(write, caller, "roles.revoke", name)


def _ask_again(caller: Caller, new: NewUser, conflict: Conflict) -> User:
    """Send another link to who was asked before and has not come yet; the account stays as it is."""
    known = entry.unused(users.user_id_of(normal(new.email)) or "nobody")
    if known is None or set(known.user.roles) != set(new.roles):
        raise conflict
    try:
        with Transaction() as write:
            letter = entry.ask_in(write, known)
            record(write, caller, "users.invite", known.user.id)
            idempotency.keep(write, caller, known.user.model_dump_json())
    except Repeated:
        return User.model_validate_json(idempotency.outcome(caller))
    letters.post(letter)
    return known.user


def _within_rights(caller: Caller, user_id: str, action: str) -> Known:
    """Somebody who holds nothing that the caller lacks."""
    known, held = users.with_rights(user_id)
    roles.check_covers(caller, held, action, user_id)
    return known


def _check_roles(caller: Caller, names: list[str]) -> None:
    with Reading() as read:
        wanted = [roles.role(read, name) for name in names]
    for number, (name, each) in enumerate(zip(names, wanted, strict=True)):
        _check_giveable(caller, name, each.value, "users.create", "users", f"/roles/{number}")


def _check_giveable(caller: Caller, name: str, role: Role | None, action: str, target: str, pointer: str) -> None:
    if name == roles.SUPERUSER:
        raise roles.denied(caller, action, target, _OPERATOR_ONLY)
    if role is None:
        raise Invalid("unknown_role", "There is no role with this name.", pointer=pointer)
    roles.check_covers(caller, role.permissions, action, target)


def _with_role(user: User, name: str) -> User:
    if name in user.roles:
        return user
    if len(user.roles) >= _MOST_ROLES:
        raise Conflict("too_many_roles", f"A user holds at most {_MOST_ROLES} roles.")
    return user.model_copy(update={"roles": [*user.roles, name]})
