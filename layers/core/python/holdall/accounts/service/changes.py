"""What people change of their accounts, and how they leave."""

from dataclasses import replace

from holdall.accounts import challenges, passwords, store
from holdall.accounts.model import ChangeEmail, ChangePassword, ResetPassword, check_password
from holdall.audit.service import record
from holdall.caller import Caller, Visitor
from holdall.errors import Conflict, Unauthenticated
from holdall.iam.model import Known, invalid_token, normal
from holdall.iam.service import sessions, users
from holdall.iam.tokens import TokenKind
from holdall.letters import service as letters
from holdall.letters.model import Kind, Letter
from holdall.limits import service as limits
from holdall.projects.service import leaving
from holdall.roles.service import SUPERUSER
from holdall.table import Reading, Transaction

_RACED = Conflict("account_changed", "The account was changed at this moment. Try again.")


def change_password(caller: Caller, said: ChangePassword) -> None:
    """Choose another password. The other sessions end, and the owner is told. Raises Unauthenticated and Invalid."""
    known = _confirmed(caller, said.current_password)
    check_password(said.new_password, known.user.email)
    hashed = passwords.hashed(said.new_password)
    with Transaction() as write:
        store.set_password(write, known.user.id, hashed)
        letter = guard_changed(write, caller, known, "your password", action="accounts.change-password")
    letters.post(letter)


def forget_password(visitor: Visitor, email: str) -> None:
    """Send a link to choose another password, to the address that is stored. Nobody learns whether there is one."""
    user_id = users.user_id_of(normal(email))
    known = users.known(user_id or "nobody")
    with Transaction() as write:
        if known is None:
            letter = letters.promise(write, Kind.NOBODY, email[:254])
        else:
            token = challenges.pose(
                write, TokenKind.RESET, known.user.id, user_id=known.user.id, email=known.user.email
            )
            letter = letters.promise(write, Kind.RESET, known.user.email, name=known.user.name, detail=token)
            record(write, visitor, "accounts.forgot-password", known.user.id)
    letters.post(letter)


def reset_password(visitor: Visitor, said: ResetPassword) -> None:
    """Choose another password by a link. All sessions end; nobody is signed in, and the second factor stays.

    Raises Unauthenticated for a link that does not count, and Invalid for a poor password, which uses up no link.
    """
    challenge = challenges.look(TokenKind.RESET, said.token)
    known = users.known(challenge.content["user_id"])
    if known is None or known.user.email != challenge.content["email"]:
        raise invalid_token()
    check_password(said.password, known.user.email)
    hashed = passwords.hashed(said.password)
    with Transaction() as write:
        challenges.take(write, challenge)
        store.set_password(write, known.user.id, hashed)
        sessions.end_all(write, known, proven=True, otherwise=_RACED)
        # Whoever had the account before may have asked to take its address elsewhere.
        challenges.void(write, TokenKind.EMAIL_CHANGE, known.user.id)
        record(write, visitor, "accounts.reset-password", known.user.id, actor=known.user.id)
        letter = letters.promise(
            write,
            Kind.CHANGED,
            known.user.email,
            name=known.user.name,
            detail="your password, by a link that was sent to you. All sessions have ended",
        )
    letters.post(letter)


def change_email(caller: Caller, said: ChangeEmail) -> None:
    """Ask the new address for proof. Nobody learns whether it has an account. Raises Unauthenticated."""
    known = _confirmed(caller, said.password)
    taken = users.user_id_of(normal(said.email)) is not None
    with Transaction() as write:
        token = challenges.pose(
            write, TokenKind.EMAIL_CHANGE, known.user.id, user_id=known.user.id, old=known.user.email, new=said.email
        )
        kind = Kind.NOBODY if taken else Kind.EMAIL_CHANGE
        letter = letters.promise(write, kind, said.email, name=known.user.name, detail="" if taken else token)
        record(write, caller, "accounts.change-email", known.user.id)
    letters.post(letter)


def confirm_email(visitor: Visitor, token: str) -> None:
    """Use the new address from now on, and tell the old one. Links that went to the old one are void.

    Raises Unauthenticated, and Conflict when somebody took the address meanwhile.
    """
    challenge = challenges.look(TokenKind.EMAIL_CHANGE, token)
    known = users.known(challenge.content["user_id"])
    old, new = challenge.content["old"], challenge.content["new"]
    if known is None or known.user.email != old:
        raise invalid_token()
    with Transaction() as write:
        challenges.take(write, challenge)
        challenges.void(write, TokenKind.RESET, known.user.id)
        users.change_address(write, known.user, normal(old), normal(new), new, otherwise=_RACED)
        record(write, visitor, "accounts.confirm-email", known.user.id, actor=known.user.id)
        letter = letters.promise(
            write, Kind.CHANGED, old, name=known.user.name, detail="the address, which is another one now"
        )
    letters.post(letter)


def leave(caller: Caller, password: str) -> None:
    """Delete the caller's account. Raises Unauthenticated, and Conflict for the last superuser."""
    depart(caller, _confirmed(caller, password), "it was deleted, as you asked")


def depart(caller: Caller, known: Known, told: str) -> None:
    """Delete an account: projects without another owner first, softly, then the user, whose letter says what was `told`.

    Stopped half-way, it is done again from the start: nothing is lost by it. Raises Conflict for the last superuser.
    """
    known = _step_down(caller, known)
    leaving.leave_all(caller, known.user.id)
    linked, codes = store.identities(known.user.id), store.recovery_codes(known.user.id)
    with Transaction() as write:
        users.bury(write, known, normal(known.user.email), otherwise=_RACED)
        store.remove_password(write, known.user.id)
        store.forget_factor(write, known.user.id)
        store.remove_recovery_codes(write, known.user.id, codes)
        for each in linked:  # so that its owner may begin anew with it
            store.remove_identity(write, known.user.id, each, otherwise=_RACED)
            users.release_identity(write, each.key)
        challenges.void(write, TokenKind.RESET, known.user.id)
        challenges.void(write, TokenKind.EMAIL_CHANGE, known.user.id)
        record(write, caller, "users.delete", known.user.id)
        letter = letters.promise(write, Kind.CHANGED, known.user.email, name=known.user.name, detail=told)
    leaving.leave_all(caller, known.user.id)  # once more: somebody may have let them in meanwhile
    letters.post(letter)


def guard_changed(write: Transaction, caller: Caller, known: Known, what: str, *, action: str) -> Letter:
    """End the other sessions and tell the owner, as part of a change of what guards the account."""
    session = sessions.session(caller.session_id)
    sessions.end_all(write, known, but=session, otherwise=_RACED)
    challenges.void(write, TokenKind.RESET, known.user.id)
    challenges.void(write, TokenKind.EMAIL_CHANGE, known.user.id)
    record(write, caller, action, known.user.id)
    detail = f"{what}. All other sessions have ended"
    return letters.promise(write, Kind.CHANGED, known.user.email, name=known.user.name, detail=detail)


def _step_down(caller: Caller, known: Known) -> Known:
    """A superuser gives that up before anything of theirs is touched: of two who leave at once, the last one keeps it all."""
    if known.user.status != "active" or SUPERUSER not in known.user.roles:
        return known
    left = [name for name in known.user.roles if name != SUPERUSER]
    stepped = known.user.model_copy(update={"roles": left})
    with Transaction() as write:
        users.change(write, known, stepped, otherwise=_RACED)
        record(write, caller, "users.revoke", known.user.id)
        record(write, caller, "roles.revoke", SUPERUSER)
    return replace(known, user=stepped)


def _confirmed(caller: Caller, password: str) -> Known:
    """The caller, who showed their password. An attempt is counted before it is hashed."""
    limits.take("password", caller.user_id)
    with Reading() as read:
        found, stored = users.user(read, caller.user_id), store.password(read, caller.user_id)
    if not passwords.matches(password, stored.value) or found.value is None:
        raise Unauthenticated("invalid_credentials", "The password is wrong.")
    return found.value
