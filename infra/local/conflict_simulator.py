"""Transaction conflicts, which no local DynamoDB has.

DynamoDB rejects a transaction that writes an item while another transaction with this item is in progress, and also a
PutItem, UpdateItem or DeleteItem (DynamoDB developer guide, "Transaction conflict handling in DynamoDB"). This module does the
same below the SDK, for one process and the processes that are forked from it.
"""

import json
import multiprocessing
import random
import socket
import time
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.hooks import BaseEventHooks
from botocore.httpsession import URLLib3Session

_LOCK_SLOTS = 1 << 20  # two keys share a slot, and conflict falsely, once in a million times
_MAX_CONNECTIONS = 64
_SINGLE_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
_FORK_CONTEXT = multiprocessing.get_context("fork")


class ConflictSimulator:
    """Locks the items of transactions in progress, and rejects other writes to them.

    A transaction takes at least `transaction_seconds`. A rejected one takes half of that, because it ends in the prepare phase.
    A transaction is also rejected without a conflict, with the probability `conflict_probability`.
    """

    def __init__(self, *, transaction_seconds: float = 0, conflict_probability: float = 0) -> None:
        self._transaction_seconds, self._conflict_probability = transaction_seconds, conflict_probability
        self._lock = _FORK_CONTEXT.Lock()
        self._locked_slots = _FORK_CONTEXT.RawArray("B", _LOCK_SLOTS)
        self._counters = _FORK_CONTEXT.RawArray("L", 2)

    def attach(self, events: BaseEventHooks) -> None:
        """Intercept the requests of a boto3 client, whose events are `client.meta.events`."""
        events.register_first("before-send.dynamodb.TransactWriteItems", self._on_transact_write)
        for operation in _SINGLE_WRITES:
            events.register_first(f"before-send.dynamodb.{operation}", self._on_single_write)

    @property
    def transaction_count(self) -> int:
        """Return the number of transactions, where each attempt counts."""
        return int(self._counters[0])

    @property
    def conflict_count(self) -> int:
        """Return the number of rejected transactions."""
        return int(self._counters[1])

    @cached_property
    def _http_session(self) -> URLLib3Session:
        # A request is two writes. Without TCP_NODELAY, the second waits 40 ms for the acknowledgement of the first.
        options: list[Any] = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        return URLLib3Session(max_pool_connections=_MAX_CONNECTIONS, socket_options=options)

    def _on_transact_write(self, request: Any, **_: Any) -> Any:
        items = json.loads(request.body)["TransactItems"]
        slots = [_lock_slot(part) for item in items for part in item.values()]
        conflicts = self._try_lock(items, slots)
        if any(conflicts):
            time.sleep(self._transaction_seconds / 2)
            return _cancelled_response(request.url, conflicts)
        end = time.monotonic() + self._transaction_seconds
        try:
            response = self._http_session.send(request)
            time.sleep(max(end - time.monotonic(), 0))
            return response
        finally:
            with self._lock:
                for slot in slots:
                    self._locked_slots[slot] = 0

    def _try_lock(self, items: Sequence[dict[str, Any]], slots: Sequence[int]) -> list[bool]:
        """Return whether each item conflicts. Locks all of them if none does."""
        chosen = _choose_conflict(items) if random.random() < self._conflict_probability else -1  # noqa: S311  # no secret
        with self._lock:
            conflicts = [number == chosen or self._locked_slots[slot] == 1 for number, slot in enumerate(slots)]
            self._counters[0] += 1
            self._counters[1] += any(conflicts)
            if not any(conflicts):
                for slot in slots:
                    self._locked_slots[slot] = 1
        return conflicts

    def _on_single_write(self, request: Any, **_: Any) -> Any:
        with self._lock:
            is_locked = self._locked_slots[_lock_slot(json.loads(request.body))]
        body = {"message": "Transaction is ongoing for the item"}
        return _error_response(request.url, "TransactionConflictException", body) if is_locked else None


class _RawBody(BytesIO):
    """The body of a response, with the method that the SDK reads it by."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _lock_slot(part: dict[str, Any]) -> int:
    key = part.get("Key") or part["Item"]
    text = json.dumps([part["TableName"], key["pk"], key["sk"]])
    return zlib.crc32(text.encode()) % _LOCK_SLOTS


def _choose_conflict(items: Sequence[dict[str, Any]]) -> int:
    """Return the index of a random item. Prefers items that exist, because others can lock those."""
    shared = [number for number, item in enumerate(items) if "Put" not in item]
    return random.choice(shared or range(len(items)))  # noqa: S311  # no secret


def _cancelled_response(url: str, conflicts: Sequence[bool]) -> AWSResponse:
    conflict = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    reasons = [conflict if each else {"Code": "None"} for each in conflicts]
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return _error_response(url, "TransactionCanceledException", {"Message": message, "CancellationReasons": reasons})


def _error_response(url: str, error_type: str, body: dict[str, Any]) -> AWSResponse:
    content = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{error_type}", **body}).encode()
    headers = HTTPHeaders()
    headers["content-type"] = "application/x-amz-json-1.0"
    return AWSResponse(url, 400, headers, _RawBody(content))
