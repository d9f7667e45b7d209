"""The public halves of the keys of access tokens."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.errors import Conflict
from holdall.iam.model import PublicKey
from holdall.table import Record, Transaction


class PublicKeyRecord(Record, discriminator="public-key"):
    number = NumberAttribute()
    pem = UnicodeAttribute()
    signs_from = UTCDateTimeAttribute()


def public_keys() -> list[PublicKey]:
    """All public keys. One round trip. Raises Unavailable."""
    return [
        PublicKey(record.sk, int(record.number), record.pem, record.signs_from)
        for record in PublicKeyRecord.parts("JWKS")
    ]


def publish_key(key: PublicKey) -> None:
    """Make a public key known; it may be known already. Raises Unavailable."""
    record = PublicKeyRecord("JWKS", key.kid, number=key.number, pem=key.pem, signs_from=key.signs_from)
    try:
        with Transaction() as write:
            write.create(record, otherwise=Conflict("key_exists", "Published already."))
    except Conflict:
        return


def withdraw_key(kid: str) -> None:
    """Make a public key unknown. Raises Unavailable."""
    with Transaction() as write:
        write.forget(PublicKeyRecord("JWKS", kid))
