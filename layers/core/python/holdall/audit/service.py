"""The memory of what principals did."""

from datetime import date

from holdall import ids
from holdall.audit import store
from holdall.audit.model import Entry, Filter, Outcome
from holdall.caller import Caller, Visitor
from holdall.page import Page, PageRequest
from holdall.table import Transaction

ANONYMOUS = "anonymous"
SHARDS = store.SHARDS  # parts of a day


def record(
    write: Transaction,
    who: Visitor,
    action: str,
    target: str,
    *,
    outcome: Outcome = "success",
    actor: str | None = None,
) -> None:
    """Tell, in the transaction of the deed itself, who did what. `actor` names who a visitor turned out to be."""
    entry_id = ids.new_id()
    entry = Entry(
        id=entry_id,
        at=ids.born_at(entry_id),
        actor=actor or (who.user_id if isinstance(who, Caller) else ANONYMOUS),
        key=who.key_id if isinstance(who, Caller) else None,
        action=action,
        target=target,
        outcome=outcome,
        address=who.address,
        agent=who.agent,
        request_id=who.request_id,
    )
    store.add(write, entry)


def page(wanted: Filter, asked: PageRequest) -> Page[Entry]:
    """What was done, newest first. Raises Invalid for a filter that cannot be, and Unavailable."""
    wanted.check()
    return store.page(wanted, asked)


def export(caller: Caller, wanted: Filter, asked: PageRequest) -> Page[Entry]:
    """The same in large pages, for a file. Whoever takes the journal away is in it themselves. Raises as `page` does."""
    wanted.check()
    with Transaction() as write:
        record(write, caller, "audit.export", "audit")
    return store.page(wanted, asked)


def page_of_day(day: date, shard: int, asked: PageRequest) -> Page[Entry]:
    """What was done on a day, one of its parts, oldest first. Complete once the day is over. Raises Unavailable."""
    return store.page_of_day(day, shard, asked)
