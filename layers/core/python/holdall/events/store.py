"""The records of events. The stream of the table carries them to whoever listens."""

import json
from datetime import timedelta

from pynamodb.attributes import UnicodeAttribute

from holdall.events.model import Event
from holdall.platform import clock
from holdall.platform.errors import Conflict
from holdall.platform.table import Record, Transaction

_RETENTION = timedelta(days=7)


class EventRecord(Record, discriminator="event"):
    type = UnicodeAttribute()
    data = UnicodeAttribute()


def put(tx: Transaction, event: Event) -> None:
    """Add an event to what happens."""
    record = EventRecord(
        f"EVENTS#{event.project_id}",
        event.id,
        type=event.type,
        data=json.dumps(event.data),
        ttl=int((clock.now() + _RETENTION).timestamp()),
    )
    tx.put_new(record, error=Conflict("The event already exists.", code="event_exists"))
