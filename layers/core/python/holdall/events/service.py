"""News of a project, written in the transaction of the change that they tell of."""

from typing import Any

from holdall.events import store
from holdall.events.model import Event
from holdall.platform import ids
from holdall.platform.table import Transaction


def emit(tx: Transaction, project_id: str, event_type: str, **data: Any) -> None:
    """Tell that something changed."""
    store.put(tx, Event(id=ids.new_id(), project_id=project_id, type=event_type, data=data))
