"""A page costs what is on it, however long its list is and wherever in it the page lies."""

import pytest

from holdall.audit.store import AuditEntryRecord
from tests.scale.capacity import CapacityMeter, Cost
from tests.scale.list_costs import DEFAULT_LIMIT, FEW_ROWS, MANY_ROWS, PAGE_CASES, ListCosts
from tests.support.lists import LISTS
from tests.support.rows import Partition


@pytest.mark.parametrize("page_case", PAGE_CASES)
@pytest.mark.parametrize("name", LISTS)
def test_page_costs_the_same_in_a_short_and_a_long_list(
    name: str, page_case: str, list_costs: ListCosts
) -> None:
    assert list_costs.get(name, MANY_ROWS)[page_case] == list_costs.get(name, FEW_ROWS)[page_case]


@pytest.mark.parametrize("name", [name for name, listed in LISTS.items() if not listed.prefix])
def test_page_costs_the_same_at_every_position(name: str, list_costs: ListCosts) -> None:
    found = list_costs.get(name, MANY_ROWS, DEFAULT_LIMIT)

    assert len({cost.calls for cost in found.values()}) == 1
    # A page at either end has one row less to look at, which may be worth half a unit.
    assert max(cost.units for cost in found.values()) - min(cost.units for cost in found.values()) <= 0.5


def test_list_that_reads_its_whole_partition_is_detected(capacity_meter: CapacityMeter) -> None:
    filling = LISTS["audit log by actor"].factory
    field = Partition(filling, filling.new_owner_id())

    def one_row_of_all() -> Cost:
        field.grow(field.size + 500)
        sought = AuditEntryRecord.request_id == field.records[0].sk
        found, cost = capacity_meter.measure(
            lambda: list(AuditEntryRecord.query(field.owner_id, None, sought, index_name="by-actor"))
        )
        assert len(found) == 1
        return cost

    assert one_row_of_all().units * 1.9 < one_row_of_all().units
