"""A page costs the same in a short and in a long list, and at every position."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from holdall.audit.store import AuditEntryRecord
from holdall.platform.pagination import PageRequest
from holdall.platform.table import records
from tests.scale.capacity import CapacityMeter, Cost
from tests.scale.list_costs import DEFAULT_LIMIT, LONG, NAMES, PAGE_CASES, SHORT, ListCosts
from tests.support.lists import LISTS
from tests.support.rows import Partition


@pytest.mark.parametrize("name", LISTS)
def test_every_list_limits_its_queries(name: str, queries: list[Mapping[str, Any]]) -> None:
    # So the costs of a few kinds of lists are enough.
    LISTS[name].query(LISTS[name].factory.new_owner_id(), PageRequest(DEFAULT_LIMIT))

    assert queries
    # The page, its position, and one row that shows whether there is another page.
    assert {query["Limit"] for query in queries} == {DEFAULT_LIMIT + 2}


@pytest.mark.parametrize("page_case", PAGE_CASES)
@pytest.mark.parametrize("name", NAMES)
def test_page_costs_the_same_in_a_short_and_a_long_list(name: str, page_case: str, list_costs: ListCosts) -> None:
    long, short = list_costs.get(name, LONG)[page_case], list_costs.get(name, SHORT)[page_case]

    assert long.calls == short.calls
    # Of several partitions, all but one may have no rows there, and such a query costs nothing.
    assert abs(long.units - short.units) <= 0.5 * (len(long.calls) - 1)


@pytest.mark.parametrize("name", [name for name in NAMES if not LISTS[name].prefix])
def test_page_costs_no_more_at_any_position_than_in_the_middle(name: str, list_costs: ListCosts) -> None:
    costs = list_costs.get(name, LONG, DEFAULT_LIMIT)

    assert len({cost.calls for cost in costs.values()}) == 1
    # One row more in a page can cost half a unit.
    assert max(cost.units for cost in costs.values()) <= costs["middle"].units + 0.5


def test_list_that_reads_its_whole_partition_is_detected(capacity_meter: CapacityMeter) -> None:
    factory = LISTS["audit log by actor"].factory
    partition = Partition(factory, factory.new_owner_id())

    def find_one_row() -> Cost:
        partition.grow(partition.size + 500)
        is_first = AuditEntryRecord.request_id == partition.records[0].sk
        rows, cost = capacity_meter.measure(
            lambda: list(AuditEntryRecord.query(partition.owner_id, None, is_first, index_name="by-actor"))
        )
        assert len(rows) == 1
        return cost

    assert find_one_row().units * 1.9 < find_one_row().units


@pytest.fixture
def queries(tables: None) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the parameters of the queries in the test."""
    sent: list[Mapping[str, Any]] = []

    def record(params: Mapping[str, Any], **_: Any) -> None:
        sent.append(params)

    events: Any = records.connection.client.meta.events
    events.register("provide-client-params.dynamodb.Query", record)
    yield sent
    events.unregister("provide-client-params.dynamodb.Query", record)
