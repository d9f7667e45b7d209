"""The records of events. The stream of the table carries them to whoever listens."""

import json
from datetime import timedelta

from pynamodb.attributes import UnicodeAttribute

from holdall import clock
from holdall.errors import Conflict
from holdall.events.model import Event
from holdall.table import Record, Transaction

_KEPT = timedelta(days=7)


class EventRecord(Record, discriminator="event"):
    type = UnicodeAttribute()
    data = UnicodeAttribute()


def add(write: Transaction, event: Event) -> None:
    """Add an event to what happens."""
    record = EventRecord(
        f"EVENTS#{event.project_id}",
        event.id,
        type=event.type,
        data=json.dumps(event.data),
        ttl=int((clock.now() + _KEPT).timestamp()),
    )
    write.create(record, otherwise=Conflict("event_exists", "This has been told already."))
