"""Records of events. The stream of the table delivers them."""

import json
from datetime import timedelta

from pynamodb.attributes import UnicodeAttribute

from holdall.events.model import Event
from holdall.platform import clock
from holdall.platform.table import Record, Transaction

_RETENTION = timedelta(days=7)


class EventRecord(Record, discriminator="event"):
    type = UnicodeAttribute()
    data = UnicodeAttribute()


def put(tx: Transaction, event: Event) -> None:
    """Add an event."""
    ttl = int((clock.now() + _RETENTION).timestamp())
    data = json.dumps(event.data)
    tx.put_new(EventRecord(f"EVENTS#{event.project_id}", event.id, type=event.type, data=data, ttl=ttl))
