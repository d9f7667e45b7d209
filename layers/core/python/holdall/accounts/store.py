"""The records of what proves an account."""

import json

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.accounts.model import Challenge, LinkedIdentity, TotpFactor
from holdall.iam.tokens import TokenKind
from holdall.platform import clock
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.table import BatchGet, CredentialRecord, Pending, Transaction


class PasswordRecord(CredentialRecord, discriminator="password"):
    password_hash = UnicodeAttribute()
    changed_at = UTCDateTimeAttribute()


class ChallengeRecord(CredentialRecord, discriminator="challenge"):
    secret_sha256 = UnicodeAttribute()
    expires_at = UTCDateTimeAttribute()
    payload = UnicodeAttribute()


class TotpRecord(CredentialRecord, discriminator="totp"):
    encrypted_seed = UnicodeAttribute()
    enabled = BooleanAttribute()
    last_step = NumberAttribute()  # the last one used


class IdentityRecord(CredentialRecord, discriminator="identity"):
    issuer = UnicodeAttribute()
    subject = UnicodeAttribute()
    email = UnicodeAttribute()
    linked_at = UTCDateTimeAttribute()


class RecoveryCodeRecord(CredentialRecord, discriminator="recovery-code"):
    pass


def add_password(tx: Transaction, user_id: str, password_hash: str) -> None:
    """Keep the first password of a user."""
    record = PasswordRecord(_pk(user_id), "PASSWORD", password_hash=password_hash, changed_at=clock.now())
    tx.put_new(record, error=Conflict("The account already has a password.", code="password_exists"))


def replace_password_hash(tx: Transaction, user_id: str, old_hash: str, new_hash: str) -> None:
    """Keep another hash of the same password."""
    tx.update(
        PasswordRecord(_pk(user_id), "PASSWORD"),
        [PasswordRecord.password_hash.set(new_hash)],
        condition=PasswordRecord.password_hash == old_hash,
        error=Conflict("The password changed meanwhile. Sign in again.", code="password_changed"),
    )


def get_password_hash(batch: BatchGet, user_id: str) -> Pending[str]:
    """The hash of a user's password."""
    return batch.get(PasswordRecord, _pk(user_id), "PASSWORD", lambda record: str(record.hash))


def set_password(tx: Transaction, user_id: str, password_hash: str) -> None:
    """Keep a new password, whether or not there was one."""
    record = PasswordRecord(_pk(user_id), "PASSWORD", password_hash=password_hash, changed_at=clock.now())
    tx.put(record)


def delete_password(tx: Transaction, user_id: str) -> None:
    """Forget a password."""
    tx.delete_if_exists(PasswordRecord(_pk(user_id), "PASSWORD"))


def put_challenge(tx: Transaction, challenge: Challenge) -> None:
    """Keep a challenge in the place of any that was there."""
    record = ChallengeRecord(
        _challenge_pk(challenge.kind, challenge.lookup_id),
        "CHALLENGE",
        secret_sha256=challenge.secret_sha256,
        expires_at=challenge.expires_at,
        payload=json.dumps(challenge.payload),
        ttl=int(challenge.expires_at.timestamp()),
    )
    tx.put(record)


def find_challenge(kind: TokenKind, lookup_id: str) -> Challenge | None:
    """The challenge of this kind at a place. Raises Unavailable."""
    record = ChallengeRecord.get_or_none(_challenge_pk(kind, lookup_id), "CHALLENGE")
    if record is None:
        return None
    return Challenge(kind, lookup_id, record.secret_sha256, record.expires_at, json.loads(record.payload))


def consume_challenge(tx: Transaction, challenge: Challenge, *, error: HoldallError) -> None:
    """Use a challenge up, if it is still the same."""
    record = ChallengeRecord(_challenge_pk(challenge.kind, challenge.lookup_id), "CHALLENGE")
    tx.delete(record, condition=ChallengeRecord.secret_sha256 == challenge.secret_sha256, error=error)


def delete_challenge(tx: Transaction, kind: TokenKind, lookup_id: str) -> None:
    """Make void what may have been asked."""
    tx.delete_if_exists(ChallengeRecord(_challenge_pk(kind, lookup_id), "CHALLENGE"))


def get_totp_enabled(batch: BatchGet, user_id: str) -> Pending[bool]:
    """Whether a second factor is on; None where none was ever set up."""
    return batch.get(TotpRecord, _pk(user_id), "TOTP", lambda record: bool(record.on))


def find_totp_factor(user_id: str) -> TotpFactor | None:
    """A user's second factor, on or only set up. Raises Unavailable."""
    record = TotpRecord.get_or_none(_pk(user_id), "TOTP")
    return TotpFactor(record.encrypted_seed, bool(record.enabled), int(record.last_step)) if record else None


def put_totp_factor(tx: Transaction, user_id: str, encrypted_seed: str, *, error: HoldallError) -> None:
    """Keep a seed, unless one is on."""
    off = TotpRecord.enabled == False  # noqa: E712  # a condition
    tx.put_new(
        TotpRecord(_pk(user_id), "TOTP", encrypted_seed=encrypted_seed, enabled=False, last_step=0),
        or_condition=off,
        error=error,
    )


def enable_totp_factor(tx: Transaction, user_id: str, factor: TotpFactor, step: int, *, error: HoldallError) -> None:
    """Turn on the seed that a code was shown for."""
    tx.update(
        TotpRecord(_pk(user_id), "TOTP"),
        [TotpRecord.enabled.set(True), TotpRecord.last_step.set(step)],
        condition=(TotpRecord.encrypted_seed == factor.encrypted_seed) & (TotpRecord.enabled == False),  # noqa: E712  # a condition
        error=error,
    )


def consume_totp_step(tx: Transaction, user_id: str, step: int, *, error: HoldallError) -> None:
    """Use a time step up; those before it are gone with it."""
    on = TotpRecord.enabled == True  # noqa: E712  # a condition
    record = TotpRecord(_pk(user_id), "TOTP")
    tx.update(record, [TotpRecord.last_step.set(step)], condition=on & (TotpRecord.last_step < step), error=error)


def delete_totp_factor(tx: Transaction, user_id: str, *, error: HoldallError) -> None:
    """Forget a second factor that is on."""
    on = TotpRecord.enabled == True  # noqa: E712  # a condition
    tx.delete(TotpRecord(_pk(user_id), "TOTP"), condition=on, error=error)


def delete_totp_factor_if_exists(tx: Transaction, user_id: str) -> None:
    """Forget whatever second factor there is."""
    tx.delete_if_exists(TotpRecord(_pk(user_id), "TOTP"))


def check_totp_enabled(tx: Transaction, user_id: str, *, error: HoldallError) -> None:
    """Hold only while a second factor is on."""
    on = TotpRecord.enabled == True  # noqa: E712  # a condition
    tx.condition_check(TotpRecord, _pk(user_id), "TOTP", on, error=error)


def list_recovery_code_digests(user_id: str) -> list[str]:
    """The digests of the recovery codes that are left. Raises Unavailable."""
    return [record.sk.partition("#")[2] for record in RecoveryCodeRecord.query_prefix(_pk(user_id), "RECOVERY#")]


def add_recovery_codes(tx: Transaction, user_id: str, codes_sha256: list[str]) -> None:
    """Keep recovery codes."""
    for digest in codes_sha256:
        tx.put(RecoveryCodeRecord(_pk(user_id), f"RECOVERY#{digest}"))


def delete_recovery_codes(tx: Transaction, user_id: str, codes_sha256: list[str]) -> None:
    """Forget recovery codes."""
    for digest in codes_sha256:
        tx.delete_if_exists(RecoveryCodeRecord(_pk(user_id), f"RECOVERY#{digest}"))


def consume_recovery_code(tx: Transaction, user_id: str, code_sha256: str, *, error: HoldallError) -> None:
    """Use a recovery code up."""
    tx.delete(RecoveryCodeRecord(_pk(user_id), f"RECOVERY#{code_sha256}"), error=error)


def list_identities(user_id: str) -> list[LinkedIdentity]:
    """The identities of a user. Raises Unavailable."""
    return [
        LinkedIdentity(record.sk.partition("#")[2], record.issuer, record.subject, record.email, record.linked_at)
        for record in IdentityRecord.query_prefix(_pk(user_id), "IDENTITY#")
    ]


def add_identity(tx: Transaction, user_id: str, identity: LinkedIdentity, *, error: HoldallError) -> None:
    """Keep an identity; a user has one of each provider."""
    values = {name: getattr(identity, name) for name in ("issuer", "subject", "email", "linked_at")}
    tx.put_new(IdentityRecord(_pk(user_id), f"IDENTITY#{identity.provider}", **values), error=error)


def delete_identity(tx: Transaction, user_id: str, identity: LinkedIdentity, *, error: HoldallError) -> None:
    """Forget an identity."""
    same = IdentityRecord.subject == identity.subject
    tx.delete(IdentityRecord(_pk(user_id), f"IDENTITY#{identity.provider}"), condition=same, error=error)


def check_identity_linked(tx: Transaction, user_id: str, identity: LinkedIdentity, *, error: HoldallError) -> None:
    """Hold only while an identity is linked."""
    same = IdentityRecord.subject == identity.subject
    tx.condition_check(IdentityRecord, _pk(user_id), f"IDENTITY#{identity.provider}", same, error=error)


def has_sign_in_method(user_id: str) -> bool:
    """Whether a user can sign in by anything. Two round trips. Raises Unavailable."""
    return PasswordRecord.get_or_none(_pk(user_id), "PASSWORD") is not None or bool(list_identities(user_id))


def check_has_password(tx: Transaction, user_id: str, *, error: HoldallError) -> None:
    """Hold only while there is a password."""
    tx.condition_check(PasswordRecord, _pk(user_id), "PASSWORD", PasswordRecord.pk.exists(), error=error)


def _challenge_pk(kind: TokenKind, lookup_id: str) -> str:
    return f"CHALLENGE#{kind.name.lower()}#{lookup_id}"


def _pk(user_id: str) -> str:
    return f"USER#{user_id}"
