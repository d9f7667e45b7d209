"""Changes of the credentials of an account, and its deletion."""

from dataclasses import replace

from holdall.accounts import challenges, store
from holdall.accounts.challenges import EmailChangePayload, PasswordResetPayload
from holdall.accounts.model import (
    AccountChanged,
    ChangeEmailRequest,
    ChangePasswordRequest,
    InvalidCredentials,
    ResetPasswordRequest,
    check_password_strength,
)
from holdall.audit.service import log
from holdall.emails import service as emails
from holdall.emails.model import Discard, EmailChange, PasswordReset, SecurityNotice
from holdall.iam.model import Account, InvalidToken, normalize_email
from holdall.iam.service import sessions, users
from holdall.platform import passwords
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.service import account_deletion
from holdall.rate_limits import service as rate_limits
from holdall.roles.model import SUPERUSER


def change_password(caller: Caller, request: ChangePasswordRequest) -> None:
    """Change the caller's password. Ends the other sessions. Raises InvalidCredentials, TooManyRequests and PasswordTooWeak."""
    account = _verify_password(caller, request.current_password)
    check_password_strength(request.new_password, account.user.email)
    password_hash = passwords.hash_password(request.new_password)
    with Transaction() as tx:
        store.set_password(tx, account.user.id, password_hash)
        on_security_change(tx, caller, account, "Your password was changed.", action="accounts.change_password")


def request_password_reset(client: ClientInfo, email: str) -> None:
    """Send a link to the stored address. The response does not reveal whether the address has an account."""
    user_id = users.find_user_id_by_email(normalize_email(email))
    account, can_send = users.find_active(user_id or "unknown"), challenges.can_send(PasswordResetPayload, email)
    with Transaction() as tx:
        if account is None or not can_send:
            emails.enqueue(tx, email, Discard())
            return
        user = account.user
        token = challenges.issue(tx, user.id, PasswordResetPayload(user.id, user.email))
        emails.enqueue(tx, user.email, PasswordReset(user.name, token))
        log(tx, client, "accounts.request_password_reset", user.id)


def reset_password(client: ClientInfo, request: ResetPasswordRequest) -> None:
    """Set a new password with a link. Ends all sessions and creates none. The second factor stays.

    Raises InvalidToken, and PasswordTooWeak, which does not use the link up.
    """
    challenge = challenges.verify(PasswordResetPayload, request.token)
    account = users.find_active(challenge.payload.user_id)
    if account is None or account.user.email != challenge.payload.email:
        raise InvalidToken
    check_password_strength(request.password, account.user.email)
    password_hash = passwords.hash_password(request.password)
    with Transaction() as tx:
        challenges.consume(tx, challenge)
        store.set_password(tx, account.user.id, password_hash)
        sessions.revoke_all(tx, account, email_verified=True, error=AccountChanged)
        # An attacker who had access to the account may have asked for a change of its address.
        challenges.revoke(tx, EmailChangePayload, account.user.id)
        log(tx, client, "accounts.reset_password", account.user.id, actor=account.user.id)
        change = "Your password was reset with a link. You were signed out everywhere."
        emails.enqueue(tx, account.user.email, SecurityNotice(account.user.name, change))


def change_email(caller: Caller, request: ChangeEmailRequest) -> None:
    """Send a link to a new address. The response does not reveal whether it has an account.

    Raises InvalidCredentials and TooManyRequests.
    """
    user = _verify_password(caller, request.password).user
    is_taken = users.find_user_id_by_email(normalize_email(request.email)) is not None
    can_send = challenges.can_send(EmailChangePayload, request.email)
    with Transaction() as tx:
        if not can_send:
            emails.enqueue(tx, request.email, Discard())
            return
        token = challenges.issue(tx, user.id, EmailChangePayload(user.id, user.email, request.email))
        emails.enqueue(tx, request.email, Discard() if is_taken else EmailChange(token))
        log(tx, caller, "accounts.request_email_change", user.id)


def confirm_email(client: ClientInfo, token: str) -> None:
    """Change the address of an account with a link, and notify the old address. Revokes the links that were sent to it.

    Raises InvalidToken, AccountChanged, and EmailTaken if another account has taken the address meanwhile.
    """
    challenge = challenges.verify(EmailChangePayload, token)
    account = users.find_active(challenge.payload.user_id)
    old, new = challenge.payload.old_email, challenge.payload.new_email
    if account is None or account.user.email != old:
        raise InvalidToken
    user = account.user
    with Transaction() as tx:
        challenges.consume(tx, challenge)
        challenges.revoke(tx, PasswordResetPayload, user.id)
        users.update_email(tx, user, normalize_email(old), normalize_email(new), new, error=AccountChanged)
        log(tx, client, "accounts.change_email", user.id, actor=user.id)
        change = "Your email address was changed. Use the new address to sign in."
        emails.enqueue(tx, old, SecurityNotice(user.name, change))


def delete_own_account(caller: Caller, password: str) -> None:
    """Delete the caller's account. Raises InvalidCredentials, TooManyRequests, AccountChanged and LastSuperuser."""
    delete_account(caller, _verify_password(caller, password), "Your account was deleted at your request.")


def delete_account(caller: Caller, account: Account, change: str) -> None:
    """Delete an account, and before it, softly, the projects that have no other owner. Tell the owner about the change.

    If it stops halfway, the next call completes it. Raises AccountChanged and LastSuperuser.
    """
    account = _drop_superuser(caller, account)
    user_id = account.user.id
    account_deletion.remove_from_all_projects(caller, user_id)
    identities, recovery_codes = store.list_identities(user_id), store.list_recovery_code_digests(user_id)
    with Transaction() as tx:
        users.soft_delete(tx, account, normalize_email(account.user.email), error=AccountChanged)
        store.delete_password(tx, user_id)
        store.delete_totp_factor_if_exists(tx, user_id)
        store.delete_recovery_codes(tx, user_id, recovery_codes)
        for identity in identities:  # another account can have them
            store.delete_identity(tx, user_id, identity, error=AccountChanged)
            users.release_identity(tx, identity.unique_key)
        _revoke_links(tx, user_id)
        log(tx, caller, "users.delete", user_id)
        emails.enqueue(tx, account.user.email, SecurityNotice(account.user.name, change))
    # Again, because another user may have added the account to a project meanwhile.
    account_deletion.remove_from_all_projects(caller, user_id)


def on_security_change(tx: Transaction, caller: Caller, account: Account, change: str, *, action: str) -> None:
    """End the other sessions of the caller, revoke links, and notify the owner. The transaction raises AccountChanged."""
    session = sessions.get_session(caller.require_session_id())
    sessions.revoke_all(tx, account, except_session=session, error=AccountChanged)
    _revoke_links(tx, account.user.id)
    log(tx, caller, action, account.user.id)
    notice = SecurityNotice(account.user.name, f"{change} You were signed out everywhere else.")
    emails.enqueue(tx, account.user.email, notice)


def _revoke_links(tx: Transaction, user_id: str) -> None:
    challenges.revoke(tx, PasswordResetPayload, user_id)
    challenges.revoke(tx, EmailChangePayload, user_id)


def _drop_superuser(caller: Caller, account: Account) -> Account:
    """Revoke the role `superuser` before anything else is deleted. So the last of two who leave at once loses nothing."""
    if not account.user.is_active or SUPERUSER not in account.user.roles:
        return account
    remaining = [name for name in account.user.roles if name != SUPERUSER]
    user = account.user.model_copy(update={"roles": remaining})
    with Transaction() as tx:
        users.update(tx, account, user, error=AccountChanged)
        log(tx, caller, "users.roles.remove", user.id)
    return replace(account, user=user)


def _verify_password(caller: Caller, password: str) -> Account:
    """Return the caller's account. An attempt is counted before its password is hashed."""
    rate_limits.hit("password", caller.user_id)
    with BatchGet() as batch:
        account = users.get_account(batch, caller.user_id)
        password_hash = store.get_password_hash(batch, caller.user_id)
    if not passwords.verify(password, password_hash.value) or account.value is None:
        raise InvalidCredentials("The password is incorrect.")
    return account.value
