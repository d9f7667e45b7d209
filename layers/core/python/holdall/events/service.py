"""News of a project, written in the transaction of the change that they tell of."""

from typing import Any

from holdall import ids
from holdall.events import store
from holdall.events.model import Event
from holdall.table import Transaction


def emit(write: Transaction, project_id: str, kind: str, **data: Any) -> None:
    """Tell that something changed."""
    store.add(write, Event(id=ids.new_id(), project_id=project_id, type=kind, data=data))
