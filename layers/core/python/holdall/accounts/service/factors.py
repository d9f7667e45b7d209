"""The second factor: codes of an authenticator, and recovery codes for the day when it is lost."""

from holdall import clock
from holdall.accounts import recovery, sealing, store, totp
from holdall.accounts.model import FactorSetup, RecoveryCodes
from holdall.accounts.service import changes
from holdall.caller import Caller
from holdall.errors import Conflict, Unauthenticated
from holdall.iam.service import users
from holdall.letters import service as letters
from holdall.limits import service as limits
from holdall.table import Awaited, Reading, Transaction

_ISSUER = "Holdall"
_WRONG = Unauthenticated("wrong_code", "This code is wrong, or was used already.")
_ON = Conflict("wrong_state", "The second factor is on already.")
_OFF = Conflict("wrong_state", "The second factor is not on.")


def wanted(read: Reading, user_id: str) -> Awaited[bool]:
    """Ask whether a user's logins want a second factor."""
    return store.factor_on(read, user_id)


def set_up(caller: Caller) -> FactorSetup:
    """A new seed, which counts once it is enabled. Raises Conflict while a second factor is on."""
    known = users.myself(caller)
    seed = totp.new_seed()
    with Transaction() as write:
        store.put_factor(write, caller.user_id, sealing.seal(seed, caller.user_id), otherwise=_ON)
    uri = totp.otpauth_uri(seed, known.user.email, _ISSUER)
    return FactorSetup(secret=seed, otpauth_uri=uri, qr_svg=totp.qr_svg(uri))


def enable(caller: Caller, code: str) -> RecoveryCodes:
    """Turn the second factor on, by a first code. The other sessions end. Raises Unauthenticated, Conflict and TooMany."""
    taken = limits.take("second-factor", caller.user_id)
    factor = store.find_factor(caller.user_id)
    if factor is None or factor.on:
        raise _OFF if factor is None else _ON
    step = totp.matching_step(sealing.unseal(factor.sealed, caller.user_id), code, clock.now(), after=factor.step)
    if step is None:
        raise _WRONG
    known, codes = users.myself(caller), recovery.new_codes()
    with Transaction() as write:
        limits.give_back(write, taken)
        store.enable_factor(write, caller.user_id, factor, step, otherwise=_WRONG)
        store.add_recovery_codes(write, caller.user_id, [recovery.digest(each) for each in codes])
        letter = changes.guard_changed(
            write, caller, known, "a second factor was turned on", action="accounts.enable-2fa"
        )
    letters.post(letter)
    return RecoveryCodes(recovery_codes=codes)


def disable(caller: Caller) -> None:
    """Turn the second factor off. The other sessions end. Raises Conflict when it is not on."""
    known, old = users.myself(caller), store.recovery_codes(caller.user_id)
    with Transaction() as write:
        store.remove_factor(write, caller.user_id, otherwise=_OFF)
        store.remove_recovery_codes(write, caller.user_id, old)
        letter = changes.guard_changed(
            write, caller, known, "the second factor was turned off", action="accounts.disable-2fa"
        )
    letters.post(letter)


def renew_codes(caller: Caller) -> RecoveryCodes:
    """New recovery codes; the old ones are void. Raises Conflict when the second factor is not on."""
    known, old, codes = users.myself(caller), store.recovery_codes(caller.user_id), recovery.new_codes()
    with Transaction() as write:
        store.check_factor_on(write, caller.user_id, otherwise=_OFF)
        store.remove_recovery_codes(write, caller.user_id, old)
        store.add_recovery_codes(write, caller.user_id, [recovery.digest(each) for each in codes])
        letter = changes.guard_changed(
            write, caller, known, "new recovery codes were made", action="accounts.renew-2fa-codes"
        )
    letters.post(letter)
    return RecoveryCodes(recovery_codes=codes)


def use(write: Transaction, user_id: str, *, code: str | None, recovery_code: str | None) -> None:
    """Use a code up, as part of a login: each step and each recovery code counts once, under a race too.

    Raises Unauthenticated at once for a wrong one; the transaction raises it for one that was used at this moment.
    """
    if recovery_code is not None:
        store.use_recovery_code(write, user_id, recovery.digest(recovery_code), otherwise=_WRONG)
        return
    factor = store.find_factor(user_id)
    if factor is None or not factor.on or code is None:
        raise _WRONG
    step = totp.matching_step(sealing.unseal(factor.sealed, user_id), code, clock.now(), after=factor.step)
    if step is None:
        raise _WRONG
    store.use_step(write, user_id, step, otherwise=_WRONG)
