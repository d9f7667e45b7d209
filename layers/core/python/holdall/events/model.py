"""Events: changes in a project."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """A change. `type` is resource and change, such as file.ready. `data` is small: IDs, states and numbers."""

    id: str
    project_id: str
    type: str
    data: dict[str, Any]
