"""Pages of a list."""

from collections.abc import Sequence
from typing import TypeVar

from pynamodb.attributes import Attribute

from holdall.platform.aws import translate_aws_errors
from holdall.platform.pagination import Page, PageRequest, cut_page
from holdall.platform.table.records import (
    GSI1,
    GSI2,
    GSI3,
    ByAction,
    ByActor,
    ByTarget,
    ByTime,
    Item,
    Record,
    connection,
)

T = TypeVar("T", bound=Item)
Index = type[GSI1 | GSI2 | GSI3 | ByActor | ByTarget | ByAction | ByTime]

_SORT_KEYS: dict[Index | None, str] = {GSI1: "gsi1sk", GSI2: "gsi2sk", GSI3: "gsi3sk"}  # of the others: sk
_MIN_SORT_KEY, _MAX_SORT_KEY = "\x00", "\U0010ffff"


def query_page(
    record_type: type[T],
    index: Index | None,
    partition_key: str,
    page: PageRequest,
    *,
    descending: bool = False,
    prefix: str = "",
    range_: tuple[str | None, str | None] = (None, None),
) -> Page[T]:
    """Return a page of a partition of an index, in the order of its sort key, with the positions of the pages around it.

    An index lags behind the table by milliseconds. Without an index this is a page of the table, strongly consistent. `prefix`
    and the two ends of `range_` limit the sort key. One round trip per megabyte. Raises ServiceUnavailable.
    """
    return query_shards(record_type, index, [partition_key], page, descending=descending, prefix=prefix, range_=range_)


def query_shards(
    record_type: type[T],
    index: Index | None,
    partition_keys: Sequence[str],
    page: PageRequest,
    *,
    descending: bool = False,
    prefix: str = "",
    range_: tuple[str | None, str | None] = (None, None),
) -> Page[T]:
    """Return a page of partitions that are the shards of one list, in the order of their sort keys, which must be unique.

    One round trip per shard, and otherwise as `query_page`.
    """
    sort_key: Attribute[str] = getattr(record_type, _SORT_KEYS.get(index, "sk"))
    forward = descending == page.backward
    low, high = _bounds(
        page, range_[0] or prefix or _MIN_SORT_KEY, range_[1] or prefix + _MAX_SORT_KEY, forward=forward
    )
    if low > high:
        return Page([])  # the cursor is outside of the range
    rows: dict[str, T] = {}
    for partition_key in partition_keys:
        with translate_aws_errors():
            # BETWEEN includes the position, whose record is on the previous page: that is one more than the limit. Another
            # one shows whether there is a next page.
            found = record_type.query(
                partition_key,
                sort_key.between(low, high),
                index_name=index.Meta.index_name if index else None,
                consistent_read=index is None,
                scan_index_forward=forward,
                limit=page.limit + 2,
                page_size=page.limit + 2,
            )
            rows.update({getattr(row, sort_key.attr_name): row for row in found})
    rows.pop(page.position or "", None)
    keys = cut_page(sorted(rows, reverse=not forward), page, position=str)
    return Page([rows[key] for key in keys.items], next=keys.next, prev=keys.prev)


def count_rows(index: Index, partition_key: str, limit: int) -> int:
    """Return the number of records in a partition of an index, at most `limit`. One round trip. Raises ServiceUnavailable."""
    with translate_aws_errors():
        # Below `count` of pynamodb, which takes the limit for the size of its pages and counts them all.
        found = connection.query(
            Record.Meta.table_name, partition_key, index_name=index.Meta.index_name, limit=limit, select="COUNT"
        )
    return int(found["Count"])


def _bounds(page: PageRequest, low: str, high: str, *, forward: bool) -> tuple[str, str]:
    """Return the lowest and the highest sort key of a page. Code points sort like the UTF-8 bytes that DynamoDB compares."""
    if page.position is None:
        return low, high
    if forward:
        return max(low, page.position), high
    return low, min(high, page.position)
