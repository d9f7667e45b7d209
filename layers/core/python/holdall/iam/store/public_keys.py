"""Records of the public halves of signing keys."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.iam.model import AlreadyPublished, PublicKey
from holdall.platform.table import Record, Transaction


class PublicKeyRecord(Record, discriminator="public-key"):
    number = NumberAttribute()
    pem = UnicodeAttribute()
    activates_at = UTCDateTimeAttribute()


def list_public_keys() -> list[PublicKey]:
    """Return all public keys. One round trip. Raises ServiceUnavailable."""
    return [
        PublicKey(record.sk, int(record.number), record.pem, record.activates_at)
        for record in PublicKeyRecord.query_prefix("JWKS")
    ]


def publish_key(tx: Transaction, key: PublicKey) -> None:
    """Add a public key. The transaction raises AlreadyPublished."""
    record = PublicKeyRecord("JWKS", key.kid, number=key.number, pem=key.pem, activates_at=key.activates_at)
    tx.put_new(record, error=AlreadyPublished)


def delete_key(tx: Transaction, kid: str) -> None:
    """Delete a public key, whether or not it exists."""
    tx.delete_if_exists(PublicKeyRecord("JWKS", kid))
