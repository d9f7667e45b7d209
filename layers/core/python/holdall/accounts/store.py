"""Records of credentials: passwords, second factors, linked identities and challenges."""

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.accounts.model import (
    LinkedIdentity,
    MfaAlreadyEnabled,
    MfaNotEnabled,
    PasswordChanged,
    PasswordExists,
    StoredChallenge,
    TotpFactor,
    WrongCode,
)
from holdall.iam.model import InvalidToken
from holdall.iam.tokens import TokenKind
from holdall.platform import clock
from holdall.platform.table import BatchGet, CredentialRecord, ErrorFactory, Pending, Transaction


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
    last_step = NumberAttribute()
    enabled_at = UTCDateTimeAttribute(null=True)  # earlier releases did not note it


class IdentityRecord(CredentialRecord, discriminator="identity"):
    issuer = UnicodeAttribute()
    subject = UnicodeAttribute()
    email = UnicodeAttribute()
    linked_at = UTCDateTimeAttribute()


class RecoveryCodeRecord(CredentialRecord, discriminator="recovery-code"):
    pass


_TOTP_ENABLED = TotpRecord.enabled == True  # noqa: E712  # a condition of DynamoDB, which `is` cannot express
_TOTP_DISABLED = ~_TOTP_ENABLED


def add_password(tx: Transaction, user_id: str, password_hash: str) -> None:
    """Add the first password of a user. The transaction raises PasswordExists."""
    tx.put_new(_new_password(user_id, password_hash), error=PasswordExists)


def set_password(tx: Transaction, user_id: str, password_hash: str) -> None:
    """Set the password of a user, who may have had none."""
    tx.put(_new_password(user_id, password_hash))


def replace_password_hash(tx: Transaction, user_id: str, old_hash: str, new_hash: str) -> None:
    """Replace the hash of a password with another hash of the same one. The transaction raises PasswordChanged."""
    tx.update(
        PasswordRecord(_pk(user_id), "PASSWORD"),
        [PasswordRecord.password_hash.set(new_hash)],
        condition=PasswordRecord.password_hash == old_hash,
        error=PasswordChanged,
    )


def get_password_hash(batch: BatchGet, user_id: str) -> Pending[str]:
    """Read the hash of a user's password."""
    return batch.get(PasswordRecord, _pk(user_id), "PASSWORD", lambda record: str(record.password_hash))


def delete_password(tx: Transaction, user_id: str) -> None:
    """Delete the password of a user, if there is one."""
    tx.delete_if_exists(PasswordRecord(_pk(user_id), "PASSWORD"))


def check_has_password(tx: Transaction, user_id: str, *, error: ErrorFactory) -> None:
    """Condition check: the user has a password."""
    tx.condition_check(PasswordRecord, _pk(user_id), "PASSWORD", PasswordRecord.pk.exists(), error=error)


def put_challenge(tx: Transaction, challenge: StoredChallenge) -> None:
    """Add a challenge, and replace the previous one."""
    record = ChallengeRecord(
        _challenge_pk(challenge.kind, challenge.lookup_id),
        "CHALLENGE",
        secret_sha256=challenge.secret_sha256,
        expires_at=challenge.expires_at,
        payload=challenge.payload,
        ttl=int(challenge.expires_at.timestamp()),
    )
    tx.put(record)


def find_challenge(kind: TokenKind, lookup_id: str) -> StoredChallenge | None:
    """Return a challenge, or None. One round trip. Raises ServiceUnavailable."""
    record = ChallengeRecord.get_or_none(_challenge_pk(kind, lookup_id), "CHALLENGE")
    if record is None:
        return None
    return StoredChallenge(kind, lookup_id, record.secret_sha256, record.expires_at, record.payload)


def consume_challenge(tx: Transaction, kind: TokenKind, lookup_id: str, secret_sha256: str) -> None:
    """Delete a challenge. The transaction raises InvalidToken if it was used or replaced."""
    record = ChallengeRecord(_challenge_pk(kind, lookup_id), "CHALLENGE")
    tx.delete(record, condition=ChallengeRecord.secret_sha256 == secret_sha256, error=InvalidToken)


def delete_challenge(tx: Transaction, kind: TokenKind, lookup_id: str) -> None:
    """Delete a challenge, if there is one."""
    tx.delete_if_exists(ChallengeRecord(_challenge_pk(kind, lookup_id), "CHALLENGE"))


def get_totp_enabled(batch: BatchGet, user_id: str) -> Pending[bool]:
    """Read whether a user's second factor is enabled. The value is None if it was never set up."""
    return batch.get(TotpRecord, _pk(user_id), "TOTP", lambda record: bool(record.enabled))


def find_totp_factor(user_id: str) -> TotpFactor | None:
    """Return a user's second factor, which may not be enabled yet, or None. One round trip. Raises ServiceUnavailable."""
    record = TotpRecord.get_or_none(_pk(user_id), "TOTP")
    if record is None:
        return None
    return TotpFactor(record.encrypted_seed, bool(record.enabled), int(record.last_step), record.enabled_at)


def put_totp_factor(tx: Transaction, user_id: str, encrypted_seed: str) -> None:
    """Set up a second factor. The transaction raises MfaAlreadyEnabled."""
    record = TotpRecord(_pk(user_id), "TOTP", encrypted_seed=encrypted_seed, enabled=False, last_step=0)
    tx.put_new(record, or_condition=_TOTP_DISABLED, error=MfaAlreadyEnabled)


def enable_totp_factor(tx: Transaction, user_id: str, factor: TotpFactor, step: int) -> None:
    """Enable a second factor with the code of a time step. The transaction raises WrongCode if the seed was replaced."""
    tx.update(
        TotpRecord(_pk(user_id), "TOTP"),
        [TotpRecord.enabled.set(True), TotpRecord.last_step.set(step), TotpRecord.enabled_at.set(clock.now())],
        condition=(TotpRecord.encrypted_seed == factor.encrypted_seed) & _TOTP_DISABLED,
        error=WrongCode,
    )


def consume_totp_step(tx: Transaction, user_id: str, step: int) -> None:
    """Use up a time step and all before it. The transaction raises WrongCode if it was used."""
    unused = _TOTP_ENABLED & (TotpRecord.last_step < step)
    tx.update(TotpRecord(_pk(user_id), "TOTP"), [TotpRecord.last_step.set(step)], condition=unused, error=WrongCode)


def delete_totp_factor(tx: Transaction, user_id: str) -> None:
    """Delete a second factor. The transaction raises MfaNotEnabled."""
    tx.delete(TotpRecord(_pk(user_id), "TOTP"), condition=_TOTP_ENABLED, error=MfaNotEnabled)


def delete_totp_factor_if_exists(tx: Transaction, user_id: str) -> None:
    """Delete a second factor, enabled or not, if there is one."""
    tx.delete_if_exists(TotpRecord(_pk(user_id), "TOTP"))


def check_totp_enabled(tx: Transaction, user_id: str) -> None:
    """Condition check: the second factor is enabled. The transaction raises MfaNotEnabled."""
    tx.condition_check(TotpRecord, _pk(user_id), "TOTP", _TOTP_ENABLED, error=MfaNotEnabled)


def list_recovery_code_digests(user_id: str) -> list[str]:
    """Return the digests of the recovery codes that are left. One round trip. Raises ServiceUnavailable."""
    return [
        record.sk.removeprefix("RECOVERY#") for record in RecoveryCodeRecord.query_prefix(_pk(user_id), "RECOVERY#")
    ]


def add_recovery_codes(tx: Transaction, user_id: str, digests: list[str]) -> None:
    """Add recovery codes."""
    for digest in digests:
        tx.put(_recovery_code(user_id, digest))


def delete_recovery_codes(tx: Transaction, user_id: str, digests: list[str]) -> None:
    """Delete recovery codes. Some of them may have been used."""
    for digest in digests:
        tx.delete_if_exists(_recovery_code(user_id, digest))


def consume_recovery_code(tx: Transaction, user_id: str, digest: str) -> None:
    """Use a recovery code up. The transaction raises WrongCode."""
    tx.delete(_recovery_code(user_id, digest), error=WrongCode)


def list_identities(user_id: str) -> list[LinkedIdentity]:
    """Return the identities of a user. One round trip. Raises ServiceUnavailable."""
    return [
        LinkedIdentity(
            record.sk.removeprefix("IDENTITY#"), record.issuer, record.subject, record.email, record.linked_at
        )
        for record in IdentityRecord.query_prefix(_pk(user_id), "IDENTITY#")
    ]


def has_identity(batch: BatchGet, user_id: str, provider: str) -> Pending[bool]:
    """Read whether a user has an identity of a provider."""
    return batch.get(IdentityRecord, _pk(user_id), f"IDENTITY#{provider}", lambda _: True)


def add_identity(tx: Transaction, user_id: str, identity: LinkedIdentity, *, error: ErrorFactory) -> None:
    """Add an identity. A user has at most one of each provider."""
    record = IdentityRecord(
        *_identity_key(user_id, identity),
        issuer=identity.issuer,
        subject=identity.subject,
        email=identity.email,
        linked_at=identity.linked_at,
    )
    tx.put_new(record, error=error)


def delete_identity(tx: Transaction, user_id: str, identity: LinkedIdentity, *, error: ErrorFactory) -> None:
    """Delete an identity that has not been replaced."""
    record = IdentityRecord(*_identity_key(user_id, identity))
    tx.delete(record, condition=IdentityRecord.subject == identity.subject, error=error)


def check_identity_linked(tx: Transaction, user_id: str, identity: LinkedIdentity, *, error: ErrorFactory) -> None:
    """Condition check: the identity is linked."""
    linked = IdentityRecord.subject == identity.subject
    tx.condition_check(IdentityRecord, *_identity_key(user_id, identity), linked, error=error)


def has_sign_in_method(user_id: str) -> bool:
    """Return whether a user has a password or an identity. Two round trips at most. Raises ServiceUnavailable."""
    return PasswordRecord.get_or_none(_pk(user_id), "PASSWORD") is not None or bool(list_identities(user_id))


def _new_password(user_id: str, password_hash: str) -> PasswordRecord:
    return PasswordRecord(_pk(user_id), "PASSWORD", password_hash=password_hash, changed_at=clock.now())


def _recovery_code(user_id: str, digest: str) -> RecoveryCodeRecord:
    return RecoveryCodeRecord(_pk(user_id), f"RECOVERY#{digest}")


def _identity_key(user_id: str, identity: LinkedIdentity) -> tuple[str, str]:
    return _pk(user_id), f"IDENTITY#{identity.provider}"


def _challenge_pk(kind: TokenKind, lookup_id: str) -> str:
    return f"CHALLENGE#{kind}#{lookup_id}"


def _pk(user_id: str) -> str:
    return f"USER#{user_id}"
