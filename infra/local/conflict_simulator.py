"""What no local DynamoDB does: it refuses what touches an item of a transaction that is under way.

A write of a transaction is refused while another transaction that holds its item is under way, and so is a PutItem, UpdateItem
or DeleteItem (AWS developer guide, Amazon DynamoDB Transactions: How it works, "Transaction conflict handling"). That is done
here, below the SDK, for one process and for those that are forked from it.
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

_LOCK_SLOTS = 1 << 20  # two keys that fall into one are in each other's way once in a million times
_MAX_CONNECTIONS = 64  # connections that are kept open
_SINGLE_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
_FORK_CONTEXT = multiprocessing.get_context("fork")


class ConflictSimulator:
    """Keeps the keys of transactions that are under way.

    `seconds` is how long each of them takes, or longer where the server does; one that is refused is told so after half of
    that, as it came no further than to its preparation. `chance` is that of being refused for no reason.
    """

    def __init__(self, *, transaction_seconds: float = 0, conflict_probability: float = 0) -> None:
        self._transaction_seconds, self._conflict_probability = transaction_seconds, conflict_probability
        self._lock = _FORK_CONTEXT.Lock()
        self._locked_slots = _FORK_CONTEXT.RawArray("B", _LOCK_SLOTS)
        self._counters = _FORK_CONTEXT.RawArray("L", 2)

    def attach(self, events: BaseEventHooks) -> None:
        """Stand between a client of DynamoDB, by its `meta.events`, and the server."""
        events.register_first("before-send.dynamodb.TransactWriteItems", self._on_transact_write)
        for operation in _SINGLE_WRITES:
            events.register_first(f"before-send.dynamodb.{operation}", self._on_single_write)

    @property
    def transaction_count(self) -> int:
        """Transactions, each attempt counted."""
        return int(self._counters[0])

    @property
    def conflict_count(self) -> int:
        """Of those, the ones that were in another's way."""
        return int(self._counters[1])

    @cached_property
    def _http_session(self) -> URLLib3Session:
        # A request is two writes, and without this the second waits for the server's receipt of the first, 40 ms.
        at_once: list[Any] = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        return URLLib3Session(max_pool_connections=_MAX_CONNECTIONS, socket_options=at_once)

    def _on_transact_write(self, request: Any, **_: Any) -> Any:
        items = json.loads(request.body)["TransactItems"]
        slots = [_lock_slot(part) for item in items for part in item.values()]
        refused = self._try_lock(items, slots)
        if any(refused):
            time.sleep(self._transaction_seconds / 2)
            return _cancelled_response(request.url, refused)
        end = time.monotonic() + self._transaction_seconds
        try:
            answer = self._http_session.send(request)
            time.sleep(max(end - time.monotonic(), 0))
            return answer
        finally:
            with self._lock:
                for slot in slots:
                    self._locked_slots[slot] = 0

    def _try_lock(self, items: Sequence[dict[str, Any]], slots: Sequence[int]) -> list[bool]:
        """Which items are refused; when none is, all are held from now on."""
        unlucky = _choose_conflict(items) if random.random() < self._conflict_probability else -1  # noqa: S311  # no secret
        with self._lock:
            refused = [number == unlucky or self._locked_slots[slot] == 1 for number, slot in enumerate(slots)]
            self._counters[0] += 1
            self._counters[1] += any(refused)
            if not any(refused):
                for slot in slots:
                    self._locked_slots[slot] = 1
        return refused

    def _on_single_write(self, request: Any, **_: Any) -> Any:
        with self._lock:
            held = self._locked_slots[_lock_slot(json.loads(request.body))]
        said = {"message": "Transaction is ongoing for the item"}
        return _error_response(request.url, "TransactionConflictException", said) if held else None


class _RawBody(BytesIO):
    """What is left to be read of an answer, in the form in which the SDK reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _lock_slot(part: dict[str, Any]) -> int:
    key = part.get("Key") or part["Item"]
    text = json.dumps([part["TableName"], key["pk"], key["sk"]])
    return zlib.crc32(text.encode()) % _LOCK_SLOTS


def _choose_conflict(items: Sequence[dict[str, Any]]) -> int:
    """The number of an item that others may hold too; what is put is mostly new, and nobody else's."""
    shared = [number for number, item in enumerate(items) if "Put" not in item]
    return random.choice(shared or range(len(items)))  # noqa: S311  # no secret


def _cancelled_response(url: str, conflicts: Sequence[bool]) -> AWSResponse:
    codes = ["TransactionConflict" if each else "None" for each in conflicts]
    reasons = [
        {"Code": code, "Message": "Transaction is ongoing for the item"} if code != "None" else {"Code": code}
        for code in codes
    ]
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    return _error_response(url, "TransactionCanceledException", {"Message": message, "CancellationReasons": reasons})


def _error_response(url: str, error_type: str, body: dict[str, Any]) -> AWSResponse:
    content = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{error_type}", **body}).encode()
    headers = HTTPHeaders()
    headers["content-type"] = "application/x-amz-json-1.0"
    return AWSResponse(url, 400, headers, _RawBody(content))
