"""Idempotent requests (IETF draft-ietf-httpapi-idempotency-key-header)."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from holdall.idempotency import store
from holdall.idempotency.model import AlreadyProcessed, DuplicateRequest, IdempotencyKeyReused, StoredResult
from holdall.platform.caller import Caller
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.table import Transaction

R = TypeVar("R")


def run(caller: Caller, work: Callable[[Transaction], R], *, save: Callable[[R], str], replay: Callable[[str], R]) -> R:
    """Do the work in a transaction, once for each Idempotency-Key, and return its result.

    The transaction stores `save(result)` for 24 hours. A duplicate request gets `replay(stored)` instead. Effects that must
    not be repeated belong into the transaction or its `on_commit`. Raises IdempotencyKeyReused if the body differs from the
    first one.
    """
    key = caller.idempotency_key
    try:
        with Transaction() as tx:
            result = work(tx)
            if key is not None:
                store.save(tx, key.key_sha256, StoredResult(key.body_sha256, save(result)))
    except DuplicateRequest:
        stored = find(caller)
        if stored is None:  # it expired between the write and this read
            raise ServiceUnavailable from None
        return replay(stored)
    return result


def claim(caller: Caller, result: str) -> None:
    """Bind the Idempotency-Key to the body of a request that has the same result whenever it is repeated.

    One round trip, and none without a key. Raises IdempotencyKeyReused if the body differs from the first one.
    """
    if caller.idempotency_key is not None:
        run(caller, lambda _: result, save=str, replay=str)


def reject_replay(resource_id: str) -> NoReturn:
    """Reject a duplicate request whose response would contain a secret. Raises AlreadyProcessed."""
    raise AlreadyProcessed(resource_id)


def find(caller: Caller) -> str | None:
    """Return the stored result of the first request with this key. One round trip, and none without a key.

    Raises IdempotencyKeyReused if the body differs from the first one.
    """
    key = caller.idempotency_key
    stored = store.get_or_none(key.key_sha256) if key else None
    if stored is None or key is None:
        return None
    if stored.body_sha256 not in (key.body_sha256, key.former_body_sha256):
        raise IdempotencyKeyReused
    return stored.result
