"""Requests that may be sent twice and are done once (IETF draft-ietf-httpapi-idempotency-key-header)."""

from holdall.idempotency import store
from holdall.idempotency.model import DuplicateRequest
from holdall.platform.caller import Caller
from holdall.platform.errors import ServiceUnavailable, ValidationFailed
from holdall.platform.table import Transaction

__all__ = ["DuplicateRequest", "find", "load", "save"]


def save(tx: Transaction, caller: Caller, result: str) -> None:
    """Keep the outcome for a repetition, in the transaction that makes it. The transaction raises Repeated for a second."""
    if caller.idempotency_key is not None:
        store.save(
            tx, caller.idempotency_key.key_sha256, caller.idempotency_key.body_sha256, result, error=DuplicateRequest()
        )


def load(caller: Caller) -> str:
    """What the first of these requests came to. Raises Invalid when it asked for something else."""
    found = find(caller)
    if found is None:  # it ran out between the write and this read
        raise ServiceUnavailable
    return found


def find(caller: Caller) -> str | None:
    """What the first of these requests came to, or None. One round trip, and none without a key.

    Raises Invalid when it asked for something else.
    """
    kept = store.find(caller.idempotency_key.key_sha256) if caller.idempotency_key else None
    if kept is None or caller.idempotency_key is None:
        return None
    if kept.body_sha256 != caller.idempotency_key.body_sha256:
        raise ValidationFailed("This Idempotency-Key was used for another request.", code="idempotency_key_reused")
    return kept.result
