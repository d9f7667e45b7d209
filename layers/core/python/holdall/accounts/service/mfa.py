"""The second factor: codes of an authenticator, and recovery codes for the day when it is lost."""

from holdall.accounts import encryption, recovery_codes, store, totp
from holdall.accounts.model import RecoveryCodesResponse, TotpSetupResponse
from holdall.accounts.service import security
from holdall.emails import service as emails
from holdall.iam.service import users
from holdall.platform import clock
from holdall.platform.caller import Caller
from holdall.platform.errors import Conflict, Unauthenticated
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.rate_limits import service as rate_limits

_ISSUER = "Holdall"
_WRONG_CODE = Unauthenticated("The code is incorrect or was already used.", code="wrong_code")
_ALREADY_ENABLED = Conflict("Two-factor authentication is already enabled.", code="wrong_state")
_NOT_ENABLED = Conflict("Two-factor authentication is not enabled.", code="wrong_state")


def is_enabled(batch: BatchGet, user_id: str) -> Pending[bool]:
    """Ask whether a user's logins want a second factor."""
    return store.get_totp_enabled(batch, user_id)


def set_up(caller: Caller) -> TotpSetupResponse:
    """A new seed, which counts once it is enabled. Raises Conflict while a second factor is on."""
    known = users.current_account(caller)
    seed = totp.new_seed()
    with Transaction() as write:
        store.put_totp_factor(write, caller.user_id, encryption.encrypt(seed, caller.user_id), error=_ALREADY_ENABLED)
    uri = totp.otpauth_uri(seed, known.user.email, _ISSUER)
    return TotpSetupResponse(secret=seed, otpauth_uri=uri, qr_svg=totp.render_qr_svg(uri))


def enable(caller: Caller, code: str) -> RecoveryCodesResponse:
    """Turn the second factor on, by a first code. The other sessions end. Raises Unauthenticated, Conflict and TooMany."""
    taken = rate_limits.hit("second-factor", caller.user_id)
    factor = store.find_totp_factor(caller.user_id)
    if factor is None or factor.enabled:
        raise _NOT_ENABLED if factor is None else _ALREADY_ENABLED
    step = totp.find_matching_step(
        encryption.decrypt(factor.encrypted_seed, caller.user_id), code, clock.now(), after=factor.last_step
    )
    if step is None:
        raise _WRONG_CODE
    known, codes = users.current_account(caller), recovery_codes.new_codes()
    with Transaction() as write:
        rate_limits.refund(write, taken)
        store.enable_totp_factor(write, caller.user_id, factor, step, error=_WRONG_CODE)
        store.add_recovery_codes(write, caller.user_id, [recovery_codes.sha256_hex(each) for each in codes])
        letter = security.on_security_change(
            write, caller, known, "two-factor authentication was enabled", action="accounts.enable_mfa"
        )
    emails.dispatch(letter)
    return RecoveryCodesResponse(recovery_codes=codes)


def disable(caller: Caller) -> None:
    """Turn the second factor off. The other sessions end. Raises Conflict when it is not on."""
    known, old = users.current_account(caller), store.list_recovery_code_digests(caller.user_id)
    with Transaction() as write:
        store.delete_totp_factor(write, caller.user_id, error=_NOT_ENABLED)
        store.delete_recovery_codes(write, caller.user_id, old)
        letter = security.on_security_change(
            write, caller, known, "two-factor authentication was disabled", action="accounts.disable_mfa"
        )
    emails.dispatch(letter)


def regenerate_codes(caller: Caller) -> RecoveryCodesResponse:
    """New recovery codes; the old ones are void. Raises Conflict when the second factor is not on."""
    known, old, codes = (
        users.current_account(caller),
        store.list_recovery_code_digests(caller.user_id),
        recovery_codes.new_codes(),
    )
    with Transaction() as write:
        store.check_totp_enabled(write, caller.user_id, error=_NOT_ENABLED)
        store.delete_recovery_codes(write, caller.user_id, old)
        store.add_recovery_codes(write, caller.user_id, [recovery_codes.sha256_hex(each) for each in codes])
        letter = security.on_security_change(
            write, caller, known, "the recovery codes were regenerated", action="accounts.regenerate_recovery_codes"
        )
    emails.dispatch(letter)
    return RecoveryCodesResponse(recovery_codes=codes)


def consume_code(tx: Transaction, user_id: str, *, code: str | None, recovery_code: str | None) -> None:
    """Use a code up, as part of a login: each step and each recovery code counts once, under a race too.

    Raises Unauthenticated at once for a wrong one; the transaction raises it for one that was used at this moment.
    """
    if recovery_code is not None:
        store.consume_recovery_code(tx, user_id, recovery_codes.sha256_hex(recovery_code), error=_WRONG_CODE)
        return
    factor = store.find_totp_factor(user_id)
    if factor is None or not factor.enabled or code is None:
        raise _WRONG_CODE
    step = totp.find_matching_step(
        encryption.decrypt(factor.encrypted_seed, user_id), code, clock.now(), after=factor.last_step
    )
    if step is None:
        raise _WRONG_CODE
    store.consume_totp_step(tx, user_id, step, error=_WRONG_CODE)
