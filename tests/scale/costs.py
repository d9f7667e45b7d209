"""What pages of a list cost, while it is short and after it has grown."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

from holdall.page import PageRequest
from tests.scale.bill import Bill, Cost
from tests.scale.lists import LISTS, Listed
from tests.scale.rows import Field, Filling

FEW, MANY = 10, 10_000
SMALL = 3  # rows of a page that lies in the middle of ten, with one before it and one behind
USUAL = 50


@dataclass(frozen=True)
class Place:
    """A page: how it is asked for, and the number of its first row."""

    asked: PageRequest
    start: int


def places(keys: Sequence[str], limit: int) -> dict[str, Place]:
    """Where pages of a list with these positions lie, and from which side one comes to them."""
    middle, last = len(keys) // 2, len(keys) - limit
    return {
        "first": Place(PageRequest(limit), 0),
        "middle": Place(PageRequest(limit, keys[middle - 1]), middle),
        "last": Place(PageRequest(limit, keys[last - 1]), last),
        "back from the end": Place(PageRequest(limit, keys[last], backward=True), last - limit),
        "back in the middle": Place(PageRequest(limit, keys[middle], backward=True), middle - limit),
        "back to the first": Place(PageRequest(limit, keys[limit], backward=True), 0),
    }


PLACES = tuple(places("0123456789", SMALL))


class Costs:
    """Measured filling by filling, each when it is first asked for: all tests share the rows."""

    def __init__(self, bill: Bill) -> None:
        self._bill = bill
        self._measured = cache(self._measure)

    def of(self, name: str, rows: int, limit: int = SMALL) -> dict[str, Cost]:
        """What each page of a list costs when there are so many rows, by its place."""
        return self._measured(LISTS[name].rows)[name, rows, limit]

    def _measure(self, filling: Filling) -> dict[tuple[str, int, int], dict[str, Cost]]:
        field, found = Field(filling, filling.new_owner()), {}
        for rows, limits in {FEW: (SMALL,), MANY: (SMALL, USUAL)}.items():
            field.grow(rows)
            for name, listed in LISTS.items():
                for limit in limits if listed.rows is filling else ():
                    found[name, rows, limit] = self.measure(field, listed, limit)
        return found

    def measure(self, field: Field, listed: Listed, limit: int) -> dict[str, Cost]:
        """Ask for the pages of a list, and see that they are those that were meant."""
        keys = field.keys(listed.order, listed.beginning)
        keys = keys[::-1] if listed.descending else keys
        if len(keys) < 2 * limit:
            return {}  # a list that stays short has no such pages
        found = {}
        for name, place in places(keys, limit).items():
            page, found[name] = self._bill.of(partial(listed.page, field.owner, place.asked))
            end = place.start + limit
            assert len(page.items) == limit
            assert (page.prev, page.next) == (
                keys[place.start] if place.start else None,
                keys[end - 1] if end < len(keys) else None,
            ), name
        return found
