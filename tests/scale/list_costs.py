"""The costs of pages of a list, in a short and in a long list."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

from holdall.platform.pagination import PageRequest
from tests.scale.capacity import CapacityMeter, Cost
from tests.support.lists import LISTS, RouteList
from tests.support.rows import Partition, RowFactory

SHORT, LONG = 100, 1_000  # rows
SMALL_LIMIT, DEFAULT_LIMIT = 3, 50
# The kinds of lists: of a partition of an index, of a prefix of its sort keys, and of several partitions.
NAMES = ("files, newest first", "files by prefix", "audit")


@dataclass(frozen=True)
class PageCase:
    """A request for a page, and the number of the first row that it must return."""

    page: PageRequest
    start: int


def page_cases(keys: Sequence[str], limit: int) -> dict[str, PageCase]:
    """Return requests for pages of a list with these positions, by where the page is and how a client gets there."""
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
    """Measures the costs of pages. Lists of the same rows are measured together, when a test first needs one of them."""

    def __init__(self, capacity_meter: CapacityMeter) -> None:
        self._capacity_meter = capacity_meter
        self._measured = cache(self._measure_factory)

    def get(self, name: str, rows: int, limit: int = SMALL_LIMIT) -> dict[str, Cost]:
        """Return the cost of each page of a list with this number of rows, by the name of the case."""
        return self._measured(LISTS[name].factory)[name, rows, limit]

    def _measure_factory(self, factory: RowFactory) -> dict[tuple[str, int, int], dict[str, Cost]]:
        partition, costs = Partition(factory, factory.new_owner_id()), {}
        for rows, limits in {SHORT: (SMALL_LIMIT,), LONG: (SMALL_LIMIT, DEFAULT_LIMIT)}.items():
            partition.grow(rows)
            for name in NAMES:
                for limit in limits if LISTS[name].factory is factory else ():
                    costs[name, rows, limit] = self._measure_pages(partition, LISTS[name], limit)
        return costs

    def _measure_pages(self, partition: Partition, route_list: RouteList, limit: int) -> dict[str, Cost]:
        keys = partition.sort_keys(route_list.sort_key, route_list.prefix)
        keys = keys[::-1] if route_list.descending else keys
        if len(keys) < 2 * limit:
            return {}  # a prefix with few rows
        costs = {}
        for name, case in page_cases(keys, limit).items():
            page, costs[name] = self._capacity_meter.measure(partial(route_list.query, partition.owner_id, case.page))
            end = case.start + limit
            assert len(page.items) == limit
            assert (page.prev, page.next) == (
                keys[case.start] if case.start else None,
                keys[end - 1] if end < len(keys) else None,
            ), name
        return costs
