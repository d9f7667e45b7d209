"""The shape of the items of each table, the indexes, and pages of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from botocore.exceptions import BotoCoreError
from pynamodb.attributes import DiscriminatorAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable

RETRYABLE_CODES = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


class GSI1(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]  # its __init_subclass__ has no types
    """Answers "those of this owner, in order"; an item without `owner` is not in it."""

    class Meta:
        index_name = "gsi1"
        projection = AllProjection()

    gsi1pk = UnicodeAttribute(hash_key=True)
    gsi1sk = UnicodeAttribute(range_key=True)


class GSI2(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]
    """Answers "those with this quality, in order"."""

    class Meta:
        index_name = "gsi2"
        projection = AllProjection()

    gsi2pk = UnicodeAttribute(hash_key=True)
    gsi2sk = UnicodeAttribute(range_key=True)


class GSI3(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]
    """Answers the same for a second quality."""

    class Meta:
        index_name = "gsi3"
        projection = AllProjection()

    gsi3pk = UnicodeAttribute(hash_key=True)
    gsi3sk = UnicodeAttribute(range_key=True)


class ByActor(GlobalSecondaryIndex["AuditRecord"]):  # type: ignore[no-untyped-call]
    """Answers "what did they do", as the three that follow: all of them in the order of time."""

    class Meta:
        index_name = "by-actor"
        projection = AllProjection()

    actor = UnicodeAttribute(hash_key=True)
    gsi_sk = UnicodeAttribute(range_key=True)


class ByTarget(GlobalSecondaryIndex["AuditRecord"]):  # type: ignore[no-untyped-call]
    """Answers "what was done to this"."""

    class Meta:
        index_name = "by-target"
        projection = AllProjection()

    target = UnicodeAttribute(hash_key=True)
    gsi_sk = UnicodeAttribute(range_key=True)


class ByAction(GlobalSecondaryIndex["AuditRecord"]):  # type: ignore[no-untyped-call]
    """Answers "who did this"."""

    class Meta:
        index_name = "by-action"
        projection = AllProjection()

    action = UnicodeAttribute(hash_key=True)
    gsi_sk = UnicodeAttribute(range_key=True)


class ByTime(GlobalSecondaryIndex["AuditRecord"]):  # type: ignore[no-untyped-call]
    """Answers "what happened"."""

    class Meta:
        index_name = "by-time"
        projection = AllProjection()

    gsi_time_pk = UnicodeAttribute(hash_key=True)
    gsi_sk = UnicodeAttribute(range_key=True)


class _Meta:
    # Three attempts in all, as the bar for faults says; the SDK pauses between them.
    connect_timeout_seconds = 2
    read_timeout_seconds = 5
    max_retry_attempts = 2


class Item(Model):
    """What the items of all tables have in common."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)

    @classmethod
    def get_or_none(cls, pk: str, sk: str) -> Self | None:
        """The item with this key, or None, strongly consistent. One round trip. Raises Unavailable."""
        with translate_dynamodb_errors():
            try:
                return cls.get(pk, sk, consistent_read=True)
            except cls.DoesNotExist:
                return None

    @classmethod
    def query_prefix(cls, pk: str, prefix: str = "") -> list[Self]:
        """All of this kind under one key whose sort key begins so, in order, strongly consistent. Raises Unavailable."""
        with translate_dynamodb_errors():
            within = cls.sk.startswith(prefix) if prefix else None
            return list(cls.query(pk, within, consistent_read=True))


class Record(Item):
    """An item of the main table: the state of things. Stores declare their kinds by `discriminator`."""

    class Meta(_Meta):
        table_name = settings().main_table

    record_type = DiscriminatorAttribute()
    gsi1pk = UnicodeAttribute(null=True)
    gsi1sk = UnicodeAttribute(null=True)
    gsi2pk = UnicodeAttribute(null=True)
    gsi2sk = UnicodeAttribute(null=True)
    gsi3pk = UnicodeAttribute(null=True)
    gsi3sk = UnicodeAttribute(null=True)
    ttl = NumberAttribute(null=True)  # epoch seconds; collects garbage and decides nothing
    gsi1 = GSI1()
    gsi2 = GSI2()
    gsi3 = GSI3()


class CredentialRecord(Item):
    """An item of the table of credentials, which only `auth` may touch."""

    class Meta(_Meta):
        table_name = settings().credentials_table

    record_type = DiscriminatorAttribute()
    ttl = NumberAttribute(null=True)


class AuditRecord(Item):
    """An item of the audit table: something that a principal did. Written, never changed."""

    class Meta(_Meta):
        table_name = settings().audit_table

    gsi_sk = UnicodeAttribute()  # the row's own id, which sorts by birth
    actor = UnicodeAttribute()
    target = UnicodeAttribute()
    action = UnicodeAttribute()
    gsi_time_pk = UnicodeAttribute()  # the same in all rows
    by_actor = ByActor()
    by_target = ByTarget()
    by_action = ByAction()
    by_time = ByTime()


class EphemeralRecord(Item):
    """An item with a short life."""

    class Meta(_Meta):
        table_name = settings().ephemeral_table

    record_type = DiscriminatorAttribute()
    ttl = NumberAttribute()


# Opened on the base class, so that all kinds of records share one client: each costs 60 ms at a cold start.
connection = Record._get_connection().connection  # noqa: SLF001  # pynamodb has no public way to share one
for _table in (CredentialRecord, AuditRecord, EphemeralRecord):
    _of_table = _table._get_connection()  # noqa: SLF001
    connection.add_meta_table(_of_table.get_meta_table())
    _of_table.connection = connection


@contextmanager
def translate_dynamodb_errors() -> Iterator[None]:
    """Turn the silence of a table into Unavailable; what is our own mistake passes on as it is."""
    try:
        yield
    except PynamoDBException as error:
        if isinstance(error.cause, BotoCoreError) or error.cause_response_code in RETRYABLE_CODES:
            raise ServiceUnavailable from error
        raise
