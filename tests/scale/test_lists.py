"""A page costs what is on it, however long its list is and wherever in it the page lies."""

import pytest

from holdall.audit.store import EntryRecord
from tests.scale.bill import Bill, Cost
from tests.scale.costs import FEW, MANY, PLACES, USUAL, Costs
from tests.scale.lists import LISTS
from tests.scale.rows import Field


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", LISTS)
def test_a_page_costs_the_same_among_ten_rows_and_among_ten_thousand(name: str, place: str, costs: Costs) -> None:
    assert costs.of(name, MANY)[place] == costs.of(name, FEW)[place]


@pytest.mark.parametrize("name", [name for name, listed in LISTS.items() if not listed.beginning])
def test_a_page_of_fifty_costs_the_same_wherever_it_lies(name: str, costs: Costs) -> None:
    found = costs.of(name, MANY, USUAL)

    assert len({cost.calls for cost in found.values()}) == 1
    # A page at either end has one row less to look at, which may be worth half a unit.
    assert max(cost.units for cost in found.values()) - min(cost.units for cost in found.values()) <= 0.5


def test_a_list_that_walks_its_partition_would_be_found(bill: Bill) -> None:
    filling = LISTS["audit of an actor"].rows
    field = Field(filling, filling.new_owner())

    def one_row_of_all() -> Cost:
        field.grow(field.size + 500)
        sought = EntryRecord.id == field.records[0].sk
        found, cost = bill.of(lambda: list(EntryRecord.query(field.owner, None, sought, index_name="by-actor")))
        assert len(found) == 1
        return cost

    assert one_row_of_all().units * 1.9 < one_row_of_all().units
