"""Requests that may be sent twice and are done once (IETF draft-ietf-httpapi-idempotency-key-header)."""

from holdall.caller import Caller
from holdall.errors import Invalid, Unavailable
from holdall.idempotency import store
from holdall.idempotency.model import Repeated
from holdall.table import Transaction

__all__ = ["Repeated", "find", "keep", "outcome"]


def keep(write: Transaction, caller: Caller, outcome: str) -> None:
    """Keep the outcome for a repetition, in the transaction that makes it. The transaction raises Repeated for a second."""
    if caller.once is not None:
        store.add(write, caller.once.key, caller.once.request, outcome, otherwise=Repeated())


def outcome(caller: Caller) -> str:
    """What the first of these requests came to. Raises Invalid when it asked for something else."""
    found = find(caller)
    if found is None:  # it ran out between the write and this read
        raise Unavailable
    return found


def find(caller: Caller) -> str | None:
    """What the first of these requests came to, or None. One round trip, and none without a key.

    Raises Invalid when it asked for something else.
    """
    kept = store.find(caller.once.key) if caller.once else None
    if kept is None or caller.once is None:
        return None
    if kept.request != caller.once.request:
        raise Invalid("idempotency_key_reused", "This Idempotency-Key was used for another request.")
    return kept.outcome
