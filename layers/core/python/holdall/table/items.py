"""The shape of the items of each table, the indexes, and pages of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from botocore.exceptions import BotoCoreError
from pynamodb.attributes import DiscriminatorAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from holdall.config import settings
from holdall.errors import Unavailable
from holdall.page import Page, PageRequest

BUSY = frozenset(
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


class ByOwner(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]  # its __init_subclass__ has no types
    """Answers "those of this owner, in order"; an item without `owner` is not in it."""

    class Meta:
        index_name = "by-owner"
        projection = AllProjection()

    owner = UnicodeAttribute(hash_key=True)
    position = UnicodeAttribute(range_key=True)


class ByFacet(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]
    """Answers "those with this quality, in order"."""

    class Meta:
        index_name = "by-facet"
        projection = AllProjection()

    facet = UnicodeAttribute(hash_key=True)
    rank = UnicodeAttribute(range_key=True)


class ByQuality(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]
    """Answers the same for a second quality."""

    class Meta:
        index_name = "by-quality"
        projection = AllProjection()

    quality = UnicodeAttribute(hash_key=True)
    turn = UnicodeAttribute(range_key=True)


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
    def find(cls, pk: str, sk: str) -> Self | None:
        """The item with this key, or None, strongly consistent. One round trip. Raises Unavailable."""
        with answering():
            try:
                return cls.get(pk, sk, consistent_read=True)
            except cls.DoesNotExist:
                return None

    @classmethod
    def parts(cls, pk: str, beginning: str = "") -> list[Self]:
        """All of this kind under one key whose sort key begins so, in order, strongly consistent. Raises Unavailable."""
        with answering():
            within = cls.sk.startswith(beginning) if beginning else None
            return list(cls.query(pk, within, consistent_read=True))


class Record(Item):
    """An item of the main table: the state of things. Stores declare their kinds by `discriminator`."""

    class Meta(_Meta):
        table_name = settings().main_table

    record_kind = DiscriminatorAttribute()
    owner = UnicodeAttribute(null=True)
    position = UnicodeAttribute(null=True)
    facet = UnicodeAttribute(null=True)
    rank = UnicodeAttribute(null=True)
    quality = UnicodeAttribute(null=True)
    turn = UnicodeAttribute(null=True)
    ttl = NumberAttribute(null=True)  # epoch seconds; collects garbage and decides nothing
    by_owner = ByOwner()
    by_facet = ByFacet()
    by_quality = ByQuality()


class CredentialRecord(Item):
    """An item of the table of credentials, which only `auth` may touch."""

    class Meta(_Meta):
        table_name = settings().credentials_table

    record_kind = DiscriminatorAttribute()
    ttl = NumberAttribute(null=True)


class AuditRecord(Item):
    """An item of the audit table: something that a principal did. Written, never changed."""

    class Meta(_Meta):
        table_name = settings().audit_table


class EphemeralRecord(Item):
    """An item with a short life."""

    class Meta(_Meta):
        table_name = settings().ephemeral_table

    record_kind = DiscriminatorAttribute()
    ttl = NumberAttribute()


# Opened on the base class, so that all kinds of records share one client: each costs 60 ms at a cold start.
connection = Record._get_connection().connection  # noqa: SLF001  # pynamodb has no public way to share one
for _table in (CredentialRecord, AuditRecord, EphemeralRecord):
    _of_table = _table._get_connection()  # noqa: SLF001
    connection.add_meta_table(_of_table.get_meta_table())
    _of_table.connection = connection


@contextmanager
def answering() -> Iterator[None]:
    """Turn the silence of a table into Unavailable; what is our own mistake passes on as it is."""
    try:
        yield
    except PynamoDBException as error:
        if isinstance(error.cause, BotoCoreError) or error.cause_response_code in BUSY:
            raise Unavailable from error
        raise


Found = TypeVar("Found", bound=Record)


def page_of(
    kind: type[Found],
    index: type[ByOwner | ByFacet | ByQuality],
    partition: str,
    asked: PageRequest,
    *,
    descending: bool = False,
    prefix: str = "",
) -> Page[Found]:
    """A page of one partition of an index, in the order of its sort key. One round trip. Raises Unavailable.

    The index lags behind the table by milliseconds, and its rows hold all that the table's rows hold.
    """
    sort_key = {ByOwner: kind.position, ByFacet: kind.rank, ByQuality: kind.turn}[index]
    forward = descending == asked.backward
    lowest, highest = _bounds(asked, prefix, forward=forward)
    if lowest.encode() > highest.encode():
        return Page([])  # a cursor from outside of the prefix
    with answering():
        # BETWEEN includes its ends, and the position itself was on the page before: so one more for it, and one more
        # that tells whether there is a page behind this one.
        found = kind.query(
            partition,
            sort_key.between(lowest, highest),
            index_name=index.Meta.index_name,
            scan_index_forward=forward,
            limit=asked.limit + 2,
            page_size=asked.limit + 2,
        )
        rows = [row for row in found if getattr(row, sort_key.attr_name) != asked.position]
    more, rows = len(rows) > asked.limit, rows[: asked.limit]
    before, behind = asked.position is not None, more
    if asked.backward:
        rows.reverse()
        before, behind = more, True
    place = [getattr(row, sort_key.attr_name) for row in rows]
    return Page(rows, next=place[-1] if rows and behind else None, prev=place[0] if rows and before else None)


def _bounds(asked: PageRequest, prefix: str, *, forward: bool) -> tuple[str, str]:
    """Between which sort keys the page lies, both ends included. DynamoDB orders texts by their UTF-8 bytes."""
    lowest, highest = prefix or "\x00", prefix + "\U0010ffff"
    if asked.position is None:
        return lowest, highest
    if forward:
        return max(lowest, asked.position), highest
    return lowest, min(highest, asked.position)
