"""Pages of a partition, and walks through a whole table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pynamodb.attributes import Attribute

from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table.records import (
    GSI1,
    GSI2,
    GSI3,
    ByAction,
    ByActor,
    ByTarget,
    ByTime,
    Item,
    translate_dynamodb_errors,
)

T = TypeVar("T", bound=Item)
Index = type[GSI1 | GSI2 | GSI3 | ByActor | ByTarget | ByAction | ByTime]

_SORT_KEYS: dict[Index, str] = {
    GSI1: "gsi1sk",
    GSI2: "gsi2sk",
    GSI3: "gsi3sk",
    **dict.fromkeys((ByActor, ByTarget, ByAction, ByTime), "gsi_sk"),
}
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
    """A page of one partition of an index, in the order of its sort key. One round trip. Raises Unavailable.

    The index lags behind the table by milliseconds, and its rows hold all that the table's rows hold. Without an index it is a
    page of the table itself, strongly consistent; `prefix` then keeps to rows of one kind. No row lies outside of the two ends
    `between`, where they are given. A page of more than a megabyte takes a round trip for each.
    """
    sort_key: Attribute[str] = getattr(record_type, _SORT_KEYS[index] if index else "sk")
    forward = descending == page.backward
    lowest, highest = _bounds(
        page, range_[0] or prefix or _MIN_SORT_KEY, range_[1] or prefix + _MAX_SORT_KEY, forward=forward
    )
    if lowest.encode() > highest.encode():
        return Page([])  # a cursor from outside of these ends
    with translate_dynamodb_errors():
        # BETWEEN includes its ends, and the position itself was on the page before: so one more for it, and one more
        # that tells whether there is a page behind this one.
        found = record_type.query(
            partition_key,
            sort_key.between(lowest, highest),
            index_name=index.Meta.index_name if index else None,
            consistent_read=index is None,
            scan_index_forward=forward,
            limit=page.limit + 2,
            page_size=page.limit + 2,
        )
        rows = [row for row in found if getattr(row, sort_key.attr_name) != page.position]
    return _build_page(rows, [getattr(row, sort_key.attr_name) for row in rows], page)


@dataclass(frozen=True)
class ScanPage(Generic[T]):
    """A part of a walk through a table. `next` is where the walk goes on, None at its end."""

    rows: Sequence[T]
    last_evaluated_key: dict[str, Any] | None


def scan_page(record_type: type[T], start_key: dict[str, Any] | None) -> ScanPage[T]:
    """All rows of a kind in the next megabyte of its table, strongly consistent. One round trip. Raises Unavailable.

    It reads rows of every kind on its way, so it is for work of the night and never for a request.
    """
    with translate_dynamodb_errors():
        walk = record_type.scan(last_evaluated_key=start_key, consistent_read=True).page_iter
        rows = [record_type.from_raw_data(item) for item in next(walk)["Items"]]
    return ScanPage(rows, walk.last_evaluated_key)


def _build_page(rows: list[T], sort_keys: list[str], page: PageRequest) -> Page[T]:
    more, rows, sort_keys = len(rows) > page.limit, rows[: page.limit], sort_keys[: page.limit]
    before, behind = page.position is not None, more
    if page.backward:
        rows.reverse()
        sort_keys.reverse()
        before, behind = more, True
    return Page(rows, next=sort_keys[-1] if rows and behind else None, prev=sort_keys[0] if rows and before else None)


def _bounds(page: PageRequest, lowest: str, highest: str, *, forward: bool) -> tuple[str, str]:
    """Between which sort keys the page lies, both ends included. DynamoDB orders texts by their UTF-8 bytes."""
    if page.position is None:
        return lowest, highest
    if forward:
        return max(lowest, page.position), highest
    return lowest, min(highest, page.position)
