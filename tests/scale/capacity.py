"""The capacity units that DynamoDB reports for each call."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from holdall.platform.table import records

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """The names of the calls in order, and the sum of their capacity units."""

    calls: tuple[str, ...]
    units: float


class CapacityMeter:
    """Measures the capacity units of Holdall's calls to DynamoDB."""

    def __init__(self) -> None:
        self._calls: list[tuple[str, float]] = []

    def measure(self, operation: Callable[[], Result]) -> tuple[Result, Cost]:
        """Return the result of an operation, and its cost."""
        self._calls.clear()
        result = operation()
        return result, Cost(tuple(call for call, _ in self._calls), sum(units for _, units in self._calls))

    @contextmanager
    def recording(self) -> Iterator["CapacityMeter"]:
        """Request the capacity units of every call in the block."""
        events: Any = records.connection.client.meta.events
        hooks: dict[str, Any] = {
            "provide-client-params.dynamodb": _request_capacity,
            "after-call.dynamodb": self._record,
        }
        for name, hook in hooks.items():
            events.register(name, hook)
        yield self
        for name, hook in hooks.items():
            events.unregister(name, hook)

    def _record(self, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        tables = consumed if isinstance(consumed, list) else [consumed]  # one for each table that a call names
        self._calls.append((model.name, sum(table["CapacityUnits"] for table in tables)))


def _request_capacity(params: Mapping[str, Any], model: Any, **_: Any) -> Mapping[str, Any]:
    is_supported = "ReturnConsumedCapacity" in model.input_shape.members
    return {**params, "ReturnConsumedCapacity": "TOTAL"} if is_supported else params
