"""The memory of what principals did."""

from datetime import date

from holdall.audit import store
from holdall.audit.model import AuditEntry, AuditFilter, Outcome
from holdall.platform import ids
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import Transaction

ANONYMOUS = "anonymous"
SHARDS = store.SHARDS  # parts of a day


def log(
    tx: Transaction,
    client: ClientInfo,
    action: str,
    target: str,
    *,
    outcome: Outcome = "success",
    actor: str | None = None,
) -> None:
    """Tell, in the transaction of the deed itself, who did what. `actor` names who a visitor turned out to be."""
    entry_id = ids.new_id()
    entry = AuditEntry(
        id=entry_id,
        created_at=ids.created_at(entry_id),
        actor=actor or (client.user_id if isinstance(client, Caller) else ANONYMOUS),
        api_key_id=client.api_key_id if isinstance(client, Caller) else None,
        action=action,
        target=target,
        outcome=outcome,
        client_ip=client.ip,
        user_agent=client.user_agent,
        request_id=client.request_id,
    )
    store.put(tx, entry)


def list_entries(filter_: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
    """What was done, newest first. Raises Invalid for a filter that cannot be, and Unavailable."""
    filter_.validate()
    return store.list_page(filter_, page)


def export(caller: Caller, filter_: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
    """The same in large pages, for a file. Whoever takes the journal away is in it themselves. Raises as `page` does."""
    filter_.validate()
    with Transaction() as write:
        log(write, caller, "audit.export", "audit")
    return store.list_page(filter_, page)


def list_day_shard(day: date, shard: int, page: PageRequest) -> Page[AuditEntry]:
    """What was done on a day, one of its parts, oldest first. Complete once the day is over. Raises Unavailable."""
    return store.list_day_shard(day, shard, page)
