"""The records of what proves an account."""

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from holdall import clock
from holdall.errors import Conflict
from holdall.table import Awaited, CredentialRecord, Reading, Transaction


class PasswordRecord(CredentialRecord, discriminator="password"):
    hash = UnicodeAttribute()
    changed_at = UTCDateTimeAttribute()


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


def _key(user_id: str) -> str:
    return f"USER#{user_id}"
