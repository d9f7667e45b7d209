"""The records of what proves an account."""

import json

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall import clock
from holdall.accounts.model import Challenge, Factor, Linked
from holdall.errors import Conflict, Failure
from holdall.iam.tokens import TokenKind
from holdall.table import Awaited, CredentialRecord, Reading, Transaction


class PasswordRecord(CredentialRecord, discriminator="password"):
    hash = UnicodeAttribute()
    changed_at = UTCDateTimeAttribute()


class ChallengeRecord(CredentialRecord, discriminator="challenge"):
    digest = UnicodeAttribute()
    expires_at = UTCDateTimeAttribute()
    content = UnicodeAttribute()


class FactorRecord(CredentialRecord, discriminator="factor"):
    sealed = UnicodeAttribute()
    on = BooleanAttribute()
    step = NumberAttribute()  # the last one used


class IdentityRecord(CredentialRecord, discriminator="identity"):
    issuer = UnicodeAttribute()
    subject = UnicodeAttribute()
    email = UnicodeAttribute()
    linked_at = UTCDateTimeAttribute()


class RecoveryRecord(CredentialRecord, discriminator="recovery"):
    pass


def add_password(write: Transaction, user_id: str, hashed: str) -> None:
    """Keep the first password of a user."""
    record = PasswordRecord(_key(user_id), "PASSWORD", hash=hashed, changed_at=clock.now())
    write.create(record, otherwise=Conflict("password_exists", "There is a password already."))


def replace_hash(write: Transaction, user_id: str, old: str, new: str) -> None:
    """Keep another hash of the same password."""
    write.update(
        PasswordRecord(_key(user_id), "PASSWORD"),
        [PasswordRecord.hash.set(new)],
        when=PasswordRecord.hash == old,
        otherwise=Conflict("password_changed", "The password was changed at this moment. Sign in again."),
    )


def password(read: Reading, user_id: str) -> Awaited[str]:
    """The hash of a user's password."""
    return read.get(PasswordRecord, _key(user_id), "PASSWORD", lambda record: str(record.hash))


def set_password(write: Transaction, user_id: str, hashed: str) -> None:
    """Keep a new password, whether or not there was one."""
    record = PasswordRecord(_key(user_id), "PASSWORD", hash=hashed, changed_at=clock.now())
    write.put(record)


def remove_password(write: Transaction, user_id: str) -> None:
    """Forget a password."""
    write.forget(PasswordRecord(_key(user_id), "PASSWORD"))


def put_challenge(write: Transaction, challenge: Challenge) -> None:
    """Keep a challenge in the place of any that was there."""
    record = ChallengeRecord(
        _challenge_key(challenge.kind, challenge.place),
        "CHALLENGE",
        digest=challenge.digest,
        expires_at=challenge.expires_at,
        content=json.dumps(challenge.content),
        ttl=int(challenge.expires_at.timestamp()),
    )
    write.put(record)


def find_challenge(kind: TokenKind, place: str) -> Challenge | None:
    """The challenge of this kind at a place. Raises Unavailable."""
    record = ChallengeRecord.find(_challenge_key(kind, place), "CHALLENGE")
    if record is None:
        return None
    return Challenge(kind, place, record.digest, record.expires_at, json.loads(record.content))


def remove_challenge(write: Transaction, challenge: Challenge, *, otherwise: Failure) -> None:
    """Use a challenge up, if it is still the same."""
    record = ChallengeRecord(_challenge_key(challenge.kind, challenge.place), "CHALLENGE")
    write.delete(record, when=ChallengeRecord.digest == challenge.digest, otherwise=otherwise)


def void_challenge(write: Transaction, kind: TokenKind, place: str) -> None:
    """Make void what may have been asked."""
    write.forget(ChallengeRecord(_challenge_key(kind, place), "CHALLENGE"))


def factor_on(read: Reading, user_id: str) -> Awaited[bool]:
    """Whether a second factor is on; None where none was ever set up."""
    return read.get(FactorRecord, _key(user_id), "TOTP", lambda record: bool(record.on))


def find_factor(user_id: str) -> Factor | None:
    """A user's second factor, on or only set up. Raises Unavailable."""
    record = FactorRecord.find(_key(user_id), "TOTP")
    return Factor(record.sealed, bool(record.on), int(record.step)) if record else None


def put_factor(write: Transaction, user_id: str, sealed: str, *, otherwise: Failure) -> None:
    """Keep a seed, unless one is on."""
    off = FactorRecord.on == False  # noqa: E712  # a condition
    write.create(FactorRecord(_key(user_id), "TOTP", sealed=sealed, on=False, step=0), or_when=off, otherwise=otherwise)


def enable_factor(write: Transaction, user_id: str, factor: Factor, step: int, *, otherwise: Failure) -> None:
    """Turn on the seed that a code was shown for."""
    write.update(
        FactorRecord(_key(user_id), "TOTP"),
        [FactorRecord.on.set(True), FactorRecord.step.set(step)],
        when=(FactorRecord.sealed == factor.sealed) & (FactorRecord.on == False),  # noqa: E712  # a condition
        otherwise=otherwise,
    )


def use_step(write: Transaction, user_id: str, step: int, *, otherwise: Failure) -> None:
    """Use a time step up; those before it are gone with it."""
    on = FactorRecord.on == True  # noqa: E712  # a condition
    record = FactorRecord(_key(user_id), "TOTP")
    write.update(record, [FactorRecord.step.set(step)], when=on & (FactorRecord.step < step), otherwise=otherwise)


def remove_factor(write: Transaction, user_id: str, *, otherwise: Failure) -> None:
    """Forget a second factor that is on."""
    on = FactorRecord.on == True  # noqa: E712  # a condition
    write.delete(FactorRecord(_key(user_id), "TOTP"), when=on, otherwise=otherwise)


def forget_factor(write: Transaction, user_id: str) -> None:
    """Forget whatever second factor there is."""
    write.forget(FactorRecord(_key(user_id), "TOTP"))


def check_factor_on(write: Transaction, user_id: str, *, otherwise: Failure) -> None:
    """Hold only while a second factor is on."""
    on = FactorRecord.on == True  # noqa: E712  # a condition
    write.check(FactorRecord, _key(user_id), "TOTP", on, otherwise=otherwise)


def recovery_codes(user_id: str) -> list[str]:
    """The digests of the recovery codes that are left. Raises Unavailable."""
    return [record.sk.partition("#")[2] for record in RecoveryRecord.parts(_key(user_id), "RECOVERY#")]


def add_recovery_codes(write: Transaction, user_id: str, digests: list[str]) -> None:
    """Keep recovery codes."""
    for digest in digests:
        write.put(RecoveryRecord(_key(user_id), f"RECOVERY#{digest}"))


def remove_recovery_codes(write: Transaction, user_id: str, digests: list[str]) -> None:
    """Forget recovery codes."""
    for digest in digests:
        write.forget(RecoveryRecord(_key(user_id), f"RECOVERY#{digest}"))


def use_recovery_code(write: Transaction, user_id: str, digest: str, *, otherwise: Failure) -> None:
    """Use a recovery code up."""
    write.delete(RecoveryRecord(_key(user_id), f"RECOVERY#{digest}"), otherwise=otherwise)


def identities(user_id: str) -> list[Linked]:
    """The identities of a user. Raises Unavailable."""
    return [
        Linked(record.sk.partition("#")[2], record.issuer, record.subject, record.email, record.linked_at)
        for record in IdentityRecord.parts(_key(user_id), "IDENTITY#")
    ]


def add_identity(write: Transaction, user_id: str, linked: Linked, *, otherwise: Failure) -> None:
    """Keep an identity; a user has one of each provider."""
    values = {name: getattr(linked, name) for name in ("issuer", "subject", "email", "linked_at")}
    write.create(IdentityRecord(_key(user_id), f"IDENTITY#{linked.provider}", **values), otherwise=otherwise)


def remove_identity(write: Transaction, user_id: str, linked: Linked, *, otherwise: Failure) -> None:
    """Forget an identity."""
    same = IdentityRecord.subject == linked.subject
    write.delete(IdentityRecord(_key(user_id), f"IDENTITY#{linked.provider}"), when=same, otherwise=otherwise)


def check_identity(write: Transaction, user_id: str, linked: Linked, *, otherwise: Failure) -> None:
    """Hold only while an identity is linked."""
    same = IdentityRecord.subject == linked.subject
    write.check(IdentityRecord, _key(user_id), f"IDENTITY#{linked.provider}", same, otherwise=otherwise)


def has_way_in(user_id: str) -> bool:
    """Whether a user can sign in by anything. Two round trips. Raises Unavailable."""
    return PasswordRecord.find(_key(user_id), "PASSWORD") is not None or bool(identities(user_id))


def check_password(write: Transaction, user_id: str, *, otherwise: Failure) -> None:
    """Hold only while there is a password."""
    write.check(PasswordRecord, _key(user_id), "PASSWORD", PasswordRecord.pk.exists(), otherwise=otherwise)


def _challenge_key(kind: TokenKind, place: str) -> str:
    return f"CHALLENGE#{kind.name.lower()}#{place}"


def _key(user_id: str) -> str:
    return f"USER#{user_id}"
