"""The memory of what principals did."""

from holdall import ids
from holdall.audit import store
from holdall.audit.model import Entry, Outcome
from holdall.caller import Caller, Visitor
from holdall.table import Transaction

ANONYMOUS = "anonymous"


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
    entry = Entry(
        id=ids.new_id(),
        actor=actor or (who.user_id if isinstance(who, Caller) else ANONYMOUS),
        action=action,
        target=target,
        outcome=outcome,
        address=who.address,
        agent=who.agent,
        request_id=who.request_id,
    )
    store.add(write, entry)
