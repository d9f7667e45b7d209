"""What DynamoDB says that it asked for an answer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from holdall.platform.table import records

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """The calls, in their order, and the capacity units of all of them together."""

    calls: tuple[str, ...]
    units: float


class CapacityMeter:
    """The calls of Holdall to its tables, each asked what it cost."""

    def __init__(self) -> None:
        self._calls: list[tuple[str, float]] = []

    def measure(self, operation: Callable[[], Result]) -> tuple[Result, Cost]:
        """What a deed comes to, and what it cost."""
        self._calls.clear()
        answer = operation()
        return answer, Cost(tuple(call for call, _ in self._calls), sum(units for _, units in self._calls))

    @contextmanager
    def recording(self) -> Iterator["CapacityMeter"]:
        """Ask on every call from now on until the end of the block."""
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
        told = parsed.get("ConsumedCapacity", [])
        each = told if isinstance(told, list) else [told]  # one for each table, where a call may name several
        self._calls.append((model.name, sum(table["CapacityUnits"] for table in each)))


def _request_capacity(params: Mapping[str, Any], model: Any, **_: Any) -> Mapping[str, Any]:
    asks = "ReturnConsumedCapacity" in model.input_shape.members
    return {**params, "ReturnConsumedCapacity": "TOTAL"} if asks else params
