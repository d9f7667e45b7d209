"""The second factor: codes of an authenticator app, and recovery codes for its loss."""

from holdall.accounts import encryption, recovery_codes, store, totp
from holdall.accounts.model import (
    MfaAlreadyEnabled,
    MfaNotEnabled,
    RecoveryCodesResponse,
    TotpFactor,
    TotpSetupResponse,
    WrongCode,
)
from holdall.accounts.service.security import on_security_change
from holdall.accounts.store import get_totp_enabled as is_enabled
from holdall.iam.service import users
from holdall.platform import clock
from holdall.platform.caller import Caller
from holdall.platform.table import Transaction
from holdall.rate_limits import service as rate_limits

__all__ = ["consume_code", "disable", "enable", "find_enabled_factor", "is_enabled", "regenerate_codes", "set_up"]

_ISSUER = "Holdall"


def find_enabled_factor(caller: Caller) -> TotpFactor | None:
    """Return the caller's second factor if it is enabled. One round trip."""
    factor = store.find_totp_factor(caller.user_id)
    return factor if factor and factor.enabled else None


def set_up(caller: Caller) -> TotpSetupResponse:
    """Return a new seed, which counts when it is enabled. Raises MfaAlreadyEnabled."""
    account, seed = users.current_account(caller), totp.new_seed()
    with Transaction() as tx:
        store.put_totp_factor(tx, caller.user_id, encryption.encrypt(seed, caller.user_id))
    uri = totp.otpauth_uri(seed, account.user.email, _ISSUER)
    return TotpSetupResponse(secret=seed, otpauth_uri=uri, qr_svg=totp.render_qr_svg(uri))


def enable(caller: Caller, code: str) -> RecoveryCodesResponse:
    """Enable the second factor with its first code. Ends the other sessions.

    Raises WrongCode, TooManyRequests, MfaNotEnabled if it was not set up, and MfaAlreadyEnabled.
    """
    hit = rate_limits.hit("second-factor", caller.user_id)
    factor = store.find_totp_factor(caller.user_id)
    if factor is None:
        raise MfaNotEnabled
    if factor.enabled:
        raise MfaAlreadyEnabled
    step = _find_step(caller.user_id, factor, code)
    account, codes = users.current_account(caller), recovery_codes.new_codes()
    with Transaction() as tx:
        rate_limits.refund(tx, hit)
        store.enable_totp_factor(tx, caller.user_id, factor, step)
        store.add_recovery_codes(tx, caller.user_id, [recovery_codes.sha256_hex(each) for each in codes])
        change = "Two-factor authentication was enabled."
        on_security_change(tx, caller, account, change, action="accounts.enable_mfa")
    return RecoveryCodesResponse(recovery_codes=codes)


def disable(caller: Caller) -> None:
    """Disable the second factor. Ends the other sessions. Raises MfaNotEnabled."""
    account, digests = users.current_account(caller), store.list_recovery_code_digests(caller.user_id)
    with Transaction() as tx:
        store.delete_totp_factor(tx, caller.user_id)
        store.delete_recovery_codes(tx, caller.user_id, digests)
        change = "Two-factor authentication was disabled."
        on_security_change(tx, caller, account, change, action="accounts.disable_mfa")


def regenerate_codes(caller: Caller) -> RecoveryCodesResponse:
    """Replace the recovery codes. Ends the other sessions. Raises MfaNotEnabled."""
    account, digests = users.current_account(caller), store.list_recovery_code_digests(caller.user_id)
    codes = recovery_codes.new_codes()
    with Transaction() as tx:
        store.check_totp_enabled(tx, caller.user_id)
        store.delete_recovery_codes(tx, caller.user_id, digests)
        store.add_recovery_codes(tx, caller.user_id, [recovery_codes.sha256_hex(each) for each in codes])
        change = "Your recovery codes were replaced."
        on_security_change(tx, caller, account, change, action="accounts.regenerate_recovery_codes")
    return RecoveryCodesResponse(recovery_codes=codes)


def consume_code(tx: Transaction, user_id: str, *, code: str | None, recovery_code: str | None) -> None:
    """Use up a code or a recovery code in a sign-in. Raises WrongCode.

    The transaction raises WrongCode too, if another request used the same code first.
    """
    if recovery_code is not None:
        store.consume_recovery_code(tx, user_id, recovery_codes.sha256_hex(recovery_code))
        return
    factor = store.find_totp_factor(user_id)
    if factor is None or not factor.enabled or code is None:
        raise WrongCode
    store.consume_totp_step(tx, user_id, _find_step(user_id, factor, code))


def _find_step(user_id: str, factor: TotpFactor, code: str) -> int:
    """Return the unused time step of a code. Raises WrongCode."""
    seed = encryption.decrypt(factor.encrypted_seed, user_id)
    step = totp.find_matching_step(seed, code, clock.real_now(), after=factor.last_step)
    if step is None:
        raise WrongCode
    return step
