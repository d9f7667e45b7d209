"""The time of the last use of a session or an API key.

It has a row of its own, which every function that serves requests may write. So none of them but `auth` and `projects` needs
the right to write sessions or keys.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

from holdall.last_use import store
from holdall.platform import clock
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.table import BatchGet, Pending, Transaction

_INTERVAL = timedelta(minutes=1)  # between two updates


def get(batch: BatchGet, credential_id: str) -> Pending[datetime]:
    """Read the time of the last use of a session or an API key."""
    return store.get(batch, credential_id)


def update(
    credential_id: str,
    last_used_at: datetime | None,
    *,
    expires_at: datetime | None = None,
    check: Callable[[Transaction], None] = lambda _: None,
) -> None:
    """Set the time of the last use, at most once a minute. `check` adds a condition to the transaction.

    The credential cannot be used after `expires_at`. If DynamoDB does not respond, the next request updates the time: no
    response depends on it.
    """
    now = clock.now()
    if last_used_at is None or now - last_used_at > _INTERVAL:
        with contextlib.suppress(store.AlreadyUpdated, ServiceUnavailable), Transaction() as tx:
            check(tx)
            store.put(tx, credential_id, now, if_before=now - _INTERVAL, expires_at=expires_at)


def delete(tx: Transaction, credential_id: str) -> None:
    """Delete the time of the last use, together with the API key."""
    store.delete_if_exists(tx, credential_id)
