"""Pages of a partition, and walks through a whole table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pynamodb.attributes import Attribute

from holdall.page import Page, PageRequest
from holdall.table.items import (
    ByAction,
    ByActor,
    ByFacet,
    ByOwner,
    ByQuality,
    ByTarget,
    ByTime,
    Item,
    answering,
)

Found = TypeVar("Found", bound=Item)
Index = type[ByOwner | ByFacet | ByQuality | ByActor | ByTarget | ByAction | ByTime]

_SORT_KEYS: dict[Index, str] = {
    ByOwner: "position",
    ByFacet: "rank",
    ByQuality: "turn",
    **dict.fromkeys((ByActor, ByTarget, ByAction, ByTime), "at"),
}
_FIRST, _LAST = "\x00", "\U0010ffff"


def page_of(
    kind: type[Found],
    index: Index | None,
    partition: str,
    asked: PageRequest,
    *,
    descending: bool = False,
    prefix: str = "",
    between: tuple[str | None, str | None] = (None, None),
) -> Page[Found]:
    """A page of one partition of an index, in the order of its sort key. One round trip. Raises Unavailable.

    The index lags behind the table by milliseconds, and its rows hold all that the table's rows hold. Without an index it is a
    page of the table itself, strongly consistent; `prefix` then keeps to rows of one kind. No row lies outside of the two ends
    `between`, where they are given. A page of more than a megabyte takes a round trip for each.
    """
    sort_key: Attribute[str] = getattr(kind, _SORT_KEYS[index] if index else "sk")
    forward = descending == asked.backward
    lowest, highest = _bounds(asked, between[0] or prefix or _FIRST, between[1] or prefix + _LAST, forward=forward)
    if lowest.encode() > highest.encode():
        return Page([])  # a cursor from outside of these ends
    with answering():
        # BETWEEN includes its ends, and the position itself was on the page before: so one more for it, and one more
        # that tells whether there is a page behind this one.
        found = kind.query(
            partition,
            sort_key.between(lowest, highest),
            index_name=index.Meta.index_name if index else None,
            consistent_read=index is None,
            scan_index_forward=forward,
            limit=asked.limit + 2,
            page_size=asked.limit + 2,
        )
        rows = [row for row in found if getattr(row, sort_key.attr_name) != asked.position]
    return _page(rows, [getattr(row, sort_key.attr_name) for row in rows], asked)


@dataclass(frozen=True)
class Stretch(Generic[Found]):
    """A part of a walk through a table. `next` is where the walk goes on, None at its end."""

    rows: Sequence[Found]
    next: dict[str, Any] | None


def stretch_of(kind: type[Found], start: dict[str, Any] | None) -> Stretch[Found]:
    """All rows of a kind in the next megabyte of its table, strongly consistent. One round trip. Raises Unavailable.

    It reads rows of every kind on its way, so it is for work of the night and never for a request.
    """
    with answering():
        walk = kind.scan(last_evaluated_key=start, consistent_read=True).page_iter
        rows = [kind.from_raw_data(item) for item in next(walk)["Items"]]
    return Stretch(rows, walk.last_evaluated_key)


def _page(rows: list[Found], places: list[str], asked: PageRequest) -> Page[Found]:
    more, rows, places = len(rows) > asked.limit, rows[: asked.limit], places[: asked.limit]
    before, behind = asked.position is not None, more
    if asked.backward:
        rows.reverse()
        places.reverse()
        before, behind = more, True
    return Page(rows, next=places[-1] if rows and behind else None, prev=places[0] if rows and before else None)


def _bounds(asked: PageRequest, lowest: str, highest: str, *, forward: bool) -> tuple[str, str]:
    """Between which sort keys the page lies, both ends included. DynamoDB orders texts by their UTF-8 bytes."""
    if asked.position is None:
        return lowest, highest
    if forward:
        return max(lowest, asked.position), highest
    return lowest, min(highest, asked.position)
