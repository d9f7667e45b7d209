"""What people change of their accounts, and how they leave."""

from dataclasses import replace

from holdall.accounts import challenges, passwords, store
from holdall.accounts.model import (
    ChangeEmailRequest,
    ChangePasswordRequest,
    ResetPasswordRequest,
    check_password_strength,
)
from holdall.audit.service import log
from holdall.emails import service as emails
from holdall.emails.model import Email, EmailKind
from holdall.iam.model import Account, invalid_token, normalize_email
from holdall.iam.service import sessions, users
from holdall.iam.tokens import TokenKind
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.errors import Conflict, Unauthenticated
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.service import account_deletion
from holdall.rate_limits import service as rate_limits
from holdall.roles.service import SUPERUSER

_ACCOUNT_CHANGED = Conflict("The account changed meanwhile. Try again.", code="account_changed")


def change_password(caller: Caller, request: ChangePasswordRequest) -> None:
    """Choose another password. The other sessions end, and the owner is told. Raises Unauthenticated and Invalid."""
    known = _verify_password(caller, request.current_password)
    check_password_strength(request.new_password, known.user.email)
    hashed = passwords.hash_password(request.new_password)
    with Transaction() as write:
        store.set_password(write, known.user.id, hashed)
        letter = on_security_change(write, caller, known, "your password", action="accounts.change_password")
    emails.dispatch(letter)


def request_password_reset(client: ClientInfo, email: str) -> None:
    """Send a link to choose another password, to the address that is stored. Nobody learns whether there is one."""
    user_id = users.find_user_id_by_email(normalize_email(email))
    known = users.find_active(user_id or "nobody")
    with Transaction() as write:
        if known is None:
            letter = emails.enqueue(write, EmailKind.DISCARD, email[:254])
        else:
            token = challenges.issue(
                write, TokenKind.RESET, known.user.id, user_id=known.user.id, email=known.user.email
            )
            letter = emails.enqueue(write, EmailKind.RESET, known.user.email, name=known.user.name, detail=token)
            log(write, client, "accounts.request_password_reset", known.user.id)
    emails.dispatch(letter)


def reset_password(client: ClientInfo, request: ResetPasswordRequest) -> None:
    """Choose another password by a link. All sessions end; nobody is signed in, and the second factor stays.

    Raises Unauthenticated for a link that does not count, and Invalid for a poor password, which uses up no link.
    """
    challenge = challenges.verify(TokenKind.RESET, request.token)
    known = users.find_active(challenge.payload["user_id"])
    if known is None or known.user.email != challenge.payload["email"]:
        raise invalid_token()
    check_password_strength(request.password, known.user.email)
    hashed = passwords.hash_password(request.password)
    with Transaction() as write:
        challenges.consume(write, challenge)
        store.set_password(write, known.user.id, hashed)
        sessions.revoke_all(write, known, email_verified=True, error=_ACCOUNT_CHANGED)
        # Whoever had the account before may have asked to take its address elsewhere.
        challenges.revoke(write, TokenKind.EMAIL_CHANGE, known.user.id)
        log(write, client, "accounts.reset_password", known.user.id, actor=known.user.id)
        letter = emails.enqueue(
            write,
            EmailKind.SECURITY_NOTICE,
            known.user.email,
            name=known.user.name,
            detail="your password, with a reset link. You were signed out everywhere",
        )
    emails.dispatch(letter)


def change_email(caller: Caller, request: ChangeEmailRequest) -> None:
    """Ask the new address for proof. Nobody learns whether it has an account. Raises Unauthenticated."""
    known = _verify_password(caller, request.password)
    taken = users.find_user_id_by_email(normalize_email(request.email)) is not None
    with Transaction() as write:
        token = challenges.issue(
            write,
            TokenKind.EMAIL_CHANGE,
            known.user.id,
            user_id=known.user.id,
            old_email=known.user.email,
            new_email=request.email,
        )
        kind = EmailKind.DISCARD if taken else EmailKind.EMAIL_CHANGE
        letter = emails.enqueue(write, kind, request.email, name=known.user.name, detail="" if taken else token)
        log(write, caller, "accounts.request_email_change", known.user.id)
    emails.dispatch(letter)


def confirm_email(client: ClientInfo, token: str) -> None:
    """Use the new address from now on, and tell the old one. Links that went to the old one are void.

    Raises Unauthenticated, and Conflict when somebody took the address meanwhile.
    """
    challenge = challenges.verify(TokenKind.EMAIL_CHANGE, token)
    known = users.find_active(challenge.payload["user_id"])
    old, new = challenge.payload["old_email"], challenge.payload["new_email"]
    if known is None or known.user.email != old:
        raise invalid_token()
    with Transaction() as write:
        challenges.consume(write, challenge)
        challenges.revoke(write, TokenKind.RESET, known.user.id)
        users.update_email(write, known.user, normalize_email(old), normalize_email(new), new, error=_ACCOUNT_CHANGED)
        log(write, client, "accounts.change_email", known.user.id, actor=known.user.id)
        letter = emails.enqueue(
            write,
            EmailKind.SECURITY_NOTICE,
            old,
            name=known.user.name,
            detail="your email address. You now sign in with another one",
        )
    emails.dispatch(letter)


def delete_own_account(caller: Caller, password: str) -> None:
    """Delete the caller's account. Raises Unauthenticated, and Conflict for the last superuser."""
    delete_account(caller, _verify_password(caller, password), "your account was deleted, as you requested")


def delete_account(caller: Caller, account: Account, reason: str) -> None:
    """Delete an account: projects without another owner first, softly, then the user, whose letter says what was `told`.

    Stopped half-way, it is done again from the start: nothing is lost by it. Raises Conflict for the last superuser.
    """
    account = _drop_superuser(caller, account)
    account_deletion.remove_from_all_projects(caller, account.user.id)
    linked, codes = store.list_identities(account.user.id), store.list_recovery_code_digests(account.user.id)
    with Transaction() as write:
        users.soft_delete(write, account, normalize_email(account.user.email), error=_ACCOUNT_CHANGED)
        store.delete_password(write, account.user.id)
        store.delete_totp_factor_if_exists(write, account.user.id)
        store.delete_recovery_codes(write, account.user.id, codes)
        for each in linked:  # so that its owner may begin anew with it
            store.delete_identity(write, account.user.id, each, error=_ACCOUNT_CHANGED)
            users.release_identity(write, each.unique_key)
        challenges.revoke(write, TokenKind.RESET, account.user.id)
        challenges.revoke(write, TokenKind.EMAIL_CHANGE, account.user.id)
        log(write, caller, "users.delete", account.user.id)
        letter = emails.enqueue(
            write, EmailKind.SECURITY_NOTICE, account.user.email, name=account.user.name, detail=reason
        )
    account_deletion.remove_from_all_projects(
        caller, account.user.id
    )  # once more: somebody may have let them in meanwhile
    emails.dispatch(letter)


def on_security_change(tx: Transaction, caller: Caller, account: Account, change: str, *, action: str) -> Email:
    """End the other sessions and tell the owner, as part of a change of what guards the account."""
    session = sessions.get_session(caller.session_id)
    sessions.revoke_all(tx, account, except_session=session, error=_ACCOUNT_CHANGED)
    challenges.revoke(tx, TokenKind.RESET, account.user.id)
    challenges.revoke(tx, TokenKind.EMAIL_CHANGE, account.user.id)
    log(tx, caller, action, account.user.id)
    detail = f"{change}. You were signed out everywhere else"
    return emails.enqueue(tx, EmailKind.SECURITY_NOTICE, account.user.email, name=account.user.name, detail=detail)


def _drop_superuser(caller: Caller, account: Account) -> Account:
    """A superuser gives that up before anything of theirs is touched: of two who leave at once, the last one keeps it all."""
    if account.user.status != "active" or SUPERUSER not in account.user.roles:
        return account
    left = [name for name in account.user.roles if name != SUPERUSER]
    stepped = account.user.model_copy(update={"roles": left})
    with Transaction() as write:
        users.update(write, account, stepped, error=_ACCOUNT_CHANGED)
        log(write, caller, "users.roles.remove", account.user.id)
        log(write, caller, "roles.revoke", SUPERUSER)
    return replace(account, user=stepped)


def _verify_password(caller: Caller, password: str) -> Account:
    """The caller, who showed their password. An attempt is counted before it is hashed."""
    rate_limits.hit("password", caller.user_id)
    with BatchGet() as read:
        found, stored = users.get_account(read, caller.user_id), store.get_password_hash(read, caller.user_id)
    if not passwords.verify(password, stored.value) or found.value is None:
        raise Unauthenticated("The password is incorrect.", code="invalid_credentials")
    return found.value
