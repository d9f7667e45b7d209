"""What pages of a list cost, while it is short and after it has grown."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

from holdall.platform.pagination import PageRequest
from tests.scale.capacity import CapacityMeter, Cost
from tests.support.lists import LISTS, RouteList
from tests.support.rows import Partition, RowFactory

FEW_ROWS, MANY_ROWS = 10, 10_000
SMALL_LIMIT = 3  # rows of a page that lies in the middle of ten, with one before it and one behind
DEFAULT_LIMIT = 50


@dataclass(frozen=True)
class PageCase:
    """A page: how it is asked for, and the number of its first row."""

    page: PageRequest
    start: int


def page_cases(keys: Sequence[str], limit: int) -> dict[str, PageCase]:
    """Where pages of a list with these positions lie, and from which side one comes to them."""
    middle, last = len(keys) // 2, len(keys) - limit
    return {
        "first": PageCase(PageRequest(limit), 0),
        "middle": PageCase(PageRequest(limit, keys[middle - 1]), middle),
        "last": PageCase(PageRequest(limit, keys[last - 1]), last),
        "backward from the end": PageCase(PageRequest(limit, keys[last], backward=True), last - limit),
        "backward from the middle": PageCase(PageRequest(limit, keys[middle], backward=True), middle - limit),
        "backward to the first": PageCase(PageRequest(limit, keys[limit], backward=True), 0),
    }


PAGE_CASES = tuple(page_cases("0123456789", SMALL_LIMIT))


class ListCosts:
    """Measured filling by filling, each when it is first asked for: all tests share the rows."""

    def __init__(self, capacity_meter: CapacityMeter) -> None:
        self._capacity_meter = capacity_meter
        self._measured = cache(self._measure_factory)

    def get(self, name: str, rows: int, limit: int = SMALL_LIMIT) -> dict[str, Cost]:
        """What each page of a list costs when there are so many rows, by its place."""
        return self._measured(LISTS[name].factory)[name, rows, limit]

    def _measure_factory(self, factory: RowFactory) -> dict[tuple[str, int, int], dict[str, Cost]]:
        field, found = Partition(factory, factory.new_owner_id()), {}
        for rows, limits in {FEW_ROWS: (SMALL_LIMIT,), MANY_ROWS: (SMALL_LIMIT, DEFAULT_LIMIT)}.items():
            field.grow(rows)
            for name, listed in LISTS.items():
                for limit in limits if listed.factory is factory else ():
                    found[name, rows, limit] = self.measure_pages(field, listed, limit)
        return found

    def measure_pages(self, partition: Partition, route_list: RouteList, limit: int) -> dict[str, Cost]:
        """Ask for the pages of a list, and see that they are those that were meant."""
        keys = partition.sort_keys(route_list.sort_key, route_list.prefix)
        keys = keys[::-1] if route_list.descending else keys
        if len(keys) < 2 * limit:
            return {}  # a list that stays short has no such pages
        found = {}
        for name, place in page_cases(keys, limit).items():
            page, found[name] = self._capacity_meter.measure(partial(route_list.query, partition.owner_id, place.page))
            end = place.start + limit
            assert len(page.items) == limit
            assert (page.prev, page.next) == (
                keys[place.start] if place.start else None,
                keys[end - 1] if end < len(keys) else None,
            ), name
        return found
