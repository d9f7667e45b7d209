"""The public halves of the keys of access tokens."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.iam.model import PublicKey
from holdall.platform.errors import Conflict
from holdall.platform.table import Record, Transaction


class PublicKeyRecord(Record, discriminator="public-key"):
    number = NumberAttribute()
    pem = UnicodeAttribute()
    activates_at = UTCDateTimeAttribute()


def list_public_keys() -> list[PublicKey]:
    """All public keys. One round trip. Raises Unavailable."""
    return [
        PublicKey(record.sk, int(record.number), record.pem, record.activates_at)
        for record in PublicKeyRecord.query_prefix("JWKS")
    ]


def publish_key(key: PublicKey) -> None:
    """Make a public key known; it may be known already. Raises Unavailable."""
    record = PublicKeyRecord("JWKS", key.kid, number=key.number, pem=key.pem, activates_at=key.activates_at)
    try:
        with Transaction() as write:
            write.put_new(record, error=Conflict("The key was already published.", code="key_exists"))
    except Conflict:
        return


def delete_key(kid: str) -> None:
    """Make a public key unknown. Raises Unavailable."""
    with Transaction() as write:
        write.delete_if_exists(PublicKeyRecord("JWKS", kid))
