"""Events of a project."""

from typing import Any

from holdall.events import store
from holdall.events.model import Event
from holdall.platform import ids
from holdall.platform.table import Transaction


def emit(tx: Transaction, project_id: str, event_type: str, **data: Any) -> None:
    """Emit an event in the transaction of the change, so that neither is committed without the other."""
    store.put(tx, Event(id=ids.new_id(), project_id=project_id, type=event_type, data=data))
