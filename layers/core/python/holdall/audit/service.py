"""The audit log: the actions of principals. Events tell what the system does by itself."""

from holdall.audit import store
from holdall.audit.model import AuditEntry, AuditFilter, Outcome
from holdall.audit.store import list_day_shard
from holdall.platform import ids
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import Transaction

__all__ = ["ANONYMOUS", "export", "list_day_shard", "list_entries", "log"]

ANONYMOUS = "anonymous"


def log(
    tx: Transaction,
    client: ClientInfo,
    action: str,
    target: str,
    *,
    outcome: Outcome = "success",
    actor: str | None = None,
) -> None:
    """Log an action in the transaction that carries it out, so that neither is committed without the other.

    `actor` is the user whom a request without credentials turned out to be from, such as a sign-up.
    """
    entry_id, caller = ids.new_id(), client if isinstance(client, Caller) else None
    known = caller if caller and caller.share_id is None else None
    entry = AuditEntry(
        id=entry_id,
        created_at=ids.created_at(entry_id),
        actor=actor or (known.user_id if known else ANONYMOUS),
        api_key_id=known.api_key_id if known else None,
        share_id=caller.share_id if caller else None,
        action=action,
        target=target,
        outcome=outcome,
        client_ip=client.ip,
        user_agent=client.user_agent,
        request_id=client.request_id,
    )
    store.put(tx, entry)


def list_entries(filter_: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
    """Return entries, newest first. Raises UnsupportedFilter, InvalidTimeRange and ServiceUnavailable."""
    filter_.validate()
    return store.list_page(filter_, page)


def export(caller: Caller, filter_: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
    """Return a page of an export, and log that the caller exported it. Raises the errors of `list_entries`."""
    filter_.validate()
    with Transaction() as tx:
        log(tx, caller, "audit.export", "audit")
    return store.list_page(filter_, page)
