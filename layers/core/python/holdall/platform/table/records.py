"""The records of each table, and the indexes."""

from typing import Self

from pynamodb.attributes import DiscriminatorAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from holdall.platform.aws import session, translate_aws_errors
from holdall.platform.config import settings


class GSI1(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]  # its __init_subclass__ has no types
    """Answers "those of this owner, in order". A record without `gsi1pk` is not in it."""

    class Meta:
        index_name = "gsi1"
        projection = AllProjection()

    gsi1pk = UnicodeAttribute(hash_key=True)
    gsi1sk = UnicodeAttribute(range_key=True)


class GSI2(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]
    """Answers "those with this property, in order"."""

    class Meta:
        index_name = "gsi2"
        projection = AllProjection()

    gsi2pk = UnicodeAttribute(hash_key=True)
    gsi2sk = UnicodeAttribute(range_key=True)


class GSI3(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]
    """Answers the same for a second property."""

    class Meta:
        index_name = "gsi3"
        projection = AllProjection()

    gsi3pk = UnicodeAttribute(hash_key=True)
    gsi3sk = UnicodeAttribute(range_key=True)


class ByActor(GlobalSecondaryIndex["AuditRecord"]):  # type: ignore[no-untyped-call]
    """Answers "what did this principal do?". The sort key of this index and of the next three is the ID of the entry."""

    class Meta:
        index_name = "by-actor"
        projection = AllProjection()

    actor = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class ByTarget(GlobalSecondaryIndex["AuditRecord"]):  # type: ignore[no-untyped-call]
    """Answers "what was done to this resource?"."""

    class Meta:
        index_name = "by-target"
        projection = AllProjection()

    target = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class ByAction(GlobalSecondaryIndex["AuditRecord"]):  # type: ignore[no-untyped-call]
    """Answers "who did this?", in shards."""

    class Meta:
        index_name = "by-action"
        projection = AllProjection()

    gsi_action_pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class ByTime(GlobalSecondaryIndex["AuditRecord"]):  # type: ignore[no-untyped-call]
    """Answers "what happened?", in shards."""

    class Meta:
        index_name = "by-time"
        projection = AllProjection()

    gsi_time_pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class _Meta:
    # Three attempts. The SDK pauses between them.
    connect_timeout_seconds = 2
    read_timeout_seconds = 5
    max_retry_attempts = 2


class Item(Model):
    """Base class of the records of all tables."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)

    @classmethod
    def get_or_none(cls, pk: str, sk: str) -> Self | None:
        """Return the record with this key, or None. Strongly consistent, one round trip. Raises ServiceUnavailable."""
        with translate_aws_errors():
            try:
                return cls.get(pk, sk, consistent_read=True)
            except cls.DoesNotExist:
                return None

    @classmethod
    def query_prefix(cls, pk: str, prefix: str = "") -> list[Self]:
        """Return the records of a partition with this prefix, in order. Strongly consistent. Raises ServiceUnavailable."""
        with translate_aws_errors():
            condition = cls.sk.startswith(prefix) if prefix else None
            return list(cls.query(pk, condition, consistent_read=True))


class Record(Item):
    """A record of the main table, which has the state. Stores define the kinds, each with a `discriminator`."""

    class Meta(_Meta):
        table_name = settings().main_table

    record_type = DiscriminatorAttribute()
    gsi1pk = UnicodeAttribute(null=True)
    gsi1sk = UnicodeAttribute(null=True)
    gsi2pk = UnicodeAttribute(null=True)
    gsi2sk = UnicodeAttribute(null=True)
    gsi3pk = UnicodeAttribute(null=True)
    gsi3sk = UnicodeAttribute(null=True)
    ttl = NumberAttribute(null=True)  # Unix time in seconds; deletes garbage, and no rule depends on it
    gsi1 = GSI1()
    gsi2 = GSI2()
    gsi3 = GSI3()


class CredentialRecord(Item):
    """A record of the credentials table, which only `auth` can access."""

    class Meta(_Meta):
        table_name = settings().credentials_table

    record_type = DiscriminatorAttribute()
    ttl = NumberAttribute(null=True)


class AuditRecord(Item):
    """A record of the audit table. It is never changed."""

    class Meta(_Meta):
        table_name = settings().audit_table

    actor = UnicodeAttribute()
    target = UnicodeAttribute()
    gsi_action_pk = UnicodeAttribute()
    gsi_time_pk = UnicodeAttribute()
    by_actor = ByActor()
    by_target = ByTarget()
    by_action = ByAction()
    by_time = ByTime()


class EphemeralRecord(Item):
    """A record of the ephemeral table, with a short life."""

    class Meta(_Meta):
        table_name = settings().ephemeral_table

    record_type = DiscriminatorAttribute()
    ttl = NumberAttribute()


# All kinds of records share the client of the base class, because each client costs 60 ms at a cold start.
connection = Record._get_connection().connection  # noqa: SLF001  # pynamodb has no public way to share one
for _table in (CredentialRecord, AuditRecord, EphemeralRecord):
    _table_connection = _table._get_connection()  # noqa: SLF001  # as above
    connection.add_meta_table(_table_connection.get_meta_table())
    _table_connection.connection = connection
# The same session as other clients, because each session reads its configuration and credentials.
connection._local.session = session()  # noqa: SLF001  # as above


def open_client() -> None:
    """Create the client, which pynamodb would do at the first request, when Lambda gives less CPU than during the imports."""
    _ = connection.client
